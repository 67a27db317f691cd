import path from 'node:path';
import type { LoraAdapter } from '../adapter/adapter.ts';
import { listFactors } from '../graph/training-graph.ts';
import { openCheckpoints } from './checkpoint.ts';
import { toAdapter } from './factors.ts';
import { CHECKPOINTS_DIR, type PreparedRun } from './training-run.ts';

/** A run as it stands: the factors of its newest checkpoint, not the best ones that the result will hold. */
export interface CheckpointAdapter {
  readonly step: number;
  readonly adapter: LoraAdapter;
}

/** @returns null when the run in this directory has no checkpoint yet */
export async function readCheckpointAdapter(
  directory: string,
  { spec, header }: Pick<PreparedRun, 'spec' | 'header'>,
): Promise<CheckpointAdapter | null> {
  const specs = listFactors(header.config, spec.config.lora);
  const state = await openCheckpoints(path.join(directory, CHECKPOINTS_DIR), specs).readNewest();
  return (
    state && {
      step: state.progress.step,
      adapter: toAdapter(header.config, spec.config.lora, specs, state.factors),
    }
  );
}
