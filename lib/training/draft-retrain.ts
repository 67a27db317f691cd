import type { DatabaseExecutor } from '#db/executor.ts';
import { listVersions } from '#db/repositories/data-set-versions.ts';
import { findFrozenVersion } from '#db/repositories/frozen-data-sets.ts';
import { findTrainingRun } from '#db/repositories/training-runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { type TrainConfig, trainConfigSchema } from '#lib/lora/train/train-config.ts';
import type { VersionView } from '#lib/registry/read-adapters.ts';
import type { DataSetSource } from './data-set-source.ts';
import { findBlockers } from './find-blockers.ts';

/** The run that made a version, once more: what the form begins with. */
export interface RetrainDraft {
  readonly adapterName: string;
  readonly config: TrainConfig;
  readonly threads: number;
  readonly questions: readonly string[];
  readonly notes: string;
  readonly dataSet: { readonly id: string; readonly name: string };
  /** The newest frozen version of the data set. */
  readonly dataSetVersionId: string;
  /** Why that one cannot be trained on, in words: freezing again comes first. Null: it can. */
  readonly blocker: string | null;
}

/** What a version learned from and is gone; null: nothing. */
export function describeDeletedSources({ warnings }: Pick<VersionView, 'warnings'>): string | null {
  const { deletedDocuments, deletedConversations } = warnings;
  const parts = [
    ...deletedDocuments.map((title) => `“${title}”`),
    ...(deletedConversations === 0
      ? []
      : [deletedConversations === 1 ? 'a conversation' : `${deletedConversations} conversations`]),
  ];
  return parts.length === 0 ? null : parts.join(', ');
}

/**
 * Draft the run that trains a version again, on what its data set is now.
 * @returns null for a version that was not trained here: only who made it can make it again
 */
export async function draftRetrain(
  deps: { readonly db: DatabaseExecutor; readonly dataSets: DataSetSource },
  access: { readonly data: Authorized<'dataset.read'>; readonly adapters: Authorized<'adapter.read'> },
  version: Pick<VersionView, 'adapterName' | 'number' | 'lineage' | 'warnings'>,
): Promise<RetrainDraft | null> {
  const { trainingRunId } = version.lineage;
  const found = trainingRunId === null ? undefined : await findTrainingRun(deps.db, access.adapters, trainingRunId);
  if (found === undefined) return null;
  const { training } = found;
  const frozen = await findFrozenVersion(deps.db, access.data, training.dataSetVersionId);
  if (frozen === undefined) return null;
  const [newest] = await listVersions(deps.db, access.data, frozen.dataSetId);
  if (newest === undefined) return null;
  const dataSet = await deps.dataSets.find(access.data, newest.version.id);
  const [blocker] = await findBlockers(deps, access.data, dataSet);
  const deleted = describeDeletedSources(version);
  return {
    adapterName: version.adapterName,
    config: trainConfigSchema.parse(training.config),
    threads: training.threads,
    questions: training.questions,
    notes: `Version ${version.number} again${deleted === null ? '' : `, without ${deleted}`}.`,
    dataSet: { id: frozen.dataSetId, name: newest.dataSetName },
    dataSetVersionId: newest.version.id,
    blocker: blocker?.text ?? null,
  };
}
