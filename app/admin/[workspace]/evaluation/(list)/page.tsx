import { Plus, ShieldCheck } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { Button } from '#app/_components/ui/button.tsx';
import { EmptyState, Page } from '#app/_components/ui/page.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { listEvaluationSummaries } from '#lib/evaluation/read-evaluation.ts';
import { RunTable } from '../_components/run-table.tsx';

export const metadata: Metadata = { title: 'Evaluation' };

export default async function EvaluationPage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace: slug } = await params;
  const { deps, authorized, permissions } = await requireWorkspacePage(
    slug,
    'evaluation.read',
    `/admin/${slug}/evaluation`,
  );
  const evaluations = await listEvaluationSummaries(deps, authorized);
  const start = permissions.includes('evaluation.run') ? (
    <Button look="primary" asChild>
      <Link href={`/admin/${slug}/evaluation/new`}>
        <Plus aria-hidden />
        Evaluate
      </Link>
    </Button>
  ) : null;
  return (
    <Page
      title="Evaluation"
      lead="An adapter answers the questions of your suites beside what serves now. Nothing serves here before it has passed."
      actions={evaluations.length === 0 ? null : start}
    >
      {evaluations.length === 0 ? (
        <EmptyState icon={<ShieldCheck aria-hidden />} title="Nothing has been evaluated yet" actions={start}>
          Choose an adapter and the suites that it has to answer. The report says in words whether it may serve, and
          shows every answer beside the one that people get today.
        </EmptyState>
      ) : (
        <RunTable workspace={slug} evaluations={evaluations} />
      )}
    </Page>
  );
}
