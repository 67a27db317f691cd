import type { Metadata } from 'next';
import Link from 'next/link';
import { Page } from '#app/_components/ui/page.tsx';
import { readAddressed, requireWorkspacePage } from '#app/_server/page.ts';
import { readDraftSet } from '#lib/evaluation/draft-cases.ts';
import { listDocumentViews } from '#lib/ingestion/read-documents.ts';
import { viewRun } from '#lib/jobs/manage-runs.ts';
import { DraftReview } from '../../../_components/draft-review.tsx';

export const metadata: Metadata = { title: 'Cases from documents' };

export default async function DraftSetPage({
  params,
}: {
  readonly params: Promise<{ readonly workspace: string; readonly draftSet: string }>;
}) {
  const { workspace: slug, draftSet: draftSetId } = await params;
  const suites = `/admin/${slug}/evaluation/suites`;
  const path = `${suites}/drafts/${draftSetId}`;
  const { deps, authorized, permissions } = await requireWorkspacePage(slug, 'evaluation.read', path);
  const set = await readAddressed([draftSetId], () => readDraftSet(deps, authorized, draftSetId));
  const documents = await requireWorkspacePage(slug, 'document.read', path);
  const views = await listDocumentViews(deps, documents.authorized);
  return (
    <Page
      title="Cases from documents"
      lead={
        <>
          {set.suiteId === null ? (
            <>Drafts for a new suite, “{set.suiteName}”.</>
          ) : (
            <>
              Drafts for{' '}
              <Link className="underline underline-offset-4" href={`${suites}/${set.suiteId}`}>
                {set.suiteName}
              </Link>
              .
            </>
          )}{' '}
          Each question was written from the quote below it. No run asks it before you have accepted it.
        </>
      }
    >
      <DraftReview
        workspace={slug}
        draftSetId={draftSetId}
        suiteId={set.suiteId}
        suiteName={set.suiteName}
        drafts={set.drafts}
        report={set.report}
        run={set.run === null ? null : viewRun(set.run)}
        canWrite={permissions.includes('evaluation.write')}
        documents={views.map(({ id, title }) => ({ id, title }))}
      />
    </Page>
  );
}
