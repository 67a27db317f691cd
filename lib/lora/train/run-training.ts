import { AppError } from '#lib/domain/errors.ts';
import type { LoraAdapter } from '../adapter/adapter.ts';
import type { DecoderConfig } from '../architectures/architecture.ts';
import type { BaseWeights } from '../base/weight-cache.ts';
import type { TrainingExample } from '../data/read-dataset.ts';
import type { Recomputed } from '../graph/decoder.ts';
import type { Device } from '../graph/open-session.ts';
import { type FactorSpec, listFactors } from '../graph/training-graph.ts';
import { buildBatch, countTargets } from './batch.ts';
import type { CheckpointStore, TrainingProgress, TrainingState } from './checkpoint.ts';
import { initialiseFactors, toAdapter } from './factors.ts';
import { createOptimiserState, scheduleLearningRate, stepAdamW } from './optimiser.ts';
import { planSteps, type TrainingStep } from './plan-steps.ts';
import { createRandom } from './random.ts';
import { measureSets, type NamedExamples } from './score.ts';
import type { TrainConfig } from './train-config.ts';
import { openForwardModel, openTrainingModel } from './training-model.ts';

/** Second word of the names of the random streams; initialisation has 1. */
const DROPOUT_STREAM = 2;

/** A run has diverged when its loss is this far above that of guessing, in nats, for so many steps in a row. */
const DIVERGED_MARGIN = 1;
const DIVERGED_STEPS = 5;

export interface TrainingBase {
  readonly config: DecoderConfig;
  readonly weights: BaseWeights;
  /** `rope_freqs.weight` of the base, where it has one. */
  readonly frequencyFactors: Float32Array | null;
}

export type TrainingEvent =
  | {
      readonly event: 'step-finish';
      /** Steps done, from 1. */
      readonly step: number;
      readonly totalSteps: number;
      /** Passes over the data done, with fraction. */
      readonly epoch: number;
      /** Mean over the step's predicted tokens, in nats. */
      readonly loss: number;
      readonly learningRate: number;
      /** Before clipping. */
      readonly gradientNorm: number;
      readonly tokens: number;
      readonly tokensPerSecond: number;
      readonly etaSeconds: number;
    }
  | {
      readonly event: 'validation-finish';
      readonly step: number;
      /** Mean over all sets' predicted tokens, in nats. */
      readonly loss: number;
      readonly sets: Readonly<Record<string, number>>;
      readonly isBest: boolean;
    }
  | { readonly event: 'checkpoint-write'; readonly step: number };

export interface TrainingInput {
  readonly base: TrainingBase;
  readonly config: TrainConfig;
  /** Threads of the matrix products; results are repeatable to the bit for one count. */
  readonly threads: number;
  /** What the backward pass computes again instead of keeping it. */
  readonly recomputed: Recomputed;
  readonly device: Device;
  readonly examples: readonly TrainingExample[];
  /** Measured together for early stopping, and reported by name. */
  readonly validation: readonly NamedExamples[];
  readonly checkpoints: CheckpointStore;
  /** Aborted: the run ends after the micro-batch at hand, with a checkpoint. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: TrainingEvent) => void;
}

export interface TrainingResult {
  /**
   * `finished`: all steps done. `early`: the validation loss did not fall any more. `stopped`: the signal came.
   * `diverged`: the loss or a gradient was not finite, or the loss stayed above that of guessing.
   */
  readonly outcome: 'finished' | 'early' | 'stopped' | 'diverged';
  readonly progress: TrainingProgress;
  readonly totalSteps: number;
  /** Step whose factors the adapter holds: the best validated one, or the last. */
  readonly adapterStep: number;
  readonly adapter: LoraAdapter;
}

function createState(specs: readonly FactorSpec[], seed: number): TrainingState {
  const factors = initialiseFactors(specs, seed);
  return {
    progress: { step: 0, tokens: 0, seconds: 0, baseLoss: null, best: null, worseValidations: 0 },
    factors,
    optimiser: createOptimiserState(factors),
    bestFactors: null,
  };
}

/** An interval of 0 means never. */
const isMultiple = (step: number, interval: number) => interval > 0 && step % interval === 0;

function addInto(sum: readonly Float32Array[], more: readonly Float32Array[]): void {
  for (const [k, values] of sum.entries()) {
    const added = more[k];
    if (added) for (let i = 0; i < values.length; i++) values[i] = (values[i] ?? 0) + (added[i] ?? 0);
  }
}

/**
 * Train an adapter, from the newest checkpoint when there is one. The same input gives the same factors to the bit, however
 * often the run was killed and resumed in between.
 * @throws AppError `training.nothing-to-learn` when no example has a token to predict; `disk.full`
 */
