import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type RealRuntime, startRealRuntime } from '#lib/testing/real-runtime.ts';
import { createRuntimeClient, type HttpRuntimeClient } from './client.ts';
import { describeRuntimeContract, readAll, readRejection, waitUntilIdle } from './contract-suite.ts';
import type { ChatRequest } from './runtime-port.ts';

describeRuntimeContract('real models', startRealRuntime);

const chat = (content: string, extra: Partial<ChatRequest> = {}): ChatRequest => ({
  model: 'base',
  maxTokens: 16,
  messages: [{ role: 'user', content }],
  ...extra,
});

async function sampleText(client: HttpRuntimeClient, seed: number): Promise<string> {
  const question = chat('Write a line about the sea.', { temperature: 1, seed });
  return (await readAll(client.streamChat(question))).text;
}

async function scoreMean(client: HttpRuntimeClient, continuation: string): Promise<number> {
  const { tokenLogprobs } = await client.scoreContinuation({
    model: 'base',
    messages: [{ role: 'user', content: 'What is the capital of France?' }],
    continuation,
  });
  return tokenLogprobs.reduce((sum, logprob) => sum + logprob, 0) / tokenLogprobs.length;
}

describe('runtime on the real models', () => {
  let runtime: RealRuntime;
  let client: HttpRuntimeClient;
  beforeAll(async () => {
    runtime = await startRealRuntime();
    client = createRuntimeClient({ socketPath: runtime.socketPath });
  });
  afterAll(async () => {
    await client.close();
    await runtime.close();
  });

  it('answers greedily the same, with a cold and with a warm prefix, after another prompt or its own', async () => {
    const question = chat(`${'The pump is flushed with water. '.repeat(20)}Name the four seasons of the year.`);
    const cold = await readAll(client.streamChat(question));
    const own = await readAll(client.streamChat(question));
    await readAll(client.streamChat(chat('Name the days of the week.')));
    const after = await readAll(client.streamChat(question));
    expect(own.finish.usage.cachedPromptTokens).toBeGreaterThan(0);
    expect([own.text, after.text]).toEqual([cold.text, cold.text]);
  });

  it('repeats a sampled answer for the same seed and varies it with the seed', async () => {
    const texts = [
      await sampleText(client, 1),
      await sampleText(client, 1),
      await sampleText(client, 2),
      await sampleText(client, 3),
    ];
    expect(texts[1]).toBe(texts[0]);
    expect(new Set(texts).size).toBeGreaterThan(1);
  });

  it('writes JSON of the schema that was asked for', async () => {
    const jsonSchema = {
      type: 'object',
      properties: { answer: { type: 'string', maxLength: 20 }, isKnown: { type: 'boolean' } },
      required: ['answer', 'isKnown'],
    };
    const { text, finish } = await readAll(
      client.streamChat(chat('What colour is the sky? Answer as JSON.', { jsonSchema, maxTokens: 60 })),
    );
    expect(finish.reason).toBe('stop');
    const answer = z.object({ answer: z.string().max(20), isKnown: z.boolean() }).parse(JSON.parse(text));
    expect(answer.answer).not.toBe('');
  });

  it('refuses a schema keyword that it could not enforce', async () => {
    const jsonSchema = { type: 'object', properties: { code: { type: 'string', pattern: '^[A-Z]+$' } } };
    const error = await readRejection(readAll(client.streamChat(chat('x', { jsonSchema }))));
    expect(error).toMatchObject({ code: 'input.invalid' });
    expect(String(error)).toContain('/properties/code/pattern');
  });

  it('prefers the likelier continuation', async () => {
    expect(await scoreMean(client, 'The capital of France is Paris.')).toBeGreaterThan(
      await scoreMean(client, 'The capital of France is potato.'),
    );
  });

  it('stops within a prefill when the caller leaves', async () => {
    const abort = new AbortController();
    const long = chat(`${'The quick brown fox jumps over the lazy dog. '.repeat(36)} What jumps?`, { maxTokens: 1 });
    const answer = readAll(client.streamChat(long, { signal: abort.signal }));
    while ((await client.readStatus()).queue.active < 1);
    abort.abort();
    expect((await answer).finish.reason).toBe('abort');
    await waitUntilIdle(client);
    const { finish } = await readAll(client.streamChat(long));
    expect(finish.usage.cachedPromptTokens).toBeLessThan(finish.usage.promptTokens / 2);
    expect(finish.usage.promptTokens).toBeGreaterThan(350);
  });

  it('answers a query embedding between the passages of an ingestion', async () => {
    const passages = Array.from(
      { length: 64 },
      (_, index) => `Passage ${index}. ${'The pump is flushed with water. '.repeat(20)}`,
    );
    const done: string[] = [];
    const ingestion = client.embedTexts(passages, { priority: 'ingestion' }).then(() => done.push('ingestion'));
    await client.embedTexts(['warm'], { purpose: 'query' }).then(() => done.push('query'));
    await ingestion;
    expect(done).toEqual(['query', 'ingestion']);
  });

  it('takes a client of OpenAI: plain completion without streaming, tokens as prompt', async () => {
    const response = await request('http://runtime/v1/completions', {
      method: 'POST',
      dispatcher: new (await import('undici')).Agent({ connect: { socketPath: runtime.socketPath } }),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'base', prompt: 'One, two, three,', max_tokens: 4 }),
    });
    const body = z
      .object({
        choices: z.array(z.object({ text: z.string(), finish_reason: z.string() })),
        usage: z.object({ completion_tokens: z.number() }),
      })
      .parse(await response.body.json());
    expect(body.choices[0]?.text).toContain('four');
    expect(body.usage.completion_tokens).toBe(4);
  });

  it('breaks a stream with a retryable error on kill -9, and starts again over the socket file left behind', async () => {
    const victim = await startRealRuntime();
    const before = createRuntimeClient({ socketPath: victim.socketPath });
    const stream = readRejection(readAll(before.streamChat(chat('Tell a long story.', { maxTokens: 200 }))));
    while ((await before.readStatus()).queue.active < 1);
    victim.process.kill('SIGKILL');
    expect(await stream).toMatchObject({ code: 'runtime.unavailable', isRetryable: true });
    const restarted = await startRealRuntime({ LOREHOUSE_DATA_DIR: victim.dataDir });
    // The same client, over the same path, as the product would.
    const { text } = await readAll(before.streamChat(chat('Say yes.', { maxTokens: 2 })));
    expect(text).not.toBe('');
    await before.close();
    await restarted.close();
  });
});

describe('runtime without a base model', () => {
  it('serves embeddings, degraded, and says why', async () => {
    const runtime = await startRealRuntime({ BASE_MODEL: '/nowhere/missing.gguf' });
    const client = createRuntimeClient({ socketPath: runtime.socketPath });
    const status = await client.readStatus();
    expect(status).toMatchObject({ state: 'degraded', baseModel: null });
    expect(status.problems.join(' ')).toContain('/nowhere/missing.gguf');
    expect(await client.embedTexts(['still here'])).toHaveLength(1);
    const error = await readRejection(
      readAll(client.streamChat({ model: 'base', messages: [{ role: 'user', content: 'x' }] })),
    );
    expect(error).toMatchObject({ code: 'runtime.no-base-model' });
    await client.close();
    await runtime.close();
  });
});
