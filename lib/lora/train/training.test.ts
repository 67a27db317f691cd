import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DecoderConfig, readDecoderConfig } from '../architectures/architecture.ts';
import { type BaseWeights, prepareBaseWeights } from '../base/weight-cache.ts';
import { openGguf } from '../gguf/read-gguf.ts';
import { createRotaryTables } from '../graph/decoder.ts';
import { countNoiseColumns, encodeTrainingGraph, listFactors } from '../graph/training-graph.ts';
import { createOptimiserState, scheduleLearningRate, stepAdamW } from './optimiser.ts';
import { createRandom, drawNormal, shuffle } from './random.ts';
import { writeTinyBase } from './tiny-base-fixture.ts';
import { type LoraConfig, loraConfigSchema, trainConfigSchema } from './train-config.ts';

let folder: string;
let config: DecoderConfig;
let weights: BaseWeights;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'train-'));
  const base = path.join(folder, 'tiny.gguf');
  await writeTinyBase(base, 4);
  const gguf = await openGguf(base);
  config = readDecoderConfig(gguf);
  await gguf.close();
  weights = await prepareBaseWeights(base, 'tiny', folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const TOKENS = [1, 17, 4, 33, 9, 9, 21, 2];

/** Losses of `steps` steps of training on one sentence. */
async function train(lora: LoraConfig, steps: number): Promise<number[]> {
  const file = path.join(folder, `${lora.rank}-${lora.dropout}-${lora.modules.length}.onnx`);
  const model = encodeTrainingGraph(config, lora, weights.layout, path.basename(weights.dataFile), {
    hasBackward: true,
  });
  await writeFile(file, model);
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const random = createRandom(1);
  const factors = listFactors(config, lora);
  const parameters = factors.map(({ part, shape }) =>
    Float32Array.from({ length: shape[0] * shape[1] }, () => (part === 'down' ? drawNormal(random) * 0.1 : 0)),
  );
  const state = createOptimiserState(parameters);
  const count = TOKENS.length;
  const { cos, sin } = createRotaryTables(
    config,
    TOKENS.map((_, i) => i),
    null,
  );
  const group = config.headCount / config.keyValueHeadCount;
  const mask = Float32Array.from({ length: group * count * count }, (_, i) =>
    i % count > Math.floor(i / count) % count ? -1e9 : 0,
  );
  const targets = TOKENS.slice(1);
  const columns = countNoiseColumns(config);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const noise = createRandom(7, step);
    const drawNoise = () =>
      new Tensor('float32', Float32Array.from({ length: count * columns }, noise), [count, columns]);
    const result = await session.run({
      tokens: new Tensor('int64', BigInt64Array.from(TOKENS, BigInt), [count]),
      cos: new Tensor('float32', cos, [count, 1, config.headSize]),
      sin: new Tensor('float32', sin, [count, 1, config.headSize]),
      mask: new Tensor('float32', mask, [group * count, count]),
      rows: new Tensor(
        'int64',
        BigInt64Array.from(targets, (_, i) => BigInt(i)),
        [targets.length],
      ),
      targets: new Tensor('int64', BigInt64Array.from(targets, BigInt), [targets.length]),
      weights: new Tensor('float32', new Float32Array(targets.length).fill(1 / targets.length), [targets.length]),
      ...(lora.dropout > 0 ? { 'noise.a': drawNoise(), 'noise.b': drawNoise() } : {}),
      ...Object.fromEntries(
        factors.map(({ name, shape }, i) => [
          name,
          new Tensor('float32', parameters[i] ?? new Float32Array(), [...shape]),
        ]),
      ),
    });
    losses.push(Number(result['loss']?.data[0]));
    const gradients = factors.map(({ name }) => Float32Array.from(result[`gradient.${name}`]?.data as Float32Array));
    stepAdamW(parameters, gradients, state, { learningRate: 0.01, weightDecay: 0, maxGradientNorm: 1 });
  }
  await session.release();
  return losses;
}

describe('a training step', () => {
  it('learns a sentence by heart through the adapter alone', async () => {
    const losses = await train(loraConfigSchema.parse({ rank: 4, alpha: 8, dropout: 0 }), 120);
    expect(losses[0]).toBeGreaterThan(3);
    // The frozen head bounds the logits of normalised states, so the loss cannot reach 0.
    expect(losses.at(-1)).toBeLessThan(0.25);
  });

  it('takes other steps with dropout, and the same ones for the same noise', async () => {
    const lora = loraConfigSchema.parse({ rank: 4, alpha: 8, dropout: 0.5 });
    const [plain, dropped, again] = [
      await train({ ...lora, dropout: 0 }, 5),
      await train(lora, 5),
      await train(lora, 5),
    ];
    expect(dropped).toEqual(again);
    expect(dropped.slice(1)).not.toEqual(plain.slice(1));
  });

  it('adapts only the layers and modules it is told to', () => {
    const lora = loraConfigSchema.parse({ rank: 4, modules: ['q_proj', 'v_proj'], topLayers: 1 });
    expect(listFactors(config, lora).map(({ name }) => name)).toEqual([
      '1.q_proj.down',
      '1.q_proj.up',
      '1.v_proj.down',
      '1.v_proj.up',
    ]);
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
