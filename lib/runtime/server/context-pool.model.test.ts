import { mkdtemp, rm, unlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEnv } from '#lib/config/env.ts';
import { writeGgufAdapter } from '#lib/lora/adapter/gguf-adapter.ts';
import { readDecoderConfig } from '#lib/lora/architectures/architecture.ts';
import { openGguf } from '#lib/lora/gguf/read-gguf.ts';
import { readTokenizerMetadata, tinySizes, writeTinyBase } from '#lib/lora/testing/tiny-base.ts';
import { resolveModel } from '#lib/models/model-store.ts';
import { drawAdapter } from '#lib/testing/registry-stage.ts';
import { type BaseModel, loadBaseModel, startLlama } from './base-model.ts';
import { type ContextPool, createContextPool } from './context-pool.ts';
import { scoreTokens } from './scoring.ts';

/** The pool over a base of a few megabytes: what llama.cpp computes says which adapter really was in a context. */
const sizes = { ...tinySizes, hiddenSize: 64, headSize: 16, feedForwardSize: 96, vocabularySize: 32_000 };
const names = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(64));
const never = new AbortController().signal;

describe('context pool', () => {
  let folder: string;
  let base: BaseModel;
  const fileOf = (name: string) => path.join(folder, `${name}.gguf`);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'pool-'));
    const model = await resolveModel('tinyllama-1.1b-chat-iq2', loadEnv().modelsDir);
    const metadata = await readTokenizerMetadata(model.files[0]?.path ?? '');
    await writeTinyBase(fileOf('base'), 1, { sizes, metadata });
    const gguf = await openGguf(fileOf('base'));
    const config = readDecoderConfig(gguf);
    await gguf.close();
    for (const [seed, name] of names.entries()) await writeGgufAdapter(fileOf(name), drawAdapter(config, seed, 4, 0.3));
    const backend = await startLlama({ gpu: 'off', threads: 1, onLog: () => undefined });
    base = await loadBaseModel(
      backend,
      { id: 'tiny', path: fileOf('base'), sha256: 'e'.repeat(64) },
      { contextTokens: 64 },
    );
  });
  afterAll(async () => {
    await base.backend.llama.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const createPool = (budgetBytes: number) => createContextPool(base, { threads: 1, batchSize: 24, budgetBytes });

  async function score(pool: ContextPool, name: string | null): Promise<number> {
    const lease = await pool.acquire(name);
    try {
      const tokens = base.toTokens([1, 500, 7000, 90, 12_000, 33]);
      const logprobs = await scoreTokens(lease.cache, tokens, { fromIndex: 1, blockSize: 16, signal: never });
      return logprobs.reduce<number>((sum, logprob) => sum + (logprob ?? 0), 0);
    } finally {
      lease.release();
    }
  }

  it('gives every adapter its own output, the same after its memory was taken and given back', async () => {
    const roomy = createPool(2 ** 30);
    for (const name of names) await roomy.registerAdapter(name, fileOf(name));
    const expected = new Map<string | null, number>();
    for (const name of [null, ...names]) expected.set(name, await score(roomy, name));
    expect(new Set([...expected.values()].map((value) => value.toFixed(6))).size).toBe(5);
    expect(roomy.usage).toMatchObject({ contexts: 5, adapters: 4 });
    for (const name of names) await roomy.unregisterAdapter(name);
    expect(roomy.usage).toMatchObject({ contexts: 1, adapters: 0 });

    // Room for one context and its adapter.
    const tight = createPool(1);
    for (const name of names) await tight.registerAdapter(name, fileOf(name));
    for (const name of [...names, null, ...names.toReversed(), names[2] ?? null]) {
      expect(await score(tight, name)).toBe(expected.get(name));
      expect(tight.usage.contexts).toBe(1);
      expect(tight.usage.adapters).toBe(name === null ? 0 : 1);
    }
    expect(tight.adapters).toEqual(expect.arrayContaining(names));
    for (const name of names) await tight.unregisterAdapter(name);
  });

  it('takes the least recently used first, and nothing from a request that is being answered', async () => {
    const [a = '', b = '', c = ''] = names;
    const measured = createPool(2 ** 30);
    await measured.registerAdapter(a, fileOf(a));
    const one = measured.usage.usedBytes;
    await measured.unregisterAdapter(a);
    const pool = createPool(2 * one);
    await pool.registerAdapter(a, fileOf(a));
    await pool.registerAdapter(b, fileOf(b));
    const lease = await pool.acquire(a);
    const before = lease.context;
    await pool.registerAdapter(c, fileOf(c));
    expect(before.disposed).toBe(false);
    expect(pool.usage).toMatchObject({ contexts: 2, adapters: 2 });
    lease.release();
    const again = await pool.acquire(a);
    expect(again.context).toBe(before);
    // Taken off the list while it answers: it stays until the answer is there.
    await pool.unregisterAdapter(a);
    expect(before.disposed).toBe(false);
    await expect(pool.acquire(a)).rejects.toMatchObject({ code: 'runtime.model-unknown' });
    again.release();
    await expect.poll(() => before.disposed).toBe(true);
    for (const name of [b, c]) await pool.unregisterAdapter(name);
  });

  it('names the reason when an adapter does not load, and forgets it', async () => {
    const pool = createPool(2 ** 30);
    const wrong = 'f'.repeat(64);
    await expect(pool.registerAdapter(wrong, fileOf('base'))).rejects.toMatchObject({ code: 'adapter.unloadable' });
    expect(pool.isRegistered(wrong)).toBe(false);
    await expect(pool.acquire(wrong)).rejects.toMatchObject({ code: 'runtime.model-unknown' });
    const lost = 'd'.repeat(64);
    const tight = createPool(1);
    await tight.registerAdapter(lost, fileOf(lost));
    await score(tight, null);
    await unlink(fileOf(lost));
    await expect(tight.acquire(lost)).rejects.toMatchObject({ code: 'adapter.unloadable' });
  });
});
