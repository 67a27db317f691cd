import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { LlamaModel, Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { resolveModel } from '#lib/models/model-store.ts';
import { type LlamaBackend, loadGguf, startLlama } from '#lib/runtime/server/base-model.ts';
import { createModelTokenizer } from '#lib/runtime/server/model-tokenizer.ts';
import type { GgufMetadataInput } from '../gguf/write-gguf.ts';
import { openLogitsModel } from '../testing/compute-logits.ts';
import { readTokenizerMetadata, type TinyBaseOptions, tinySizes, writeTinyBase } from '../testing/tiny-base.ts';
import { createRandom } from '../train/random.ts';

const env = loadEnv();
let folder: string;
let backend: LlamaBackend;
let basePath: string;
let baseSha256: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'parity-'));
  const model = await resolveModel('tinyllama-1.1b-chat-iq2', env.modelsDir);
  basePath = model.files[0]?.path ?? '';
  baseSha256 = model.sha256;
  backend = await startLlama({ gpu: 'off', threads: 1, onLog: () => undefined });
});
afterAll(async () => {
  await backend.llama.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** Tokens evaluated in one call; each gives a sorted map of the whole vocabulary. */
const BLOCK_TOKENS = 64;

/**
 * llama.cpp's logits of what follows each token but the last. Attention is computed in F32, because F16, the default, moves
 * llama.cpp's own logits: on the real base by 0.005 nats a position and 1.3 % of perplexity.
 */
async function serveLogits(model: LlamaModel, texts: readonly (readonly Token[])[]): Promise<Float32Array[][]> {
  const context = await model.createContext({
    contextSize: Math.max(...texts.map((tokens) => tokens.length)) + 1,
    batchSize: BLOCK_TOKENS,
    threads: { ideal: 1, min: 1 },
    flashAttention: false,
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
  });
  const sequence = context.getSequence();
  const all: Float32Array[][] = [];
  for (const tokens of texts) {
    await sequence.clearHistory();
    const rows: Float32Array[] = [];
    for (let start = 0; start < tokens.length - 1; start += BLOCK_TOKENS) {
      const block = tokens.slice(start, Math.min(start + BLOCK_TOKENS, tokens.length - 1));
      const outputs = await sequence.controlledEvaluate(
        block.map((token): [Token, { generateNext: { logits: true } }] => [token, { generateNext: { logits: true } }]),
      );
      for (const output of outputs) {
        const logits = output?.next.logits ?? new Map<Token, number>();
        const row = new Float32Array(logits.size);
        for (const [token, logit] of logits) row[token] = logit;
        rows.push(row);
      }
    }
    all.push(rows);
  }
  await context.dispose();
  return all;
}

const metadata = (...entries: readonly (readonly [string, GgufMetadataInput])[]) => new Map(entries);

describe('logits of tiny F32 bases', () => {
  const sizes = {
    ...tinySizes,
    layerCount: 3,
    hiddenSize: 64,
    headSize: 16,
    feedForwardSize: 96,
    vocabularySize: 32_000,
  };
  const wide = { ...sizes, headSize: 32 };
  const bases: readonly (readonly [name: string, options: TinyBaseOptions])[] = [
    ['llama', { architecture: 'llama', sizes }],
    ['llama with the frequency factors of Llama 3', { sizes, frequencyFactors: [1, 1, 1, 1.5, 2, 4, 8, 8] }],
    [
      'llama with linear rotary scaling',
      {
        sizes,
        metadata: metadata(['*.rope.scaling.type', 'linear'], ['*.rope.scaling.factor', { float32: 4 }]),
      },
    ],
    [
      'qwen2, tied head',
      { architecture: 'qwen2', sizes, hasTiedHead: true, metadata: metadata(['*.rope.freq_base', { float32: 1e6 }]) },
    ],
    [
      'qwen3, heads wider than the stream',
      { architecture: 'qwen3', sizes: wide, metadata: metadata(['*.rope.freq_base', { float32: 1e6 }]) },
    ],
  ];

  it.each(bases)('%s: differ from those of llama.cpp by less than 1e-3', async (name, options) => {
    const key = name.replaceAll(/\W/g, '-');
    const ggufPath = path.join(folder, `${key}.gguf`);
    const tokenizer = await readTokenizerMetadata(basePath);
    await writeTinyBase(ggufPath, 7, { ...options, metadata: new Map([...tokenizer, ...(options.metadata ?? [])]) });
    const model = await loadGguf(backend, ggufPath);
    const random = createRandom(9);
    const ids = Array.from({ length: 48 }, () => Math.floor(random() * sizes.vocabularySize));
    const [served = []] = await serveLogits(model, [createModelTokenizer(model, 'zephyr').toTokens(ids)]);
    await model.dispose();
    const ours = await openLogitsModel({ ggufPath, sha256: key, cacheDir: folder, threads: 1 });
    const [rows = []] = await ours.computeLogits([ids]);
    await ours.close();
    expect([rows.length, served.length]).toEqual([47, 47]);
    const differences = rows.flatMap((row, r) =>
      Array.from(row, (logit, token) => Math.abs(logit - (served[r]?.[token] ?? Number.NaN))),
    );
    expect(differences.reduce((most, difference) => (difference <= most ? most : difference), 0)).toBeLessThan(1e-3);
  });
});

/** About ten things, in code, lists, prose and two languages, so that the model is sure of some tokens and unsure of others. */
const exchanges: readonly (readonly [question: string, answer: string])[] = [
  [
    'What is the capital of France?',
    'The capital of France is Paris. It lies on the river Seine, has about two million people, and is known for the Eiffel Tower, the Louvre and its many cafés. The kings of France lived there until the seventeenth century, when the court moved to Versailles.',
  ],
  [
    'Write a function that adds the even numbers of a list in Python.',
    'def add_even(numbers):\n    """Return the sum of the even numbers."""\n    total = 0\n    for number in numbers:\n        if number % 2 == 0:\n            total += number\n    return total\n\nprint(add_even([1, 2, 3, 4]))  # 6',
  ],
  [
    'How do I cancel my order 4711?',
    "I'm sorry to hear that you want to cancel your order. Open your account on our website, choose the order 4711 from the list, and press the button Cancel. You will get an email that confirms it, and the money comes back within five working days. If you need any help, please write to us.",
  ],
  [
    'Erkläre kurz, was ein Regenbogen ist.',
    'Ein Regenbogen entsteht, wenn das Licht der Sonne in vielen kleinen Tropfen gebrochen wird. Jede Farbe wird ein wenig anders gebrochen, und deshalb sieht man Rot, Orange, Gelb, Grün, Blau und Violett nebeneinander.',
  ],
  [
    'Why is the sky blue?',
    'Sunlight looks white, but it is made of all colors. When it passes through the air, the short waves of blue light are scattered much more than the long waves of red light, so blue light reaches our eyes from every direction. In the evening the light takes a longer way, and the sky turns red.',
  ],
  [
    'List the steps to reset the kettle.',
    '1. Unplug the kettle and let it cool down.\n2. Wait for at least ten seconds.\n3. Hold the power button and plug the kettle in again.\n4. Release the button when the lamp blinks twice.\n5. Fill it with fresh water, boil it once and pour the water away.',
  ],
  [
    'Tell me a short story.',
    'Once upon a time, there was a little fox who wanted to learn how to read. Every night she sat under the window of the village school and listened to the children. One day the teacher saw her and opened the door. "Come in," he said, "there is a chair for everyone who wants to learn."',
  ],
  [
    'What is 12 times 12, and how can I compute it in my head?',
    '12 times 12 is 144. You can compute it in your head like this: 10 times 12 is 120, and 2 times 12 is 24. If you add 120 and 24, you get 144.',
  ],
  [
    'Write a polite email that asks for a day off.',
    'Subject: Request for a day off\n\nDear Ms. Miller,\n\nI would like to ask for a day off on Friday, March 7, because I have to attend a family event. I will finish the report before then, and my colleague has agreed to answer urgent calls.\n\nThank you for your understanding.\n\nBest regards,\nAnna',
  ],
  [
    'Is my part MX-7731 still under warranty?',
    'The warranty of the part MX-7731 covers 24 months from the date of purchase. It does not cover batteries, damage by water, or repairs by other companies. Please have your receipt and the serial number ready when you call our service team.',
  ],
];

/** Natural-log probabilities of the next token, from its logits. */
function toLogProbabilities(logits: Float32Array): Float64Array {
  const top = logits.reduce((most, logit) => Math.max(most, logit), -Infinity);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
  return Float64Array.from(logits, (logit) => logit - top - Math.log(total));
}

/** KL(p ‖ q) in nats, of natural-log probabilities. */
function measureDivergence(p: Float64Array, q: Float64Array): number {
  return p.reduce((sum, logP, token) => sum + Math.exp(logP) * (logP - (q[token] ?? Number.NaN)), 0);
}

describe('logits of the real base at 2 bits', () => {
  let texts: Token[][];
  let served: Float32Array[][];
  beforeAll(async () => {
    const model = await loadGguf(backend, basePath);
    const tokenizer = createModelTokenizer(model, undefined);
    texts = exchanges.map(([question, answer]) =>
      tokenizer.tokenizeMessages(
        [
          { role: 'user', content: question },
          { role: 'assistant', content: answer },
        ],
        false,
      ),
    );
    served = await serveLogits(model, texts);
    await model.dispose();
  });

  it('have the distribution and the perplexity of llama.cpp, which rounds what enters a product to 8 bits', async () => {
    const ours = await openLogitsModel({
      ggufPath: basePath,
      sha256: baseSha256,
      cacheDir: describeDataDir(env.dataDir).weightCacheDir,
      threads: os.availableParallelism(),
    });
    const measured: { readonly divergence: number; readonly ours: number; readonly served: number }[] = [];
    const computed = await ours.computeLogits(texts);
    await ours.close();
    for (const [i, rows] of computed.entries())
      for (const [r, row] of rows.entries()) {
        const q = toLogProbabilities(row);
        const p = toLogProbabilities(served[i]?.[r] ?? new Float32Array());
        const next = texts[i]?.[r + 1] ?? -1;
        measured.push({
          divergence: measureDivergence(p, q),
          ours: -(q[next] ?? Number.NaN),
          served: -(p[next] ?? Number.NaN),
        });
      }
    const meanOf = (key: keyof (typeof measured)[number]) =>
      measured.reduce((sum, position) => sum + position[key], 0) / measured.length;
    expect(measured).toHaveLength(texts.flat().length - texts.length);
    expect(measured.length).toBeGreaterThan(800);
    // Measured: 0.0053 nats a position, and perplexities of 7.888 and 7.884. All of it is the rounding: of the same weights as
    // an F32 file, which llama.cpp computes without it, the divergence is 2e-12 and the perplexities agree in eight digits.
    expect(meanOf('divergence')).toBeLessThan(0.01);
    expect(Math.abs(Math.exp(meanOf('ours') - meanOf('served')) - 1)).toBeLessThan(0.01);
  });
});
