import type { DatabaseExecutor } from '#db/executor.ts';
import { saveTrainingSample } from '#db/repositories/training-runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { ArtifactStore } from '#lib/registry/artifact-store.ts';
import type { HttpRuntimeClient } from '#lib/runtime/client.ts';
import { answerOnce } from './check-adapter.ts';
import type { TrainingPrompts } from './training-prompts.ts';

/** Enough to hear a voice. */
const SAMPLE_TOKENS = 64;

export interface SampleDeps {
  readonly db: DatabaseExecutor;
  readonly runtime: Pick<HttpRuntimeClient, 'streamChat' | 'loadAdapter' | 'unloadAdapter'>;
  readonly artifacts: ArtifactStore;
}

interface SampleTarget {
  readonly trainingRunId: string;
  readonly step: number;
  /** Null: the base alone. */
  readonly adapterSha256: string | null;
}

/** Ask every question and keep the answers. */
export async function sampleAnswers(
  deps: Pick<SampleDeps, 'db' | 'runtime'>,
  access: Authorized<'adapter.write'>,
  target: SampleTarget,
  prompts: TrainingPrompts['questions'],
  signal: AbortSignal,
): Promise<void> {
  for (const [question, messages] of prompts.entries()) {
    const model = target.adapterSha256 ?? 'base';
    const { text, reason } = await answerOnce(deps.runtime, { model, messages, maxTokens: SAMPLE_TOKENS }, signal);
    await saveTrainingSample(deps.db, access, { ...target, question, answer: text.trim(), finishReason: reason });
  }
}

/**
 * The same for the adapter of a checkpoint: it lies in the artifact store while it answers, and is gone afterwards.
 * Its file does not say what it was trained on, so its hash is never that of a version.
 */
export async function sampleCheckpoint(
  deps: SampleDeps,
  access: Authorized<'adapter.write'>,
  checkpoint: { readonly trainingRunId: string; readonly step: number; readonly filePath: string },
  prompts: TrainingPrompts['questions'],
  signal: AbortSignal,
): Promise<void> {
  const { sha256 } = await deps.artifacts.add(checkpoint.filePath);
  try {
    await deps.runtime.loadAdapter({ sha256, filePath: deps.artifacts.locate(sha256) }, { signal });
    const { trainingRunId, step } = checkpoint;
    await sampleAnswers(deps, access, { trainingRunId, step, adapterSha256: sha256 }, prompts, signal);
  } finally {
    await deps.runtime.unloadAdapter(sha256).catch(() => undefined);
    await deps.artifacts.remove(sha256);
  }
}
