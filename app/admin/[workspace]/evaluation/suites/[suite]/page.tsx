import { Download } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { notFound } from 'next/navigation';
import { z } from 'zod';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Card, Page, Section } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { readAddressed, requireWorkspacePage } from '#app/_server/page.ts';
import { listWaitingDrafts } from '#lib/evaluation/draft-cases.ts';
import { readSuite } from '#lib/evaluation/suites.ts';
import { listDocumentViews } from '#lib/ingestion/read-documents.ts';
import { ArchiveButton } from '../../_components/archive-button.tsx';
import { DraftsDialog } from '../../_components/drafts-dialog.tsx';
import { RestoreButton } from '../../_components/restore-button.tsx';
import { SuiteEditor } from '../../_components/suite-editor.tsx';
import { WaitingDrafts } from '../../_components/waiting-drafts.tsx';

export const metadata: Metadata = { title: 'Suite' };

/** A longer list is no help: titles can be typed as well. */
const OFFERED_DOCUMENTS = 300;

const numberSchema = z.coerce.number().int().min(1);

export default async function SuitePage({
  params,
  searchParams,
}: {
  readonly params: Promise<{ readonly workspace: string; readonly suite: string }>;
  readonly searchParams: Promise<{ readonly revision?: string | readonly string[]; readonly case?: string }>;
}) {
  const [{ workspace: slug, suite: suiteId }, { revision: asked, case: openKey }] = await Promise.all([
    params,
    searchParams,
  ]);
  const path = `/admin/${slug}/evaluation/suites/${suiteId}`;
  const { deps, authorized, permissions } = await requireWorkspacePage(slug, 'evaluation.read', path);
  const number = asked === undefined ? undefined : numberSchema.safeParse(asked).data;
  if (asked !== undefined && number === undefined) notFound();
  const open = await readAddressed([suiteId], () =>
    readSuite(deps, authorized, { suiteId, ...(number === undefined ? {} : { number }) }),
  );
  const { suite, revision, revisions, cases } = open;
  const current = revisions[0]?.number ?? revision.number;
  const isCurrent = revision.number === current;
  const canWrite = permissions.includes('evaluation.write');
  const documents = await requireWorkspacePage(slug, 'document.read', path);
  const views = await listDocumentViews(deps, documents.authorized);
  const drafts = await listWaitingDrafts(deps, authorized, suiteId);
  const indexed = views.filter(({ currentVersionId }) => currentVersionId !== null);
  const exportAs = (format: string) =>
    `/api/w/${slug}/suites/${suiteId}/export?format=${format}&revision=${revision.number}`;
  return (
    <Page
      title={suite.name}
      lead={
        <>
          {suite.description === '' ? null : `${suite.description} `}
          <Link className="underline underline-offset-4" href={`/admin/${slug}/evaluation/suites`}>
            All suites
          </Link>
        </>
      }
      actions={
        <>
          {(['yaml', 'jsonl'] as const).map((format) => (
            <Button key={format} asChild>
              <a href={exportAs(format)} download>
                <Download aria-hidden />
                {format.toUpperCase()}
              </a>
            </Button>
          ))}
          {canWrite && isCurrent ? (
            <DraftsDialog
              workspace={slug}
              suite={{ id: suiteId, name: suite.name }}
              documents={indexed.map(({ id, title }) => ({ id, title }))}
            />
          ) : null}
          {canWrite ? <ArchiveButton workspace={slug} suiteId={suiteId} name={suite.name} /> : null}
        </>
      }
    >
      {isCurrent ? null : (
        <Callout
          tone="warn"
          className="mb-6"
          title={`Revision ${revision.number} of ${current}`}
          actions={
            <>
              {canWrite ? (
                <RestoreButton workspace={slug} suiteId={suiteId} basedOn={current} number={revision.number} />
              ) : null}
              <Button size="sm" asChild>
                <Link href={path}>To the current one</Link>
              </Button>
            </>
          }
        >
          As it was. Runs of that time asked exactly these cases.
        </Callout>
      )}
      {isCurrent ? <WaitingDrafts workspace={slug} sets={drafts} /> : null}
      <SuiteEditor
        key={revision.id}
        workspace={slug}
        suiteId={suiteId}
        revisionNumber={revision.number}
        cases={cases}
        canWrite={canWrite && isCurrent}
        documentTitles={[...new Set(views.map(({ title }) => title))].slice(0, OFFERED_DOCUMENTS)}
        documentIds={views.map(({ id }) => id)}
        openKey={openKey ?? null}
      />
      <Section title="Revisions" lead="None is ever changed. A promotion rests on a decision over the current ones.">
        <Card>
          <ol className="max-h-96 divide-y divide-line overflow-y-auto">
            {revisions.map((each) => (
              <li key={each.id} className="flex flex-wrap items-baseline gap-x-4 gap-y-1 px-4 py-3 text-sm sm:px-5">
                <Link
                  href={each.number === current ? path : `${path}?revision=${each.number}`}
                  aria-current={each.number === revision.number ? 'true' : undefined}
                  className="font-medium underline-offset-4 hover:underline aria-[current]:text-accent-text"
                >
                  Revision {each.number}
                </Link>
                <span className="min-w-0 flex-1 basis-48 text-ink-soft">{each.note}</span>
                <span className="text-[0.8125rem] text-ink-faint">
                  <Time value={each.createdAt.toISOString()} />{' '}
                  <code className="font-mono text-xs">{each.contentSha256.slice(0, 12)}</code>
                </span>
              </li>
            ))}
          </ol>
        </Card>
      </Section>
    </Page>
  );
}
