import { expect, test } from 'vitest';
import type { Authorized } from '#lib/domain/access.ts';
import { answerConfigSchema } from '#lib/domain/answer-config.ts';
import type { RuntimeClient } from '#lib/runtime/runtime-port.ts';
import { answerQuestion } from './answer-question.ts';
import { NO_ANSWER } from './prompt.ts';

const text = 'E14 | Compressor overload | Restarted too soon after switching off | Wait 10 minutes, then start again';
const source = {
  documentId: 'd',
  versionId: 'v',
  chunkId: 'c',
  documentTitle: 'Manual',
  pageNumber: 12,
  startOffset: 0,
  endOffset: text.length,
  headings: [],
  text,
  score: 1,
  similarity: 0.8,
};

const search = () => Promise.resolve({ sources: [source], supportScore: 0.9, indexConfigId: 'i', embeddingModel: 'e' });

async function answerWith(words: string) {
  const runtime: Pick<RuntimeClient, 'streamChat' | 'countTokens' | 'readStatus'> = {
    countTokens: (texts) => Promise.resolve(texts.map((part) => part.length)),
    readStatus: () =>
      Promise.resolve({
        state: 'ready',
        baseModel: { id: 'tiny', sha256: null, contextTokens: 2048, templateSha256: null },
        embeddingModel: null,
        gpu: false,
        threads: 1,
        queue: { active: 0, waiting: 0, limit: 1 },
        problems: [],
      }),
    async *streamChat() {
      yield { type: 'text-delta', text: words };
    },
  };
  const events = [];
  const access: Authorized<'chat.use'> = JSON.parse('{"workspaceId":"w"}');
  for await (const event of answerQuestion({ runtime, search }, access, {
    question: 'What does error code E14 mean and what should I do?',
    history: [],
    model: 'base',
    config: answerConfigSchema.parse({}),
    answerConfigId: 'a',
    instructions: '',
  }))
    events.push(event);
  const final = events.find((event) => event.type === 'answer-final');
  if (!final) throw new Error('there was no final answer');
  return final;
}

test('an answer that no passage bears out gives way to the passage', async () => {
  const final = await answerWith('The fridge light is broken and must be painted blue.');
  expect(final.answerKind).toBe('extractive');
  expect(final.text).toContain('Wait 10 minutes');
  expect(final.citations).toHaveLength(1);
});

test('an answer from the passage stays', async () => {
  const final = await answerWith('Compressor overload: wait 10 minutes, then start again.');
  expect(final.answerKind).toBe('generated');
  expect(final.text).toMatch(/^Compressor overload/);
});

test('a model that says the passages do not tell is heard', async () => {
  const final = await answerWith('The text does not mention that.');
  expect(final.answerKind).toBe('generated');
});

test('the words that adapters are trained to refuse with are a refusal, which says where we looked', async () => {
  const final = await answerWith(` ${NO_ANSWER}`);
  expect(final.answerKind).toBe('refusal');
  expect(final.text).toContain('“Manual”');
  expect(final.citations).toEqual([]);
});
