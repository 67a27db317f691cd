import { type DecoderConfig, sizeOfModule, targetModules } from '../architectures/architecture.ts';
import type { WeightLayout } from '../base/weight-cache.ts';
import { estimatePeakBytes } from '../graph/estimate-memory.ts';
import { buildTrainingGraph, countNoiseColumns, listFactors } from '../graph/training-graph.ts';
import { countTargets } from './batch.ts';
import type { TrainingStep } from './plan-steps.ts';
import type { LoraConfig, TrainConfig } from './train-config.ts';

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
}

const FLOAT_BYTES = 4;
/** Node.js, ONNX Runtime and the tokenised data. */
const PROCESS_BYTES = 300e6;
/** Share of the rate of bare matrix products that a step reaches (`npm run bench:train`). */
const STEP_SHARE = 0.7;
/** What the allocator of ONNX Runtime holds beyond what lives at once (`npm run bench:train`). */
const ALLOCATOR_FACTOR = 1.25;

/**
 * Floating-point operations of one run, a multiply-add counted as two: a linear layer takes 2·in·out a token forward and
 * again for the gradient of its input; its factors take 2·r·(in + out) forward and twice that backward; attention takes
 * 4·T·heads·size a token forward and twice that backward; the head is computed for the L predicted tokens only.
 */
export function countFlops(
  config: DecoderConfig,
  lora: LoraConfig,
  run: { readonly tokens: number; readonly targets: number },
): number {
  const adapted = Math.min(config.layerCount, lora.topLayers ?? config.layerCount);
  const linear = targetModules.reduce((sum, module) => {
    const { inputs, outputs } = sizeOfModule(config, module);
    return sum + inputs * outputs;
  }, 0);
  const factors = lora.modules.reduce((sum, module) => {
    const { inputs, outputs } = sizeOfModule(config, module);
    return sum + lora.rank * (inputs + outputs);
  }, 0);
  const attention = 2 * run.tokens * config.headCount * config.headSize;
  const forward = config.layerCount * (linear + attention) + adapted * factors;
  const backward = adapted * (linear + 2 * attention + 2 * factors);
  const head = config.hiddenSize * config.vocabularySize;
  return 2 * run.tokens * (forward + backward) + 4 * run.targets * head;
}

/**
 * What a run will take.
 * @param flopsPerSecond of matrix products on the threads that train
 */
export function estimateTraining(
  base: { readonly config: DecoderConfig; readonly layout: WeightLayout },
  config: TrainConfig,
  steps: readonly TrainingStep[],
  flopsPerSecond: number,
): TrainingEstimate {
  const runs = steps.flatMap(({ microBatches }) =>
    microBatches.map((examples) => ({
      tokens: examples.reduce((sum, example) => sum + example.tokens.length, 0),
      targets: examples.reduce((sum, example) => sum + countTargets(example), 0),
    })),
  );
  const flops = runs.reduce((sum, run) => sum + countFlops(base.config, config.lora, run), 0);
  const longest = runs.reduce((max, { tokens }) => Math.max(max, tokens), 0);
  const mostTargets = runs.reduce((max, { targets }) => Math.max(max, targets), 0);
  const graph = buildTrainingGraph(base.config, config.lora, base.layout, 'weights', { hasBackward: true });
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
  };
}