export async function runTraining(input: TrainingInput): Promise<TrainingResult> {
  const { base, config, checkpoints, signal, onEvent } = input;
  const { lora } = config;
  const usable = input.examples.filter((example) => countTargets(example) > 0);
  const steps = planSteps(usable, config);
  if (steps.length === 0)
    throw new AppError({
      code: 'training.nothing-to-learn',
      message: `none of the ${input.examples.length} examples has a token to learn`,
    });
  const specs = listFactors(base.config, lora);
  const state = (await checkpoints.readNewest()) ?? createState(specs, config.seed);
  const { factors, optimiser } = state;
  let { progress, bestFactors } = state;

  const modelOptions = { ...base, lora, threads: input.threads, device: input.device };
  const model = await openTrainingModel({ ...modelOptions, recomputed: input.recomputed });
  const forward = input.validation.length > 0 ? await openForwardModel(modelOptions) : null;
  // A model that knows nothing gives every token the same probability.
  const divergedLoss = Math.log(base.config.vocabularySize) + DIVERGED_MARGIN;
  let firstLoss: number | null = null;
  let divergedSteps = 0;

  const writeCheckpoint = async () => {
    await checkpoints.write({ progress, factors, optimiser, bestFactors });
    onEvent({ event: 'checkpoint-write', step: progress.step });
  };

  const validate = async () => {
    if (!forward) return;
    const { loss, sets } = await measureSets(forward, base, input.validation, factors, config.sequenceTokens);
    const isBest = progress.best === null || loss < progress.best.loss;
    if (isBest) bestFactors = factors.map((values) => values.slice());
    progress = {
      ...progress,
      // Before the first step B is zero, so this is the base.
      baseLoss: progress.step === 0 ? loss : progress.baseLoss,
      best: isBest ? { loss, step: progress.step } : progress.best,
      worseValidations: isBest ? 0 : progress.worseValidations + 1,
    };
    onEvent({ event: 'validation-finish', step: progress.step, loss, sets, isBest });
  };

  /** Loss and gradients of a step; null when the signal came. */
  const accumulate = async (step: TrainingStep) => {
    const targets = step.microBatches.flat().reduce((sum, example) => sum + countTargets(example), 0);
    const gradients: Float32Array[] = [];
    let loss = 0;
    let tokens = 0;
    for (const [micro, examples] of step.microBatches.entries()) {
      const batch = buildBatch(base.config, examples, base.frequencyFactors);
      const noise = createRandom(config.seed, DROPOUT_STREAM, progress.step, micro);
      const result = await model.computeGradients(batch, factors, 1 / targets, noise);
      if (signal.aborted) return null;
      if (micro === 0) gradients.push(...result.gradients);
      else addInto(gradients, result.gradients);
      loss += result.loss;
      tokens += batch.tokens.length;
    }
    return { loss, tokens, gradients };
  };

  const runStep = async (step: TrainingStep): Promise<'done' | 'stopped' | 'diverged'> => {
    const startedAt = performance.now();
    const accumulated = await accumulate(step);
    if (!accumulated) return 'stopped';
    const { loss, tokens, gradients } = accumulated;
    const learningRate = scheduleLearningRate(config, progress.step, steps.length);
    const gradientNorm = stepAdamW(factors, gradients, optimiser, { ...config, learningRate });
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) return 'diverged';
    firstLoss ??= loss;
    divergedSteps = loss > Math.max(divergedLoss, firstLoss) ? divergedSteps + 1 : 0;
    if (divergedSteps === DIVERGED_STEPS) return 'diverged';

    const seconds = (performance.now() - startedAt) / 1000;
    progress = {
      ...progress,
      step: progress.step + 1,
      tokens: progress.tokens + tokens,
      seconds: progress.seconds + seconds,
    };
    onEvent({
      event: 'step-finish',
      step: progress.step,
      totalSteps: steps.length,
      epoch: step.epoch,
      loss,
      learningRate,
      gradientNorm,
      tokens,
      tokensPerSecond: tokens / seconds,
      etaSeconds: (progress.seconds / progress.step) * (steps.length - progress.step),
    });
    return 'done';
  };

  const runSteps = async (): Promise<TrainingResult['outcome']> => {
    if (progress.step === 0) await validate();
    for (const step of steps.slice(progress.step)) {
      if (signal.aborted) return 'stopped';
      if (config.patience > 0 && progress.worseValidations >= config.patience) return 'early';
      const result = await runStep(step);
      if (result !== 'done') return result;
      const isLast = progress.step === steps.length;
      if (isLast || isMultiple(progress.step, config.validationInterval)) await validate();
      if (!isLast && isMultiple(progress.step, config.checkpointInterval)) await writeCheckpoint();
    }
    return 'finished';
  };

  try {
    const outcome = await runSteps();
    // After divergence the newest checkpoint is the last good state.
    if (outcome !== 'diverged') await writeCheckpoint();
    const good = outcome === 'diverged' ? await checkpoints.readNewest() : { progress, factors };
    const last = good ?? createState(specs, config.seed);
    return {
      outcome,
      progress,
      totalSteps: steps.length,
      adapterStep: progress.best?.step ?? last.progress.step,
      adapter: toAdapter(base.config, lora, specs, bestFactors ?? last.factors),
    };
  } finally {
    await Promise.all([model.close(), forward?.close()]);
  }
}
