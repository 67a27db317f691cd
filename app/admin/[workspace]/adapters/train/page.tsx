import { Database, GraduationCap } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { EmptyState, Page } from '#app/_components/ui/page.tsx';
import { readAddressed, requireWorkspacePage } from '#app/_server/page.ts';
import { AppError } from '#lib/domain/errors.ts';
import { readVersionView } from '#lib/registry/read-adapters.ts';
import { draftRetrain } from '#lib/training/draft-retrain.ts';
import { presetNames, presets, trainingOptions } from '#lib/training/training-options.ts';
import { chooseTrainingThreads, countCores } from '#lib/training/training-threads.ts';
import { TrainForm } from './_components/train-form.tsx';
import { forecastTraining, startTraining } from './actions.ts';

export const metadata: Metadata = { title: 'Train an adapter' };

const lead =
  'A small file that teaches the base model how this workspace answers. The base stays as it is; nothing serves anyone before it has passed the gate.';

export default async function TrainPage({
  params,
  searchParams,
}: {
  readonly params: Promise<{ readonly workspace: string }>;
  readonly searchParams: Promise<{ readonly data?: string | string[]; readonly again?: string | string[] }>;
}) {
  const { workspace: slug } = await params;
  const path = `/admin/${slug}/adapters/train`;
  const { deps } = await requireWorkspacePage(slug, 'adapter.write', path);
  const { authorized } = await requireWorkspacePage(slug, 'dataset.read', path);
  const versions = await deps.training.dataSets.list(authorized);
  const base = await deps.findBase().catch((error: unknown) => {
    if (AppError.isInstance(error)) return error.userMessage;
    throw error;
  });
  const { data, again } = await searchParams;
  const draft =
    typeof again === 'string'
      ? await readAddressed([again], async () => {
          const { authorized: adapters } = await requireWorkspacePage(slug, 'adapter.read', path);
          const version = await readVersionView(deps, adapters, again);
          return draftRetrain(
            { db: deps.db, dataSets: deps.training.dataSets },
            { data: authorized, adapters },
            version,
          );
        })
      : null;
  const wanted = draft?.dataSetVersionId ?? data;
  const actions = (
    <Button asChild>
      <Link href={`/admin/${slug}/adapters/training`}>
        <GraduationCap aria-hidden />
        Training runs
      </Link>
    </Button>
  );
  if (versions.length === 0) {
    return (
      <Page title="Train an adapter" lead={lead} actions={actions}>
        <EmptyState
          icon={<Database aria-hidden />}
          title="There is nothing to learn from yet"
          actions={
            <Button look="primary" asChild>
              <Link href={`/admin/${slug}/datasets`}>Go to data sets</Link>
            </Button>
          }
        >
          Make a data set from manuals, chat logs or conversations, review its rows, and freeze a version. Training
          always starts from a frozen version, so that it can be repeated.
        </EmptyState>
      </Page>
    );
  }
  return (
    <Page title="Train an adapter" lead={lead} actions={actions}>
      {draft === null ? null : (
        <Callout
          tone={draft.blocker === null ? 'info' : 'warn'}
          title={`A draft: ${draft.adapterName} once more`}
          className="mb-6"
          actions={
            draft.blocker === null ? null : (
              <Button size="sm" asChild>
                <Link href={`/admin/${slug}/datasets/${draft.dataSet.id}`}>Open {draft.dataSet.name}</Link>
              </Button>
            )
          }
        >
          {draft.blocker ?? 'The options and questions of the run that made it, on the newest version of its data set.'}
        </Callout>
      )}
      {typeof base === 'string' ? (
        <Callout tone="danger">{base}</Callout>
      ) : (
        <TrainForm
          workspace={slug}
          base={{
            id: base.id,
            sha256: base.sha256,
            layers: base.config.layerCount,
            contextTokens: base.config.contextTokens,
          }}
          versions={versions}
          initialVersionId={
            versions.find(({ versionId }) => versionId === wanted)?.versionId ?? versions[0]?.versionId ?? ''
          }
          draft={draft}
          presets={presetNames.map((name) => ({ name, ...presets[name] }))}
          options={trainingOptions}
          threads={{ initial: chooseTrainingThreads(), max: countCores() }}
          forecastTraining={forecastTraining}
          startTraining={startTraining}
        />
      )}
    </Page>
  );
}
