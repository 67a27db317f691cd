/** What every inference server behind the client must do. Run over the fake and over the real models. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '#lib/domain/errors.ts';
import { createRuntimeClient, type HttpRuntimeClient } from './client.ts';
import type { ChatChunk, ChatRequest } from './runtime-port.ts';

export interface StartedRuntime {
  readonly socketPath: string;
  close(): Promise<void>;
}

export async function readAll(stream: AsyncIterable<ChatChunk>) {
  let text = '';
  for await (const chunk of stream) {
    if (chunk.type === 'text-delta') text += chunk.text;
    else return { text, finish: chunk };
  }
  throw new Error('the stream ended without a finish chunk');
}

export function readRejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('expected a rejection');
    },
    (error: unknown) => error,
  );
}

function dotProduct(a: Float32Array | undefined, b: Float32Array | undefined): number {
  return (a ?? new Float32Array()).reduce((sum, value, index) => sum + value * (b?.[index] ?? 0), 0);
}

/** Waits until the queue is empty, by asking the server; the test's own time limit ends it. */
export async function waitUntilIdle(client: HttpRuntimeClient): Promise<void> {
  while (true) {
    const { queue } = await client.readStatus();
    if (queue.active === 0 && queue.waiting === 0) return;
  }
}

/** Longer than one block of the real runtime's prefix cache, whose blocks are as long as many a whole prompt here. */
const handbook = 'The pump holds four litres and is flushed every 90 days. '.repeat(9);
const system = `You answer in one short sentence from the manual. ${'The pump holds four litres and is flushed every 90 days. '.repeat(4)}`;

function ask(question: string, extra: Partial<ChatRequest> = {}): ChatRequest {
  return {
    model: 'base',
    maxTokens: 12,
    messages: [
      { role: 'system', content: system },
      { role: 'user', content: question },
    ],
    ...extra,
  };
}

function askHandbook(question: string): ChatRequest {
  return ask(`${handbook}\n\n${question}`, { maxTokens: 1 });
}

