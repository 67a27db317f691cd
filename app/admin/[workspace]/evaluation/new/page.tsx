import { BookCheck } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { Button } from '#app/_components/ui/button.tsx';
import { EmptyState, Page } from '#app/_components/ui/page.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { readPolicy } from '#lib/evaluation/policies.ts';
import { measurePace } from '#lib/evaluation/read-evaluation.ts';
import { listSuiteSummaries } from '#lib/evaluation/suites.ts';
import { listAdapterViews } from '#lib/registry/read-adapters.ts';
import { nameVersion } from '../../adapters/_state/describe-version.ts';
import { StartForm } from '../_components/start-form.tsx';

export const metadata: Metadata = { title: 'Evaluate' };

export default async function NewEvaluationPage({
  params,
  searchParams,
}: {
  readonly params: Promise<{ readonly workspace: string }>;
  readonly searchParams: Promise<{ readonly version?: string | readonly string[] }>;
}) {
  const [{ workspace: slug }, { version: asked }] = await Promise.all([params, searchParams]);
  const path = `/admin/${slug}/evaluation/new`;
  const { deps, authorized } = await requireWorkspacePage(slug, 'evaluation.run', path);
  const registry = await requireWorkspacePage(slug, 'adapter.read', path);
  const reading = await requireWorkspacePage(slug, 'evaluation.read', path);
  const [adapters, suites, policy, secondsPerAnswer] = await Promise.all([
    listAdapterViews(deps, registry.authorized),
    listSuiteSummaries(deps, reading.authorized),
    readPolicy(deps, authorized),
    measurePace(deps, reading.authorized),
  ]);
  const versions = adapters.flatMap((adapter) => adapter.versions);
  const serving = versions.find(({ isServing }) => isServing);
  return (
    <Page
      isNarrow
      title="Evaluate"
      lead="The adapter and what serves now answer the same questions, one after the other, behind everybody who chats. Nothing changes for anyone until you promote."
    >
      {suites.length === 0 ? (
        <EmptyState
          icon={<BookCheck aria-hidden />}
          title="There is nothing to ask yet"
          actions={
            <Button look="primary" asChild>
              <Link href={`/admin/${slug}/evaluation/suites`}>To the suites</Link>
            </Button>
          }
        >
          An evaluation asks the cases of a suite. Write or import one first.
        </EmptyState>
      ) : (
        <StartForm
          workspace={slug}
          versions={versions
            .filter(({ isServing }) => !isServing)
            .map((version) => ({ id: version.id, label: nameVersion(version) }))}
          servingLabel={serving === undefined ? 'the base model alone' : nameVersion(serving)}
          isBaseServing={serving === undefined}
          askedVersionId={typeof asked === 'string' ? asked : null}
          suites={suites.map(({ id, name, caseCount, revisionNumber }) => ({ id, name, caseCount, revisionNumber }))}
          minCases={policy.policy.minCases}
          secondsPerAnswer={secondsPerAnswer}
        />
      )}
    </Page>
  );
}
