import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { LlamaModel, Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEnv } from '#lib/config/env.ts';
import { resolveModel } from '#lib/models/model-store.ts';
import { type LlamaBackend, loadGguf, startLlama } from '#lib/runtime/server/base-model.ts';
import { createModelTokenizer } from '#lib/runtime/server/model-tokenizer.ts';
import {
  type DecoderConfig,
  readDecoderConfig,
  sizeOfModule,
  type TargetModule,
} from '../architectures/architecture.ts';
import { blendAdapters } from '../blend/blend-adapters.ts';
import { openGguf } from '../gguf/read-gguf.ts';
import { mergeAdapter } from '../merge/merge-adapter.ts';
import { readTokenizerMetadata, tinySizes, writeTinyBase } from '../testing/tiny-base.ts';
import { createRandom, drawNormal } from '../train/random.ts';
import type { LoraAdapter } from './adapter.ts';
import { writeGgufAdapter } from './gguf-adapter.ts';

/** What llama.cpp makes of our files: adapters, blends and merged models of a tiny base, by the logits they give. */
const sizes = { ...tinySizes, hiddenSize: 64, headSize: 16, feedForwardSize: 96, vocabularySize: 32_000 };
const TOKENS = 24;

let folder: string;
let backend: LlamaBackend;
let tokenizerSource: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'served-'));
  const model = await resolveModel('tinyllama-1.1b-chat-iq2', loadEnv().modelsDir);
  tokenizerSource = model.files[0]?.path ?? '';
  backend = await startLlama({ gpu: 'off', threads: 1, onLog: () => undefined });
});
afterAll(async () => {
  await backend.llama.dispose();
  await rm(folder, { recursive: true, force: true });
});

type Served = readonly { readonly filePath: string; readonly scale: number }[];

/** Logits of what follows the last of some random tokens, with these adapters on. */
async function serve(model: LlamaModel, adapters: Served): Promise<Float32Array> {
  const random = createRandom(9);
  const ids = Array.from({ length: TOKENS }, () => Math.floor(random() * sizes.vocabularySize));
  const context = await model.createContext({
    contextSize: TOKENS + 1,
    batchSize: TOKENS,
    threads: { ideal: 1, min: 1 },
    flashAttention: false,
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
    ...(adapters.length > 0 ? { lora: { adapters: [...adapters] } } : {}),
  });
  const tokens = createModelTokenizer(model, 'zephyr').toTokens(ids);
  const outputs = await context
    .getSequence()
    .controlledEvaluate(
      tokens.map((token, i): Token | [Token, { generateNext: { logits: true } }] =>
        i === tokens.length - 1 ? [token, { generateNext: { logits: true } }] : token,
      ),
    );
  await context.dispose();
  const row = new Float32Array(sizes.vocabularySize);
  for (const [token, logit] of outputs.at(-1)?.next.logits ?? []) row[token] = logit;
  return row;
}

/** Of the size that training gives it: enough to turn the logits of a tiny base upside down. */
function createAdapter(
  config: DecoderConfig,
  seed: number,
  rank: number,
  modules: readonly TargetModule[],
): LoraAdapter {
  const random = createRandom(seed);
  const numbers = (count: number, size: number) =>
    Float32Array.from({ length: count }, () => size * drawNormal(random));
  return {
    architecture: config.architecture,
    alpha: 3 * seed,
    factors: Array.from({ length: config.layerCount }, (_, layer) =>
      modules.map((module) => {
        const { inputs, outputs } = sizeOfModule(config, module);
        return {
          layer,
          module,
          rank,
          down: numbers(rank * inputs, 1 / Math.sqrt(inputs)),
          up: numbers(outputs * rank, 0.1),
        };
      }),
    ).flat(),
  };
}

const largestDifference = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => {
    const difference = Math.abs(value - (b[i] ?? Number.NaN));
    return difference <= most ? most : difference;
  }, 0);

async function serveFile(file: string): Promise<Float32Array> {
  const loaded = await loadGguf(backend, file);
  const logits = await serve(loaded, []);
  await loaded.dispose();
  return logits;
}

describe.each(['llama', 'qwen2', 'qwen3'] as const)('%s', (architecture) => {
  const at = (name: string) => path.join(folder, `${architecture}-${name}.gguf`);
  let model: LlamaModel;
  let base: Float32Array;
  let one: LoraAdapter;
  let other: LoraAdapter;

  const write = async (name: string, adapter: LoraAdapter, scale = 1) => {
    await writeGgufAdapter(at(name), adapter);
    return { filePath: at(name), scale };
  };
  beforeAll(async () => {
    const metadata = await readTokenizerMetadata(tokenizerSource);
    await writeTinyBase(at('base'), 7, { architecture, sizes, metadata });
    const gguf = await openGguf(at('base'));
    const config = readDecoderConfig(gguf);
    await gguf.close();
    one = createAdapter(config, 1, 3, ['q_proj', 'k_proj', 'v_proj', 'gate_proj']);
    other = createAdapter(config, 2, 5, ['q_proj', 'o_proj', 'up_proj', 'down_proj']);
    model = await loadGguf(backend, at('base'));
    base = await serve(model, []);
  });
  afterAll(() => model.dispose());

  it('an adapter changes the logits, and one with B = 0 does not change a bit', async () => {
    expect(largestDifference(await serve(model, [await write('one', one)]), base)).toBeGreaterThan(0.1);
    const factors = one.factors.map((pair) => ({ ...pair, up: new Float32Array(pair.up.length) }));
    expect(await serve(model, [await write('zero', { ...one, factors })])).toEqual(base);
  });

  it('a blend serves like its parts together', async () => {
    const both = await serve(model, [await write('a', one, 1), await write('b', other, -0.5)]);
    const parts = [
      { adapter: one, weight: 1 },
      { adapter: other, weight: -0.5 },
    ];
    const blended = await blendAdapters(parts, { method: 'linear', rank: null });
    expect(largestDifference(await serve(model, [await write('blend', blended.adapter)]), both)).toBeLessThan(1e-4);
    // Eight directions are all that there are, so nothing is lost.
    const whole = await blendAdapters(parts, { method: 'linear', rank: 8 });
    expect(largestDifference(await serve(model, [await write('whole', whole.adapter)]), both)).toBeLessThan(1e-4);
    expect(largestDifference(both, base)).toBeGreaterThan(0.1);
  });

  it('a merged model serves like base and adapter', async () => {
    const together = await serve(model, [await write('served', one, 0.7)]);
    const differences: Record<string, number> = {};
    for (const type of ['F32', 'F16', 'Q8_0'] as const) {
      await mergeAdapter(at('base'), one, at(type), { type, scale: 0.7 });
      differences[type] = largestDifference(await serveFile(at(type)), together);
    }
    expect(differences['F32']).toBeLessThan(1e-4);
    expect(differences['F16']).toBeLessThan(0.02);
    // 8 bits a weight: coarse for a base of 64 columns, and far from the base without its adapter.
    expect(differences['Q8_0']).toBeLessThan(0.2);
    expect(largestDifference(together, base)).toBeGreaterThan(1);
  });

  it('a base merged with nothing is the base', async () => {
    const factors = one.factors.map((pair) => ({ ...pair, up: new Float32Array(pair.up.length) }));
    await mergeAdapter(at('base'), { ...one, factors }, at('same'), { type: 'F32' });
    expect(await serveFile(at('same'))).toEqual(base);
  });
});
