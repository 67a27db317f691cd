import type { Metadata } from 'next';
import { Page } from '#app/_components/ui/page.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { listRunViews } from '#lib/jobs/manage-runs.ts';
import { RunList } from './_components/run-list.tsx';
import { cancelRun, retryRun } from './actions.ts';

export const metadata: Metadata = { title: 'Jobs' };

/** More than anyone reads; older ones are history. */
const SHOWN_RUNS = 100;

export default async function JobsPage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace: slug } = await params;
  const { deps, authorized, permissions } = await requireWorkspacePage(slug, 'run.read', `/admin/${slug}/jobs`);
  const runs = await listRunViews(deps, authorized, { limit: SHOWN_RUNS });
  return (
    <Page title="Jobs" lead="Long work, newest first. It goes on while you close the page.">
      <RunList
        workspace={slug}
        runs={runs}
        canCancel={permissions.includes('run.cancel')}
        cancelRun={cancelRun}
        retryRun={retryRun}
      />
    </Page>
  );
}
