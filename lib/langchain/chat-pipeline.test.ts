import { HumanMessage } from '@langchain/core/messages';
import { createAgent } from 'langchain';
import { describe, expect, test } from 'vitest';
import { createTestSource } from '#lib/chat/test-sources.ts';
import { answerConfigSchema } from '#lib/domain/answer-config.ts';
import type { ChatRequest, RuntimeClient } from '#lib/runtime/runtime-port.ts';
import { RuntimeChatModel } from './chat-model.ts';
import { createChatPipeline, createGroundingMiddleware } from './chat-pipeline.ts';
import { PassageRetriever } from './retriever.ts';

const source = createTestSource({ text: 'Tighten the head bolts of the MX-7731 to 45 Nm. Repeat after 50 hours.' });

/** A model that says what the test wants and keeps what it was asked. */
function createParts(answer: string, supportScore = 0.9) {
  const requests: ChatRequest[] = [];
  const queries: string[] = [];
  const scopes: (readonly string[])[] = [];
  const runtime: Pick<RuntimeClient, 'streamChat'> = {
    async *streamChat(request) {
      requests.push(request);
      yield { type: 'text-delta', text: answer };
      yield {
        type: 'finish',
        reason: 'stop',
        usage: { promptTokens: 10, cachedPromptTokens: 0, completionTokens: 3 },
        timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 },
        baseSha256: null,
        adapterSha256: null,
      };
    },
  };
  const retriever = new PassageRetriever({
    search: async (query, scopeQuestions) => {
      queries.push(query);
      scopes.push(scopeQuestions);
      return { sources: [source], supportScore };
    },
  });
  return {
    requests,
    queries,
    scopes,
    fields: { retriever, config: answerConfigSchema.parse({}), model: new RuntimeChatModel({ runtime }) },
  };
}

describe('createChatPipeline', () => {
  test('answers with verified citations', async () => {
    const { fields, requests } = createParts('Tighten the head bolts to 45 Nm [1].');
    const answer = await createChatPipeline(fields).invoke({ question: 'Which torque do the head bolts need?' });
    expect(answer).toMatchObject({
      answerKind: 'generated',
      text: 'Tighten the head bolts to 45 Nm.',
      unsupportedSpans: [],
    });
    const [citation] = answer.citations;
    expect(source.text.slice(citation?.quoteStart, citation?.quoteEnd)).toBe(citation?.quote);
    expect(requests[0]?.messages.at(-1)?.content).toContain('45 Nm');
    expect(requests[0]?.stop).toEqual(['\n']);
  });

  test('refuses without calling the model when nothing supports an answer', async () => {
    const { fields, requests } = createParts('whatever', 0.01);
    const answer = await createChatPipeline(fields).invoke({ question: 'Who won the match?' });
    expect(answer).toMatchObject({ answerKind: 'refusal', citations: [] });
    expect(answer.sources).toHaveLength(1);
    expect(requests).toHaveLength(0);
  });

  test('completes a follow-up before it searches', async () => {
    const { fields, queries, scopes } = createParts('50 hours');
    const first = 'In the MX manual, which torque do the head bolts need?';
    await createChatPipeline(fields).invoke({ question: 'And how often?', previousQuestions: [first] });
    expect(queries[0]).toContain('bolts');
    expect(scopes[0]).toEqual(['And how often?', first]);
  });

  test('composes with other Runnables', async () => {
    const { fields } = createParts('45 Nm');
    const texts = await createChatPipeline(fields)
      .pipe((answer) => answer.text)
      .batch([{ question: 'Which torque?' }, { question: 'What torque?' }]);
    expect(texts).toHaveLength(2);
  });
});

describe('createGroundingMiddleware', () => {
  test('grounds an agent whose model cannot call tools', async () => {
    const { fields, requests } = createParts('Tighten the head bolts of the MX-731 to 45 Nm.');
    const agent = createAgent({ model: fields.model, tools: [], middleware: [createGroundingMiddleware(fields)] });
    const result = await agent.invoke({ messages: [new HumanMessage('Which torque do the head bolts need?')] });
    const answer = result.messages.at(-1);
    expect(answer?.text).toContain('MX-731');
    expect(answer?.response_metadata).toMatchObject({
      lorehouse: { answerKind: 'generated', unsupportedSpans: [{ kind: 'code', nearest: 'MX-7731' }] },
    });
    expect(requests).toHaveLength(1);
    expect(requests[0]?.messages.at(-1)?.content).toContain('MX-7731');
  });

  test('lets the agent refuse', async () => {
    const { fields, requests } = createParts('whatever', 0);
    const agent = createAgent({ model: fields.model, tools: [], middleware: [createGroundingMiddleware(fields)] });
    const result = await agent.invoke({ messages: [new HumanMessage('Who won the match?')] });
    expect(result.messages.at(-1)?.text).toContain('I found nothing');
    expect(requests).toHaveLength(0);
  });
});
