import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBaseHeader } from '../base/read-base-header.ts';
import { prepareBaseWeights } from '../base/weight-cache.ts';
import type { TrainingExample } from '../data/read-dataset.ts';
import { listFactors } from '../graph/training-graph.ts';
import { writeTinyBase } from '../testing/tiny-base.ts';
import { buildBatch } from './batch.ts';
import { openCheckpoints } from './checkpoint.ts';
import { estimateTraining } from './estimate.ts';
import { scheduleLearningRate, stepAdamW } from './optimiser.ts';
import { planSteps } from './plan-steps.ts';
import { createRandom, shuffle } from './random.ts';
import { runTraining, type TrainingBase, type TrainingEvent, type TrainingResult } from './run-training.ts';
import { type TrainConfig, trainConfigSchema } from './train-config.ts';
import { openForwardModel } from './training-model.ts';

let folder: string;
let base: TrainingBase;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'train-'));
  const file = path.join(folder, 'tiny.gguf');
  await writeTinyBase(file, 4);
  base = { ...(await readBaseHeader(file)), weights: await prepareBaseWeights(file, 'tiny', folder) };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Sentences in which each token decides the next, so that there is something to learn. */
function createExamples(count: number, seed: number): TrainingExample[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, line) => {
    const length = 6 + Math.floor(random() * 8);
    const tokens = Int32Array.of(1, 3 + Math.floor(random() * 5));
    const grown = new Int32Array(length);
    grown.set(tokens);
    for (let i = 2; i < length; i++) grown[i] = 3 + (((grown[i - 1] ?? 0) * 7 + 5) % 36);
    // The first tokens are the question.
    return { line: line + 1, tokens: grown, isLearned: new Uint8Array(length).fill(1, 2) };
  });
}
const examples = createExamples(12, 1);
const unseen = createExamples(6, 2);

const quick = {
  lora: { rank: 4, alpha: 8, dropout: 0.1 },
  learningRate: 0.02,
  sequenceTokens: 32,
  epochs: 2,
  validationInterval: 2,
  checkpointInterval: 2,
} as const;
type ConfigInput = Parameters<typeof trainConfigSchema.parse>[0];
const configure = (changes: object = {}): TrainConfig => {
  const input: ConfigInput = { ...quick, ...changes };
  return trainConfigSchema.parse(input);
};

interface Trained extends TrainingResult {
  readonly events: readonly TrainingEvent[];
}

let runs = 0;
async function train(
  config: TrainConfig,
  options: { readonly directory?: string; readonly stopAfter?: number; readonly threads?: number } = {},
): Promise<Trained> {
  const directory = options.directory ?? path.join(folder, `run-${runs++}`);
  const events: TrainingEvent[] = [];
  const stop = new AbortController();
  const result = await runTraining({
    base,
    config,
    threads: options.threads ?? 1,
    recomputed: 'probabilities',
    device: 'cpu',
    examples,
    validation: [{ name: 'unseen', examples: unseen }],
    checkpoints: openCheckpoints(directory, listFactors(base.config, config.lora)),
    signal: stop.signal,
    onEvent(event) {
      events.push(event);
      if (event.event === 'step-finish' && event.step === options.stopAfter) stop.abort();
    },
  });
  return { ...result, events };
}

const weightsOf = ({ adapter }: TrainingResult) => adapter.factors.map(({ down, up }) => [down, up]);
const lossesOf = ({ events }: Trained) => events.flatMap((event) => (event.event === 'step-finish' ? event.loss : []));
/** What a run did, without how long it took. */
const courseOf = ({ events }: Trained) =>
  events.map((event) =>
    event.event === 'step-finish' ? { ...event, tokensPerSecond: undefined, etaSeconds: undefined } : event,
  );

