import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntimeClient, type HttpRuntimeClient } from '#lib/runtime/client.ts';
import { type RealRuntime, startRealRuntime } from '#lib/testing/real-runtime.ts';
import { RuntimeChatModel } from './chat-model.ts';
import { RuntimeEmbeddings } from './embeddings.ts';

describe('LangChain classes on the real models', () => {
  let server: RealRuntime;
  let runtime: HttpRuntimeClient;
  beforeAll(async () => {
    server = await startRealRuntime();
    runtime = createRuntimeClient({ socketPath: server.socketPath });
  });
  afterAll(async () => {
    await runtime.close();
    await server.close();
  });

  it('answers from what stands in the prompt, the same streamed as whole', async () => {
    const model = new RuntimeChatModel({ runtime, maxTokens: 12 });
    const question = 'The pump holds four litres. How many litres does the pump hold?';
    const whole = await model.invoke(question);
    expect(whole.text.toLowerCase()).toMatch(/four|4/);
    let streamed = '';
    for await (const chunk of await model.stream(question)) streamed += chunk.text;
    expect(streamed).toBe(whole.text);
    expect(whole.response_metadata).toMatchObject({ base_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('puts a question nearer to its passage than to another', async () => {
    const embeddings = new RuntimeEmbeddings({ runtime });
    const [coolant = [], warranty = []] = await embeddings.embedDocuments([
      'The tank takes four litres of coolant.',
      'The warranty lasts two years from delivery.',
    ]);
    const query = await embeddings.embedQuery('How long am I covered if it breaks?');
    const dot = (vector: readonly number[]) =>
      vector.reduce((sum, value, index) => sum + value * (query[index] ?? 0), 0);
    expect(dot(warranty)).toBeGreaterThan(dot(coolant));
  });
});
