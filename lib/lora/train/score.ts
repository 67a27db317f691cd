import type { DecoderConfig } from '../architectures/architecture.ts';
import { planSequences } from '../data/plan-sequences.ts';
import type { TrainingExample } from '../data/read-dataset.ts';
import { buildBatch } from './batch.ts';
import type { ForwardModel } from './training-model.ts';

export interface NamedExamples {
  readonly name: string;
  readonly examples: readonly TrainingExample[];
}

export interface ExampleScore {
  readonly line: number;
  /** Predicted tokens. */
  readonly tokens: number;
  /** Negative log-likelihood of all of them, in nats. */
  readonly nll: number;
}

export interface ScoringBase {
  readonly config: DecoderConfig;
  readonly frequencyFactors: Float32Array | null;
}

/**
 * Likelihood of every example, in the order given. Examples are packed to fill each run; a neighbour changes no score.
 * @param sequenceTokens tokens of one run; an example may be as long at most
 * @param onProgress called after each run with the examples done
 */
export async function scoreExamples(
  model: ForwardModel,
  base: ScoringBase,
  examples: readonly TrainingExample[],
  factors: readonly Float32Array[],
  sequenceTokens: number,
  onProgress: (done: number) => void = () => undefined,
): Promise<readonly ExampleScore[]> {
  const scores = examples.map(({ line }) => ({ line, tokens: 0, nll: 0 }));
  const plan = planSequences(examples, { sequenceTokens, isPacked: true, microBatch: 1, seed: 0, epoch: 0 });
  let done = 0;
  for (const indices of plan) {
    const batch = buildBatch(
      base.config,
      indices.flatMap((index) => examples[index] ?? []),
      base.frequencyFactors,
    );
    if (batch.rows.length > 0) {
      const losses = await model.computeRowLosses(batch, factors);
      for (const [row, loss] of losses.entries()) {
        const score = scores[indices[batch.exampleOfRow[row] ?? 0] ?? 0];
        if (!score) continue;
        score.tokens++;
        score.nll += loss;
      }
    }
    done += indices.length;
    onProgress(done);
  }
  return scores;
}

/** @returns nats a predicted token; NaN when there is none */
export function meanLoss(scores: readonly ExampleScore[]): number {
  const tokens = scores.reduce((sum, score) => sum + score.tokens, 0);
  return scores.reduce((sum, score) => sum + score.nll, 0) / tokens;
}

/** @returns the mean over all sets' tokens, and of each set by name */
export async function measureSets(
  model: ForwardModel,
  base: ScoringBase,
  sets: readonly NamedExamples[],
  factors: readonly Float32Array[],
  sequenceTokens: number,
): Promise<{ readonly loss: number; readonly sets: Readonly<Record<string, number>> }> {
  const all: ExampleScore[] = [];
  const means: Record<string, number> = {};
  for (const { name, examples } of sets) {
    const scores = await scoreExamples(model, base, examples, factors, sequenceTokens);
    means[name] = meanLoss(scores);
    all.push(...scores);
  }
  return { loss: meanLoss(all), sets: means };
}