describe('a training run', () => {
  it('learns what the data says, and generalises to rows it has not seen', async () => {
    const result = await train(configure({ epochs: 40, lora: { rank: 8, alpha: 16, dropout: 0 } }));
    expect(result.outcome).toBe('finished');
    expect(result.progress.baseLoss).toBeGreaterThan(3);
    expect(result.progress.best?.loss).toBeLessThan(1.5);
    expect(lossesOf(result).at(-1)).toBeLessThan(1);
  });

  it('goes on after a stop with the very same numbers', async () => {
    const config = configure({ epochs: 3 });
    const whole = await train(config);
    const directory = path.join(folder, 'stopped');
    const first = await train(config, { directory, stopAfter: 3 });
    expect(first).toMatchObject({ outcome: 'stopped', progress: { step: 3 } });
    const rest = await train(config, { directory });
    expect(rest.events.find(({ event }) => event === 'step-finish')).toMatchObject({ step: 4 });
    expect(weightsOf(rest)).toEqual(weightsOf(whole));
    expect([...lossesOf(first), ...lossesOf(rest)]).toEqual(lossesOf(whole));
    expect(rest.progress.best).toEqual(whole.progress.best);
  });

  it('falls back to the checkpoint before a damaged one, and still ends with the same numbers', async () => {
    const config = configure({ epochs: 3 });
    const whole = await train(config);
    const directory = path.join(folder, 'damaged');
    await train(config, { directory, stopAfter: 5 });
    const [, newest] = (await readdir(directory)).toSorted();
    await truncate(path.join(directory, newest ?? ''), 5000);
    const rest = await train(config, { directory });
    expect(rest.events.find(({ event }) => event === 'step-finish')).toMatchObject({ step: 5 });
    expect(weightsOf(rest)).toEqual(weightsOf(whole));
  });

  it('keeps the two newest checkpoints', async () => {
    const directory = path.join(folder, 'kept');
    const { progress } = await train(configure({ checkpointInterval: 1 }), { directory });
    const last = String(progress.step).padStart(7, '0');
    expect(await readdir(directory)).toHaveLength(2);
    expect(await readdir(directory)).toContain(`step-${last}.safetensors`);
  });

  it('ends early when the validation loss does not fall any more, and keeps the best factors', async () => {
    const result = await train(configure({ learningRate: 0.3, epochs: 50, validationInterval: 1, patience: 3 }));
    expect(result.outcome).toBe('early');
    const measured = result.events.flatMap((event) => (event.event === 'validation-finish' ? event : []));
    const best = measured.reduce((low, event) => (event.loss < low.loss ? event : low));
    expect(result.adapterStep).toBe(best.step);
    expect(measured.at(-1)?.step).toBe(best.step + 3);
  });

  it('stops with the last good state when numbers are no longer finite', async () => {
    const config = configure({ learningRate: 1, maxGradientNorm: 0, schedule: 'constant', epochs: 100 });
    const broken: TrainingBase = { ...base, config: { ...base.config, normEpsilon: Number.NaN } };
    const result = await runTraining({
      base: broken,
      config,
      threads: 1,
      recomputed: 'probabilities',
      device: 'cpu',
      examples,
      validation: [],
      checkpoints: openCheckpoints(path.join(folder, 'nan'), listFactors(base.config, config.lora)),
      signal: new AbortController().signal,
      onEvent: () => undefined,
    });
    expect(result).toMatchObject({ outcome: 'diverged', progress: { step: 0 } });
    expect(
      weightsOf(result)
        .flat()
        .every((values) => values.every(Number.isFinite)),
    ).toBe(true);
  });

  it('refuses data without a token to learn', async () => {
    const silent = examples.map((example) => ({ ...example, isLearned: new Uint8Array(example.tokens.length) }));
    await expect(
      runTraining({
        base,
        config: configure(),
        threads: 1,
        recomputed: 'probabilities',
        device: 'cpu',
        examples: silent,
        validation: [],
        checkpoints: openCheckpoints(path.join(folder, 'silent'), []),
        signal: new AbortController().signal,
        onEvent: () => undefined,
      }),
    ).rejects.toMatchObject({ code: 'training.nothing-to-learn' });
  });
});

/** For every option another value, and so another course of the run. Whose words are learned is up to the data's reader. */
const changes: Readonly<Record<Exclude<keyof TrainConfig, 'lora' | 'isLossOnAssistantOnly'>, object>> = {
  learningRate: { learningRate: 0.01 },
  schedule: { schedule: 'constant' },
  warmupShare: { warmupShare: 0.5 },
  weightDecay: { weightDecay: 0.5 },
  maxGradientNorm: { maxGradientNorm: 0.01 },
  epochs: { epochs: 1 },
  maxSteps: { maxSteps: 3 },
  sequenceTokens: { sequenceTokens: 64 },
  isPacked: { isPacked: false },
  microBatch: { microBatch: 2 },
  accumulation: { accumulation: 1 },
  seed: { seed: 5 },
  validationInterval: { validationInterval: 1 },
  patience: { patience: 1, learningRate: 0.9, validationInterval: 1 },
  checkpointInterval: { checkpointInterval: 1 },
};
const loraChanges: Readonly<Record<keyof TrainConfig['lora'], object>> = {
  rank: { rank: 2 },
  alpha: { alpha: 16 },
  isRankStabilised: { isRankStabilised: true },
  dropout: { dropout: 0.5 },
  modules: { modules: ['q_proj', 'v_proj'] },
  topLayers: { topLayers: 1 },
};

