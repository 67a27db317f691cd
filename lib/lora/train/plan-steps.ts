import { planSequences } from '../data/plan-sequences.ts';
import type { TrainingExample } from '../data/read-dataset.ts';
import type { TrainConfig } from './train-config.ts';

export interface TrainingStep {
  /** Examples of each micro-batch. */
  readonly microBatches: readonly (readonly TrainingExample[])[];
  /** Passes over the data done after it. */
  readonly epoch: number;
}

/** All steps of a run, known from its start: a resumed run takes up the same list in the middle. */
export function planSteps(examples: readonly TrainingExample[], config: TrainConfig): readonly TrainingStep[] {
  const sequencesPerStep = config.microBatch * config.accumulation;
  const wanted = config.maxSteps === null ? Number.POSITIVE_INFINITY : config.maxSteps * sequencesPerStep;
  const sequences: { readonly indices: readonly number[]; readonly epoch: number }[] = [];
  for (let epoch = 0; sequences.length < wanted; epoch++) {
    if (config.maxSteps === null && epoch >= config.epochs) break;
    const plan = planSequences(examples, { ...config, epoch });
    const share = config.maxSteps === null ? Math.min(1, config.epochs - epoch) : 1;
    const count = Math.min(Math.ceil(plan.length * share), wanted - sequences.length);
    for (const [i, indices] of plan.slice(0, count).entries())
      sequences.push({ indices, epoch: epoch + (i + 1) / plan.length });
  }
  const steps: TrainingStep[] = [];
  for (let start = 0; start < sequences.length; start += sequencesPerStep) {
    const own = sequences.slice(start, start + sequencesPerStep);
    const microBatches: TrainingExample[][] = [];
    for (let at = 0; at < own.length; at += config.microBatch)
      microBatches.push(
        own
          .slice(at, at + config.microBatch)
          .flatMap(({ indices }) => indices.flatMap((index) => examples[index] ?? [])),
      );
    steps.push({ microBatches, epoch: own.at(-1)?.epoch ?? 0 });
  }
  return steps;
}
