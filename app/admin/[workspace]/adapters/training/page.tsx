import { GraduationCap, Plus } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { Button } from '#app/_components/ui/button.tsx';
import { EmptyState, Page } from '#app/_components/ui/page.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { listTrainings } from '#lib/training/view-training.ts';
import { TrainingList } from './_components/training-list.tsx';

export const metadata: Metadata = { title: 'Training runs' };

/** More than anyone reads. */
const SHOWN_RUNS = 100;

export default async function TrainingRunsPage({
  params,
}: {
  readonly params: Promise<{ readonly workspace: string }>;
}) {
  const { workspace: slug } = await params;
  const { deps, authorized, permissions } = await requireWorkspacePage(
    slug,
    'adapter.read',
    `/admin/${slug}/adapters/training`,
  );
  const trainings = await listTrainings(deps, authorized, SHOWN_RUNS);
  const train = permissions.includes('adapter.write') ? (
    <Button look="primary" asChild>
      <Link href={`/admin/${slug}/adapters/train`}>
        <Plus aria-hidden />
        Train an adapter
      </Link>
    </Button>
  ) : null;
  return (
    <Page
      title="Training runs"
      lead="Newest first. One at a time is at work on a machine; the others wait in line."
      actions={trainings.length === 0 ? null : train}
    >
      {trainings.length === 0 ? (
        <EmptyState icon={<GraduationCap aria-hidden />} title="Nothing has been trained yet" actions={train}>
          A training run turns a frozen data set into an adapter, and shows what it learns while it learns.
        </EmptyState>
      ) : (
        <TrainingList workspace={slug} trainings={trainings} />
      )}
    </Page>
  );
}