describe('every option changes the run', () => {
  let reference: ReturnType<typeof courseOf>;
  beforeAll(async () => {
    reference = courseOf(await train(configure()));
  });
  const cases = [
    ...Object.entries(changes),
    ...Object.entries(loraChanges).map(([name, change]) => [name, { lora: { ...quick.lora, ...change } }] as const),
  ];
  it.each(cases)('%s', async (_, change) => {
    expect(courseOf(await train(configure(change)))).not.toEqual(reference);
  });

  it('and without a change it is the same run', async () => {
    expect(courseOf(await train(configure()))).toEqual(reference);
  });
});

describe('a batch', () => {
  it('gives each example the loss that it has alone', async () => {
    const { config } = base;
    const model = await openForwardModel({ config, weights: base.weights, lora: null, threads: 1, device: 'cpu' });
    const together = buildBatch(config, examples, null);
    const losses = await model.computeRowLosses(together, []);
    for (const [index, example] of examples.entries()) {
      const alone = await model.computeRowLosses(buildBatch(config, [example], null), []);
      const own = losses.filter((_, row) => together.exampleOfRow[row] === index);
      expect(own).toHaveLength(alone.length);
      own.forEach((loss, i) => expect(loss).toBeCloseTo(alone[i] ?? Number.NaN, 4));
    }
    await model.close();
  });

  it('lays what examples begin with once, and gives each the loss that it has alone', async () => {
    const { config } = base;
    const [one] = examples;
    if (one === undefined) throw new Error('no examples');
    const question = Int32Array.of(1, 5, 9, 12, 7, 20, 31, 8);
    const asked = [Int32Array.of(4, 11, 30), Int32Array.of(6, 11, 3, 2), Int32Array.of(6, 18)].map((rest) => {
      const tokens = Int32Array.from([...question, ...rest]);
      return { ...one, tokens, isLearned: Uint8Array.from(tokens, (_, i) => Number(i > question.length)) };
    });
    const batch = buildBatch(config, [one, ...asked, one], null);
    expect(batch.tokens).toHaveLength(2 * one.tokens.length + question.length + 9);
    const model = await openForwardModel({ config, weights: base.weights, lora: null, threads: 1, device: 'cpu' });
    const losses = await model.computeRowLosses(batch, []);
    for (const [index, example] of [one, ...asked, one].entries()) {
      const alone = await model.computeRowLosses(buildBatch(config, [example], null), []);
      const own = losses.filter((_, row) => batch.exampleOfRow[row] === index);
      expect(own).toHaveLength(alone.length);
      own.forEach((loss, i) => expect(loss).toBeCloseTo(alone[i] ?? Number.NaN, 4));
    }
    await model.close();
  });

  it('lets a token look back to the beginning of its example, and not over its border', () => {
    const batch = buildBatch(base.config, examples.slice(0, 2), null);
    const count = batch.tokens.length;
    const first = examples[0]?.tokens.length ?? 0;
    const seen = (row: number) =>
      Array.from({ length: count }, (_, column) => column).filter((column) => batch.mask[row * count + column] === 0);
    expect(seen(0)).toEqual([0]);
    expect(seen(3)).toEqual([0, 1, 2, 3]);
    expect(seen(first)).toEqual([first]);
  });
});

describe('planSteps', () => {
  it('goes through all data once an epoch, whole or in part', () => {
    const config = configure({ isPacked: false, accumulation: 2, microBatch: 2, epochs: 1.5 });
    const steps = planSteps(examples, config);
    expect(steps.map(({ microBatches }) => microBatches.map((batch) => batch.length))).toEqual([
      [2, 2],
      [2, 2],
      [2, 2],
      [2, 2],
      [2],
    ]);
    const lines = steps.slice(0, 3).flatMap(({ microBatches }) => microBatches.flat().map(({ line }) => line));
    expect(lines.toSorted((a, b) => a - b)).toEqual(examples.map(({ line }) => line));
    expect(steps.at(-1)?.epoch).toBeCloseTo(1.5);
  });
});

