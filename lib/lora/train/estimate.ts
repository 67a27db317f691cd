import type { DecoderConfig } from '../architectures/architecture.ts';
import type { WeightLayout } from '../base/weight-cache.ts';
import { layExamples } from '../data/shared-prefix.ts';
import type { Recomputed } from '../graph/decoder.ts';
import { estimatePeakBytes } from '../graph/estimate-memory.ts';
import { buildTrainingGraph, countNoiseColumns, listFactors } from '../graph/training-graph.ts';
import { countTargets } from './batch.ts';
import { countFlops } from './flops.ts';
import type { TrainingStep } from './plan-steps.ts';
import type { TrainConfig } from './train-config.ts';

export interface TrainingEstimate {
  readonly steps: number;
  /** Tokens that go through the graph, over all epochs. */
  readonly tokens: number;
  readonly flops: number;
  /** At the rate of matrix products measured on this machine. */
  readonly seconds: number;
  /** Of the process, without the mapped weights. */
  readonly memoryBytes: number;
  /** Of the mapped weights: training is slow where they do not stay in memory as well. */
  readonly weightBytes: number;
  /** What the backward pass computes again to need no more memory than that. */
  readonly recomputed: Recomputed;
}

const FLOAT_BYTES = 4;
/** Node.js, ONNX Runtime and the tokenised data. */
const PROCESS_BYTES = 200e6;
/** Share of the rate of bare matrix products at which a step's own ones run: 79 to 91 % from 128 to 1024 tokens (docs/lora.md). */
const STEP_SHARE = 0.85;
/** What the allocator of ONNX Runtime holds beyond what lives at once: 1.09 at 128 to 512 tokens, 1.19 at 1024 (docs/lora.md). */
const ALLOCATOR_FACTOR = 1.2;

/**
 * What a run will take.
 * @param flopsPerSecond of matrix products on the threads that train
 * @param recomputed `probabilities` is fastest; `blocks` takes half as long again and a fraction of the memory
 */
export function estimateTraining(
  base: { readonly config: DecoderConfig; readonly layout: WeightLayout },
  config: TrainConfig,
  steps: readonly TrainingStep[],
  flopsPerSecond: number,
  recomputed: Recomputed,
): TrainingEstimate {
  const runs = steps.flatMap(({ microBatches }) =>
    microBatches.map((examples) => ({
      tokens: layExamples(examples).tokenCount,
      targets: examples.reduce((sum, example) => sum + countTargets(example), 0),
    })),
  );
  const flops = runs.reduce((sum, run) => sum + countFlops(base.config, config.lora, run, recomputed), 0);
  const longest = runs.reduce((max, { tokens }) => Math.max(max, tokens), 0);
  const mostTargets = runs.reduce((max, { targets }) => Math.max(max, targets), 0);
  const graph = buildTrainingGraph(base.config, config.lora, base.layout, 'weights', {
    hasBackward: true,
    recomputed,
  });
  const activations = estimatePeakBytes(graph, { T: longest, L: mostTargets });
  const noise = config.lora.dropout > 0 ? longest * countNoiseColumns(base.config) : 0;
  const factorValues = listFactors(base.config, config.lora).reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);
  // Factors, two moments, the best factors, the gradients of this and of the earlier micro-batches.
  const arrays = factorValues * 6 + longest ** 2 + noise;
  return {
    steps: steps.length,
    tokens: runs.reduce((sum, { tokens }) => sum + tokens, 0),
    flops,
    seconds: flops / (flopsPerSecond * STEP_SHARE),
    memoryBytes: PROCESS_BYTES + arrays * FLOAT_BYTES + activations * ALLOCATOR_FACTOR,
    weightBytes: base.layout.totalBytes,
    recomputed,
  };
}

/**
 * The estimate of the fastest way that fits into memory: what the backward pass computes again is part of it.
 * @param availableBytes memory that this machine can still give
 * @returns the way that needs least where none fits
 */
export function estimateWithin(
  base: Parameters<typeof estimateTraining>[0],
  config: TrainConfig,
  steps: readonly TrainingStep[],
  flopsPerSecond: number,
  availableBytes: number,
): TrainingEstimate {
  const fast = estimateTraining(base, config, steps, flopsPerSecond, 'probabilities');
  if (fast.memoryBytes <= availableBytes) return fast;
  const small = estimateTraining(base, config, steps, flopsPerSecond, 'blocks');
  return small.memoryBytes < fast.memoryBytes ? small : fast;
}
