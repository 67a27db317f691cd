import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGgufAdapter } from '../adapter/gguf-adapter.ts';
import { prepareBaseWeights } from '../base/weight-cache.ts';
import type { BaseTokenizer } from '../data/tokenizer.ts';
import { tinySizes, writeTinyBase } from '../testing/tiny-base.ts';
import { trainConfigSchema } from './train-config.ts';
import {
  ADAPTER_FILE,
  createRun,
  type PreparedRun,
  performRun,
  prepareRun,
  type RunRequest,
  reopenRun,
  requireMemory,
} from './training-run.ts';

/** A letter is a token. */
const tokenizer: BaseTokenizer = {
  templateSha256: 'e'.repeat(64),
  tokenizeConversation: () => {
    throw new Error('the rows are texts');
  },
  tokenizeText: (text) => ({
    tokens: Int32Array.from(text, (letter) => 3 + (letter.charCodeAt(0) % 30)),
    isLearned: new Uint8Array(text.length).fill(1, 1),
  }),
};

let folder: string;
let request: RunRequest;
let plenty: PreparedRun;
let usual: Awaited<ReturnType<typeof train>>;
const deps = {
  openTokenizer: () => Promise.resolve({ ...tokenizer, close: () => Promise.resolve() }),
  get weightCacheDir() {
    return path.join(folder, 'weights');
  },
};

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'training-run-'));
  const base = path.join(folder, 'tiny.gguf');
  await writeTinyBase(base, 4, { sizes: { ...tinySizes, layerCount: 5 } });
  const sha256 = createHash('sha256')
    .update(await readFile(base))
    .digest('hex');
  await prepareBaseWeights(base, sha256, deps.weightCacheDir);
  const dataPath = path.join(folder, 'rows.jsonl');
  const rows = Array.from({ length: 12 }, (_, i) => JSON.stringify({ text: `a row of letters, number ${i}` }));
  await writeFile(dataPath, `${rows.join('\n')}\n`);
  request = {
    base: { id: 'tiny', path: base, sha256, templateHint: null },
    dataPath,
    validation: [],
    config: trainConfigSchema.parse({ lora: { rank: 4, dropout: 0 }, sequenceTokens: 256, maxSteps: 3 }),
    threads: 1,
    device: 'cpu',
  };
  plenty = await prepareRun(request, deps, Number.POSITIVE_INFINITY);
  usual = await train('usual', plenty);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function train(name: string, prepared: PreparedRun) {
  const directory = path.join(folder, name);
  await createRun(directory, prepared.spec);
  await performRun(directory, prepared, deps, { signal: new AbortController().signal, onEvent: () => undefined });
  const file = await openGgufAdapter(path.join(directory, ADAPTER_FILE));
  const factors = await Promise.all(file.factors.map(({ read }) => read()));
  await file.close();
  return { directory, recomputed: prepared.spec.recomputed, trainedOn: file.trainedOn, factors };
}

describe('a run', () => {
  it('refuses sequences that the base was not made for, with both numbers', async () => {
    const config = { ...request.config, sequenceTokens: 4096 };
    await expect(prepareRun({ ...request, config }, deps)).rejects.toMatchObject({
      code: 'training.sequence-too-long',
      message: expect.stringMatching(/4096 tokens.*1024/),
      details: { sequenceTokens: 4096, contextTokens: 1024 },
    });
  });

  it('computes blocks twice where memory is short, and learns the same', async () => {
    const tight = await train('tight', await prepareRun(request, deps, plenty.estimate.memoryBytes - 1));
    expect([usual.recomputed, tight.recomputed]).toEqual(['probabilities', 'blocks']);
    const differences = usual.factors.flatMap(({ down, up }, i) =>
      [down, up].map((values, part) => {
        const other = tight.factors[i]?.[part === 0 ? 'down' : 'up'];
        return values.reduce((most, value, k) => Math.max(most, Math.abs(value - (other?.[k] ?? Number.NaN))), 0);
      }),
    );
    expect(Math.max(...differences)).toBeLessThan(1e-4);
  });

  it('goes on in the way that it began', async () => {
    const directory = path.join(folder, 'begun');
    await createRun(directory, { ...plenty.spec, recomputed: 'blocks' });
    const { estimate } = await reopenRun(directory, deps);
    expect(estimate.recomputed).toBe('blocks');
    expect(estimate.memoryBytes).toBeLessThan(plenty.estimate.memoryBytes);
    expect(estimate.flops / plenty.estimate.flops).toBeGreaterThan(1.2);
    expect(estimate.flops / plenty.estimate.flops).toBeLessThan(1.7);
  });

  it('is refused with the numbers where neither way fits', async () => {
    const { estimate } = await prepareRun(request, deps, 1e6);
    expect(estimate.recomputed).toBe('blocks');
    expect(() => requireMemory(estimate, request.config, 1e6)).toThrow(
      /about 2\d\d\.\d MB of memory .*even if it computed every block twice, and 1\.0 MB are free/,
    );
  });

  it('writes into the adapter what it was trained on', () => {
    expect(usual.trainedOn).toEqual({ baseSha256: request.base.sha256, templateSha256: tokenizer.templateSha256 });
  });
});