const estimate = (changed: object) =>
  estimateTraining(
    { ...base, layout: base.weights.layout },
    configure(changed),
    planSteps(examples, configure(changed)),
    1e9,
    'probabilities',
  );

describe('estimateTraining', () => {
  it('grows with what makes a run dearer', () => {
    const reference = estimate({});
    expect(estimate({ epochs: 4 }).flops).toBeCloseTo(2 * reference.flops);
    expect(estimate({ lora: { ...quick.lora, topLayers: 1 } }).flops).toBeLessThan(reference.flops);
    expect(estimate({ microBatch: 4 }).memoryBytes).toBeGreaterThan(reference.memoryBytes);
    expect(estimate({ lora: { ...quick.lora, rank: 32 } }).memoryBytes).toBeGreaterThan(reference.memoryBytes);
  });
});

const stepOnce = (gradient: Float32Array, maxGradientNorm: number) => {
  const state = { step: 0, first: [new Float32Array(2)], second: [new Float32Array(2)] };
  const norm = stepAdamW([new Float32Array(2)], [gradient], state, {
    learningRate: 1,
    weightDecay: 0,
    maxGradientNorm,
  });
  return { norm, first: [...(state.first[0] ?? [])].map((value) => Math.round(value * 1e6) / 1e6) };
};

describe('stepAdamW', () => {
  it('follows the published update', () => {
    const theta = [Float32Array.of(1, -2)];
    const state = { step: 0, first: [new Float32Array(2)], second: [new Float32Array(2)] };
    const options = { learningRate: 0.1, weightDecay: 0.5, maxGradientNorm: 0 };
    // In the first step m̂ = g and v̂ = g², so each parameter moves by the learning rate against the sign of its gradient.
    stepAdamW(theta, [Float32Array.of(3, -4)], state, options);
    expect(theta[0]?.[0]).toBeCloseTo(1 * (1 - 0.05) - 0.1, 5);
    expect(theta[0]?.[1]).toBeCloseTo(-2 * (1 - 0.05) + 0.1, 5);
    // m̂ = (0.9·0.1·3 + 0.1·1) / 0.19, v̂ = (0.999·0.001·9 + 0.001·1) / 0.001999
    stepAdamW(theta, [Float32Array.of(1, 0)], state, options);
    const first = (0.9 * 0.1 * 3 + 0.1) / 0.19;
    const second = (0.999 * 0.001 * 9 + 0.001) / 0.001999;
    expect(theta[0]?.[0]).toBeCloseTo(0.85 * 0.95 - (0.1 * first) / Math.sqrt(second), 5);
  });

  it('scales gradients down to the limit, and reports their norm before', () => {
    expect(stepOnce(Float32Array.of(3, 4), 1)).toEqual({ norm: 5, first: [0.06, 0.08] });
    expect(stepOnce(Float32Array.of(3, 4), 0)).toEqual({ norm: 5, first: [0.3, 0.4] });
    expect(stepOnce(Float32Array.of(Number.NaN, 4), 1)).toEqual({ norm: Number.NaN, first: [0, 0] });
  });
});

describe('scheduleLearningRate', () => {
  const settings = trainConfigSchema.parse({ learningRate: 1, warmupShare: 0.2 });
  it.each([
    ['cosine', [0.5, 1, 1, 0.961]],
    ['linear', [0.5, 1, 1, 0.875]],
    ['constant', [0.5, 1, 1, 1]],
  ] as const)('%s: rises through the warm-up, then follows the schedule', (schedule, expected) => {
    const rates = [0, 1, 2, 3].map((step) => scheduleLearningRate({ ...settings, schedule }, step, 10));
    rates.forEach((rate, i) => expect(rate).toBeCloseTo(expected[i] ?? Number.NaN, 2));
  });
});

const draw = (...name: number[]) => Array.from({ length: 2000 }, createRandom(...name));

describe('random streams', () => {
  it('are repeatable, apart from each other, and spread over the unit interval', () => {
    expect(draw(1, 2)).toEqual(draw(1, 2));
    expect(draw(1, 2)).not.toEqual(draw(1, 3));
    const mean = draw(5).reduce((sum, value) => sum + value, 0) / 2000;
    expect(mean).toBeCloseTo(0.5, 1);
    expect(shuffle([1, 2, 3, 4, 5], createRandom(3)).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
  });
});
