import { HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { StringOutputParser } from '@langchain/core/output_parsers';
import { ChatPromptTemplate } from '@langchain/core/prompts';
import { afterEach, describe, expect, it } from 'vitest';
import { createRuntimeClient } from '#lib/runtime/client.ts';
import { type FakeRuntimeOptions, startFakeRuntime } from '#lib/runtime/fake.ts';
import { RuntimeChatModel } from './chat-model.ts';
import { RuntimeEmbeddings } from './embeddings.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function start(options: FakeRuntimeOptions = {}) {
  const server = await startFakeRuntime(options);
  const runtime = createRuntimeClient({ socketPath: server.socketPath });
  cleanups.push(server.close, runtime.close);
  return { server, runtime };
}

describe('RuntimeChatModel', () => {
  it('runs in a chain of prompt, model and parser', async () => {
    const { server, runtime } = await start({
      answer: (messages) => ({ text: `Answer to: ${messages.at(-1)?.content}` }),
    });
    const chain = ChatPromptTemplate.fromMessages([
      ['system', 'Answer from {manual}.'],
      ['human', '{question}'],
    ])
      .pipe(new RuntimeChatModel({ runtime, maxTokens: 40, seed: 7 }))
      .pipe(new StringOutputParser());
    expect(await chain.invoke({ manual: 'the manual', question: 'How many litres?' })).toBe(
      'Answer to: How many litres?',
    );
    expect(server.requests[0]).toMatchObject({
      maxTokens: 40,
      seed: 7,
      temperature: 0,
      input: {
        messages: [
          { role: 'system', content: 'Answer from the manual.' },
          { role: 'user', content: 'How many litres?' },
        ],
      },
    });
  });

  it('streams, and ends with usage and provenance', async () => {
    const { runtime } = await start({ answer: () => ({ text: 'one two three' }) });
    const texts: string[] = [];
    let last;
    for await (const chunk of await new RuntimeChatModel({ runtime }).stream('hello there')) {
      texts.push(chunk.text);
      last = last === undefined ? chunk : last.concat(chunk);
    }
    expect(texts.filter((text) => text !== '')).toEqual(['one', ' two', ' three']);
    expect(last).toMatchObject({
      usage_metadata: { input_tokens: 3, output_tokens: 3, total_tokens: 6 },
      response_metadata: { finish_reason: 'stop' },
    });
  });

  it('hands stop strings on, and reports usage without streaming', async () => {
    const { runtime } = await start({ answer: () => ({ text: 'one two three' }) });
    const message = await new RuntimeChatModel({ runtime }).invoke([new SystemMessage('s'), new HumanMessage('h')], {
      stop: [' three'],
    });
    expect(message.text).toBe('one two');
    expect(message).toMatchObject({ usage_metadata: { output_tokens: 3 } });
  });

  it('rejects and stops the generation when its signal aborts', async () => {
    const { runtime } = await start({ answer: () => ({ text: 'one two three', tokenMs: 60_000 }) });
    const abort = new AbortController();
    const pending = new RuntimeChatModel({ runtime }).invoke('x', { signal: abort.signal }).then(
      () => 'resolved',
      () => 'rejected',
    );
    while ((await runtime.readStatus()).queue.active < 1);
    abort.abort();
    expect(await pending).toBe('rejected');
    while ((await runtime.readStatus()).queue.active > 0);
  });

  it('refuses messages that the model cannot read', async () => {
    const { runtime } = await start();
    const tool = new ToolMessage({ content: 'x', tool_call_id: '1' });
    await expect(new RuntimeChatModel({ runtime }).invoke([tool])).rejects.toThrow('expected human, ai or system');
  });
});

describe('RuntimeEmbeddings', () => {
  it('embeds documents and queries into the same space', async () => {
    const { runtime } = await start();
    const embeddings = new RuntimeEmbeddings({ runtime });
    const [pump, market] = await embeddings.embedDocuments(['the pump holds oil', 'market prices fell']);
    const query = await embeddings.embedQuery('which pump holds oil');
    const dot = (a: number[] = []) => a.reduce((sum, value, index) => sum + value * (query[index] ?? 0), 0);
    expect(dot(pump)).toBeGreaterThan(dot(market));
    expect(Math.hypot(...query)).toBeCloseTo(1, 5);
  });
});
