import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEnv } from '#lib/config/env.ts';
import { readTokenizerMetadata, tinySizes, writeTinyBase } from '#lib/lora/testing/tiny-base.ts';
import { resolveModel } from '#lib/models/model-store.ts';
import { type RealRuntime, startRealRuntime } from '#lib/testing/real-runtime.ts';
import { createRuntimeClient, type HttpRuntimeClient } from './client.ts';
import { readAll } from './contract-suite.ts';
import type { RuntimeStatus } from './runtime-port.ts';

/** Of the default base, whose tokenizer the tiny models borrow. */
const VOCABULARY_SIZE = 32_000;
const WINDOW_TOKENS = 64;

let folder: string;
let baseFile: string;
let embeddingFile: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'model-paths-'));
  const donor = await resolveModel('tinyllama-1.1b-chat-iq2', loadEnv().modelsDir);
  const metadata = await readTokenizerMetadata(donor.files[0]?.path ?? '');
  metadata.set('*.context_length', { uint32: WINDOW_TOKENS });
  const sizes = { ...tinySizes, vocabularySize: VOCABULARY_SIZE };
  baseFile = path.join(folder, 'own base.gguf');
  embeddingFile = path.join(folder, 'embedding.gguf');
  await writeTinyBase(baseFile, 1, { sizes, metadata });
  await writeTinyBase(embeddingFile, 2, { sizes, metadata });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const hashFile = async (file: string) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
const norm = (vector: Float32Array) => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));

async function readStatusWith(settings: Readonly<Record<string, string>>): Promise<RuntimeStatus> {
  const runtime = await startRealRuntime(settings);
  const client = createRuntimeClient({ socketPath: runtime.socketPath });
  try {
    return await client.readStatus();
  } finally {
    await client.close();
    await runtime.close();
  }
}

describe('models given by path', () => {
  let runtime: RealRuntime;
  let client: HttpRuntimeClient;
  beforeAll(async () => {
    runtime = await startRealRuntime({ BASE_MODEL: baseFile, EMBEDDING_MODEL: embeddingFile });
    client = createRuntimeClient({ socketPath: runtime.socketPath });
  });
  afterAll(async () => {
    await client.close();
    await runtime.close();
  });

  it('are served under their path and their checksum', async () => {
    expect(await client.readStatus()).toMatchObject({
      state: 'ready',
      baseModel: { id: baseFile, sha256: await hashFile(baseFile), contextTokens: WINDOW_TOKENS },
      embeddingModel: { id: embeddingFile, sha256: await hashFile(embeddingFile), dimensions: tinySizes.hiddenSize },
    });
  });

  it('answers from the base, and names it', async () => {
    const messages = [{ role: 'user' as const, content: 'Say yes.' }];
    const { finish } = await readAll(client.streamChat({ model: 'base', messages, maxTokens: 4 }));
    expect(finish.usage.completionTokens).toBeGreaterThan(0);
    expect(finish.baseSha256).toBe(await hashFile(baseFile));
  });

  it('embeds each text on its own, whatever stands beside it', async () => {
    const texts = ['The pump holds four litres.', 'Error E14 means overload.', ''];
    const together = await client.embedTexts(texts);
    const [alone] = await client.embedTexts(texts.slice(1, 2));
    expect(together.map((vector) => vector.length)).toEqual(texts.map(() => tinySizes.hiddenSize));
    expect(norm(together[0] ?? new Float32Array())).toBeCloseTo(1, 5);
    expect(alone).toEqual(together[1]);
    expect(together[1]).not.toEqual(together[0]);
  });

  it('cuts a text that is longer than the window', async () => {
    const long = 'The pump is flushed with water. '.repeat(40);
    const [count] = await client.countEmbeddingTokens([long]);
    expect(count).toBeGreaterThan(WINDOW_TOKENS);
    const [whole, more] = await client.embedTexts([long, `${long} And so on.`]);
    expect(norm(whole ?? new Float32Array())).toBeCloseTo(1, 5);
    expect(more).toEqual(whole);
  });

  it('embeds while an answer is written', async () => {
    const messages = [{ role: 'user' as const, content: 'Say yes.' }];
    const answer = readAll(client.streamChat({ model: 'base', messages, maxTokens: 24 }));
    const vectors = await client.embedTexts(['The pump holds four litres.'], { purpose: 'query' });
    expect(norm(vectors[0] ?? new Float32Array())).toBeCloseTo(1, 5);
    expect((await answer).finish.reason).not.toBe('abort');
  });
});

describe('models given by a wrong path', () => {
  it('says which setting leads nowhere, or to a directory', async () => {
    const missing = path.join(folder, 'missing.gguf');
    const status = await readStatusWith({ BASE_MODEL: folder, EMBEDDING_MODEL: missing });
    expect(status).toMatchObject({ state: 'degraded', baseModel: null, embeddingModel: null });
    expect(status.problems).toEqual([
      `No base model: BASE_MODEL=${folder}: ${folder} is a directory; expected a model in GGUF format`,
      `No embedding model: EMBEDDING_MODEL=${missing}: there is no file at ${missing}; expected a model in GGUF format`,
    ]);
  });

  it('says that a file is no GGUF, or that it cannot be loaded and why', async () => {
    const text = path.join(folder, 'notes.gguf');
    const cut = path.join(folder, 'cut.gguf');
    await writeFile(text, 'These are notes.');
    await copyFile(embeddingFile, cut);
    await truncate(cut, 100_000);
    const status = await readStatusWith({ BASE_MODEL: text, EMBEDDING_MODEL: cut });
    expect(status).toMatchObject({ state: 'degraded', baseModel: null, embeddingModel: null });
    expect(status.problems[0]).toBe(
      `No base model: BASE_MODEL=${text}: ${text} does not start with the GGUF magic number; expected a model in GGUF format`,
    );
    expect(status.problems[1]).toContain(`${cut} could not be loaded`);
  });

  it('refuses a model of the other kind', async () => {
    const status = await readStatusWith({
      BASE_MODEL: 'all-minilm-l6-v2-int8',
      EMBEDDING_MODEL: 'tinyllama-1.1b-chat-iq2',
    });
    expect(status.problems).toEqual([
      'No base model: BASE_MODEL=all-minilm-l6-v2-int8: all-minilm-l6-v2-int8 is a model of the kind embedding, expected one of the kind base',
      'No embedding model: EMBEDDING_MODEL=tinyllama-1.1b-chat-iq2: tinyllama-1.1b-chat-iq2 is a model of the kind base, expected one of the kind embedding',
    ]);
  });
});
