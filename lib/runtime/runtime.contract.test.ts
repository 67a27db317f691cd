import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { createRuntimeClient, type HttpRuntimeClient } from './client.ts';
import { describeRuntimeContract, readAll, readRejection, waitUntilIdle } from './contract-suite.ts';
import { type FakeRuntimeOptions, startFakeRuntime } from './fake.ts';

describeRuntimeContract('fake', () =>
  startFakeRuntime({
    answer: () => ({ text: 'The pump holds four litres of coolant, as the manual says on its second page.' }),
  }),
);

const request = (content: string) => ({ model: 'base', messages: [{ role: 'user' as const, content }] });
const sseChunk = (rest: object) => `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', ...rest })}\n\n`;

describe('runtime client and server, failure and timing', () => {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  async function start(options: FakeRuntimeOptions): Promise<HttpRuntimeClient> {
    const server = await startFakeRuntime(options);
    const client = createRuntimeClient({ socketPath: server.socketPath });
    cleanups.push(server.close, client.close);
    return client;
  }

  it('answers runtime.busy with a retry time when the queue is full', async () => {
    const client = await start({ queueLimit: 1, answer: () => ({ text: 'late', prefillMs: 60_000 }) });
    const abort = new AbortController();
    const running = readAll(client.streamChat(request('a'), { signal: abort.signal }));
    const waiting = readAll(client.streamChat(request('b'), { signal: abort.signal }));
    while ((await client.readStatus()).queue.waiting < 1);
    const error = await readRejection(readAll(client.streamChat(request('c'))));
    expect(error).toMatchObject({ code: 'runtime.busy', isRetryable: true });
    expect(error).toHaveProperty('retryAfterMs', 2000);
    abort.abort();
    expect((await running).finish.reason).toBe('abort');
    expect((await waiting).finish.reason).toBe('abort');
    await waitUntilIdle(client);
  });

  it('serves chat before evaluation before ingestion, whatever came first', async () => {
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    const client = await start({
      answer(messages) {
        const text = messages.at(-1)?.content ?? '';
        order.push(text);
        return { text, prefillMs: text === 'first' ? 400 : 0 };
      },
    });
    const first = readAll(client.streamChat(request('first'))).finally(gate.resolve);
    while ((await client.readStatus()).queue.active < 1);
    const rest = [];
    for (const [index, priority] of (['ingestion', 'evaluation', 'chat'] as const).entries()) {
      rest.push(readAll(client.streamChat(request(priority), { priority })));
      while ((await client.readStatus()).queue.waiting < index + 1);
    }
    await Promise.all([first, gate.promise, ...rest]);
    expect(order).toEqual(['first', 'chat', 'evaluation', 'ingestion']);
  });

  it('turns a server that dies in mid-stream into a retryable error, after the text so far', async () => {
    const client = await start({ answer: () => ({ text: 'one two three four', dieAfterTokens: 2, tokenMs: 5 }) });
    let text = '';
    const error = await readRejection(
      (async () => {
        for await (const chunk of client.streamChat(request('x'))) if (chunk.type === 'text-delta') text += chunk.text;
      })(),
    );
    expect(text).toBe('one two');
    expect(error).toMatchObject({ code: 'runtime.unavailable', isRetryable: true });
  });

  it('serves embeddings without a base model and names the lack', async () => {
    const client = await start({ hasBaseModel: false });
    expect(await client.readStatus()).toMatchObject({ state: 'degraded', baseModel: null });
    expect(await client.embedTexts(['still here'])).toHaveLength(1);
    expect(await readRejection(readAll(client.streamChat(request('x'))))).toMatchObject({
      code: 'runtime.no-base-model',
      isRetryable: false,
    });
  });

  it('rejects with the caller’s reason when an embedding call is aborted', async () => {
    const client = await start({ embedMs: 60_000 });
    const abort = new AbortController();
    const pending = readRejection(client.embedTexts(['slow'], { signal: abort.signal }));
    abort.abort(new Error('the page was closed'));
    expect(await pending).toMatchObject({ message: 'the page was closed' });
  });

  it('talks to a plain vLLM server: empty health, model by its own name, no extras', async () => {
    const bodies: unknown[] = [];
    const server = createServer((incoming, outgoing) => {
      const parts: Buffer[] = [];
      incoming.on('data', (part: Buffer) => parts.push(part));
      incoming.on('end', () => {
        if (incoming.url === '/health') {
          outgoing.end();
          return;
        }
        if (incoming.headers.authorization !== 'Bearer secret') {
          outgoing.writeHead(401).end('{"error":"Unauthorized"}');
          return;
        }
        if (incoming.url === '/v1/models') {
          outgoing.end(
            JSON.stringify({
              object: 'list',
              data: [
                { id: 'an-adapter', parent: 'Org/Model', object: 'model' },
                { id: 'Org/Model', parent: null, max_model_len: 8192, object: 'model' },
              ],
            }),
          );
          return;
        }
        bodies.push(JSON.parse(Buffer.concat(parts).toString()));
        outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
        outgoing.write(
          sseChunk({ choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }] }),
        );
        outgoing.write(sseChunk({ choices: [{ index: 0, delta: { content: 'Bonjour' }, finish_reason: null }] }));
        outgoing.write(sseChunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }));
        outgoing.write(sseChunk({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 } }));
        outgoing.end('data: [DONE]\n\n');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    const port = typeof bound === 'object' ? bound?.port : undefined;
    const client = createRuntimeClient({ url: `http://127.0.0.1:${port}/v1`, token: 'secret' });
    cleanups.push(() => new Promise((resolve) => server.close(() => resolve())), client.close);
    expect(await client.readStatus()).toMatchObject({
      state: 'ready',
      baseModel: { id: 'Org/Model', contextTokens: 8192 },
    });
    const { text, finish } = await readAll(client.streamChat(request('hello')));
    expect(text).toBe('Bonjour');
    expect(finish).toEqual({
      type: 'finish',
      reason: 'stop',
      usage: { promptTokens: 9, cachedPromptTokens: 0, completionTokens: 2 },
      timings: { queueMs: null, prefillMs: null, decodeMs: null },
      baseSha256: null,
      adapterSha256: null,
    });
    expect(bodies[0]).toMatchObject({ model: 'Org/Model', stream: true, temperature: 0 });
  });
});
