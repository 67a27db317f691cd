import { BookCheck } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { Card, EmptyState, Page } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { listWaitingDrafts } from '#lib/evaluation/draft-cases.ts';
import { listShippedSuites } from '#lib/evaluation/shipped-suites.ts';
import { listSuiteSummaries } from '#lib/evaluation/suites.ts';
import { listDocumentViews } from '#lib/ingestion/read-documents.ts';
import { DraftsDialog } from '../_components/drafts-dialog.tsx';
import { ImportSuiteDialog } from '../_components/import-suite-dialog.tsx';
import { MarksButton } from '../_components/marks-button.tsx';
import { NewSuiteDialog } from '../_components/new-suite-dialog.tsx';
import { ShippedSuites } from '../_components/shipped-suites.tsx';
import { WaitingDrafts } from '../_components/waiting-drafts.tsx';

export const metadata: Metadata = { title: 'Suites' };

export default async function SuitesPage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace: slug } = await params;
  const path = `/admin/${slug}/evaluation/suites`;
  const { deps, authorized, permissions } = await requireWorkspacePage(slug, 'evaluation.read', path);
  const documents = await requireWorkspacePage(slug, 'document.read', path);
  const [suites, drafts, shipped, views] = await Promise.all([
    listSuiteSummaries(deps, authorized),
    listWaitingDrafts(deps, authorized),
    listShippedSuites(deps, authorized),
    listDocumentViews(deps, documents.authorized),
  ]);
  const tools = permissions.includes('evaluation.write') ? (
    <>
      <MarksButton workspace={slug} label="From marked retrievals" />
      <DraftsDialog
        workspace={slug}
        suite={null}
        documents={views
          .filter(({ currentVersionId }) => currentVersionId !== null)
          .map(({ id, title }) => ({ id, title }))}
      />
      <ImportSuiteDialog workspace={slug} />
      <NewSuiteDialog workspace={slug} />
    </>
  ) : null;
  return (
    <Page
      title="Suites"
      lead="Questions that an adapter has to answer, each with what a right answer holds. Every change is a revision that stays."
      actions={suites.length === 0 ? null : tools}
    >
      <WaitingDrafts workspace={slug} sets={drafts} />
      {suites.length === 0 ? (
        <EmptyState icon={<BookCheck aria-hidden />} title="No suites yet" actions={tools}>
          Take in the suites below, write the first case by hand, let the model write some from your documents, import a
          file in YAML or JSONL, or take the questions that were marked on the Retrieval page. In chat, a thumbs-down
          with the right answer becomes a case with one click.
        </EmptyState>
      ) : (
        <Card>
          <ul className="divide-y divide-line">
            {suites.map((suite) => (
              <li
                key={suite.id}
                className="relative flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-4 hover:bg-sunken/40 sm:px-5"
              >
                <div className="min-w-0 flex-1 basis-60">
                  <Link href={`${path}/${suite.id}`} className="text-sm font-medium after:absolute after:inset-0">
                    {suite.name}
                  </Link>
                  {suite.description === '' ? null : (
                    <p className="mt-0.5 text-[0.8125rem] leading-snug text-ink-soft">{suite.description}</p>
                  )}
                </div>
                <p className="text-[0.8125rem] tabular-nums text-ink-faint">
                  {suite.caseCount} {suite.caseCount === 1 ? 'case' : 'cases'} · revision {suite.revisionNumber} ·{' '}
                  <Time value={suite.updatedAt.toISOString()} />
                </p>
              </li>
            ))}
          </ul>
        </Card>
      )}
      <ShippedSuites
        workspace={slug}
        suites={shipped.map(({ cases, ...suite }) => ({ ...suite, caseCount: cases.length }))}
        canWrite={permissions.includes('evaluation.write')}
      />
    </Page>
  );
}
