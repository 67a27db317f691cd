import type { Metadata } from 'next';
import { readAddressed, requireWorkspacePage } from '#app/_server/page.ts';
import { cancelRun, retryRun } from '#app/admin/[workspace]/jobs/actions.ts';
import { readTraining } from '#lib/training/view-training.ts';
import { TrainingPage } from './_components/training-page.tsx';

export const metadata: Metadata = { title: 'Training run' };

export default async function TrainingRunPage({
  params,
}: {
  readonly params: Promise<{ readonly workspace: string; readonly training: string }>;
}) {
  const { workspace: slug, training: id } = await params;
  const path = `/admin/${slug}/adapters/training/${id}`;
  const { deps, authorized, permissions } = await requireWorkspacePage(slug, 'adapter.read', path);
  const training = await readAddressed([id], () => readTraining(deps, authorized, id));
  return (
    <TrainingPage
      workspace={slug}
      training={training}
      canCancel={permissions.includes('run.cancel')}
      cancelRun={cancelRun}
      retryRun={retryRun}
    />
  );
}