export function describeRuntimeContract(name: string, start: () => Promise<StartedRuntime>): void {
  describe(`runtime contract: ${name}`, () => {
    let server: StartedRuntime;
    let client: HttpRuntimeClient;
    beforeAll(async () => {
      server = await start();
      client = createRuntimeClient({ socketPath: server.socketPath });
    });
    afterAll(async () => {
      await client.close();
      await server.close();
    });

    it('says what it serves', async () => {
      const status = await client.readStatus();
      expect(status.state).toBe('ready');
      expect(status.problems).toEqual([]);
      expect(status.baseModel?.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(status.baseModel?.templateSha256).toMatch(/^[0-9a-f]{64}$/);
      expect(status.embeddingModel?.dimensions).toBeGreaterThan(0);
    });

    it('streams an answer and ends with usage, timings and provenance', async () => {
      const { text, finish } = await readAll(client.streamChat(ask('How many litres does the pump hold?')));
      expect(text.trim()).not.toBe('');
      const { baseModel } = await client.readStatus();
      expect(finish.baseSha256).toBe(baseModel?.sha256);
      expect(finish.adapterSha256).toBeNull();
      expect(finish.usage.promptTokens).toBeGreaterThan(20);
      expect(finish.usage.completionTokens).toBeGreaterThan(0);
      expect(finish.timings.prefillMs).toBeGreaterThanOrEqual(0);
      expect(['stop', 'length']).toContain(finish.reason);
    });

    it('keeps the prefix that two prompts share', async () => {
      await readAll(client.streamChat(askHandbook('How many litres does the pump hold?')));
      const { finish } = await readAll(client.streamChat(askHandbook('When is the pump flushed?')));
      expect(finish.usage.cachedPromptTokens).toBeGreaterThan(15);
      expect(finish.usage.cachedPromptTokens).toBeLessThan(finish.usage.promptTokens);
    });

    it('stops at the token limit and says so', async () => {
      const { finish } = await readAll(client.streamChat(ask('Repeat one two three four five six', { maxTokens: 3 })));
      expect(finish.reason).toBe('length');
      expect(finish.usage.completionTokens).toBe(3);
    });

    it('drops the stop string and what follows it', async () => {
      const whole = await readAll(client.streamChat(ask('How many litres does the pump hold?', { maxTokens: 24 })));
      const stop = whole.text.trim().split(' ').at(3) ?? '';
      expect(stop).not.toBe('');
      const cut = await readAll(
        client.streamChat(ask('How many litres does the pump hold?', { maxTokens: 24, stop: [stop] })),
      );
      expect(cut.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)));
      expect(cut.finish.reason).toBe('stop');
    });

    it('ends with reason abort when the signal aborts, and frees its place', async () => {
      const abort = new AbortController();
      let finish: ChatChunk | undefined;
      const request = ask('Tell a very long story with many words in it please', { maxTokens: 200 });
      for await (const chunk of client.streamChat(request, { signal: abort.signal })) {
        abort.abort();
        if (chunk.type === 'finish') finish = chunk;
      }
      expect(finish).toMatchObject({ type: 'finish', reason: 'abort' });
      await waitUntilIdle(client);
    });

    it('frees its place when the reader leaves the loop', async () => {
      for await (const chunk of client.streamChat(ask('Tell a long story with many words', { maxTokens: 200 }))) {
        expect(chunk.type).toBe('text-delta');
        break;
      }
      await waitUntilIdle(client);
    });

    it('refuses an unknown model by name', async () => {
      const error = await readRejection(readAll(client.streamChat(ask('x', { model: 'f'.repeat(64) }))));
      expect(error).toMatchObject({ code: 'runtime.model-unknown', details: { model: 'f'.repeat(64) } });
    });

    it('refuses a prompt that is longer than the context, with both numbers', async () => {
      const error = await readRejection(readAll(client.streamChat(ask('word '.repeat(5000)))));
      expect(AppError.isInstance(error) && error.code).toBe('runtime.prompt-too-long');
      expect(error).toMatchObject({ details: { contextTokens: 2048 }, isRetryable: false });
    });

    it('refuses a request that breaks the schema, naming the field', async () => {
      const error = await readRejection(readAll(client.streamChat(ask('x', { temperature: 9 }))));
      expect(error).toMatchObject({ code: 'input.invalid' });
      expect(String(error)).toContain('temperature');
    });

    it('embeds in order, normalised, the same alone as in company', async () => {
      const texts = ['A cat sits on the mat.', '', 'The stock market fell today.', 'A cat sits on a rug and sleeps.'];
      const vectors = await client.embedTexts(texts);
      const { embeddingModel } = await client.readStatus();
      expect(vectors.map((vector) => vector.length)).toEqual(texts.map(() => embeddingModel?.dimensions));
      for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
      const [alone] = await client.embedTexts(texts.slice(2, 3));
      expect(alone).toEqual(vectors[2]);
      expect(dotProduct(vectors[0], vectors[3])).toBeGreaterThan(dotProduct(vectors[0], vectors[2]));
    });

    it('embeds more texts than fit one request', async () => {
      const vectors = await client.embedTexts(Array.from({ length: 70 }, (_, index) => `part ${index}`));
      expect(vectors).toHaveLength(70);
    });

    it('counts tokens of several texts', async () => {
      const [one = 0, none, three = 0] = await client.countTokens(['pump', '', 'the pump holds four litres']);
      expect(none).toBe(0);
      expect(one).toBeGreaterThan(0);
      expect(three).toBeGreaterThan(one);
      expect(await client.countEmbeddingTokens(['pump', ''])).toEqual([1, 0]);
      expect(await client.countTokens([])).toEqual([]);
    });

    it('scores each token of a continuation', async () => {
      const { tokenLogprobs } = await client.scoreContinuation({
        model: 'base',
        messages: [{ role: 'user', content: 'What is the capital of France?' }],
        continuation: 'The capital of France is Paris.',
      });
      expect(tokenLogprobs.length).toBeGreaterThan(4);
      for (const logprob of tokenLogprobs) expect(logprob).toBeLessThanOrEqual(0);
    });

    it('reports an absent server as unavailable and retryable', async () => {
      const absent = createRuntimeClient({ socketPath: `${server.socketPath}.absent` });
      const error = await readRejection(absent.readStatus());
      expect(error).toMatchObject({ code: 'runtime.unavailable', isRetryable: true });
      await absent.close();
    });
  });
}
