import { type AnswerDeps, answerQuestion } from '#lib/chat/answer-question.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { AnswerConfig } from '#lib/domain/answer-config.ts';
import type { Source } from '#lib/domain/chat.ts';
import type { ChatMessage, RuntimeClient } from '#lib/runtime/runtime-port.ts';
import type { CaseAnswer } from './case-answer.ts';
import type { TestCase } from './test-case.ts';

export interface AskDeps {
  readonly answer: AnswerDeps;
  readonly runtime: Pick<RuntimeClient, 'streamChat'>;
}

export interface AskInput {
  readonly testCase: TestCase;
  /** `main`: as the case says; `alone`: without sources. */
  readonly leg: 'main' | 'alone';
  /** `base`, or an adapter's SHA-256. */
  readonly model: string;
  readonly config: AnswerConfig;
  readonly answerConfigId: string;
  readonly instructions: string;
  readonly seed: number;
}

/** Enough for a paragraph or two: tasks without documents are about doing, not about quoting. */
const MAX_TOKENS_ALONE = 160;

/** What the product puts under an answer that it could not verify begins so, see `checkAnswer`. */
const QUOTATION = '\n\n> ';

/**
 * Ask one case: through the production `answerQuestion` at temperature 0, with the workspace's search or with the case's own
 * passages in its place; without documents by the model itself.
 * @throws AppError from search and runtime
 */
export async function askCase(
  deps: AskDeps,
  access: Authorized<'chat.use'>,
  input: AskInput,
  signal: AbortSignal,
): Promise<CaseAnswer> {
  const { testCase } = input;
  if (input.leg === 'alone' || testCase.mode === 'alone') return askAlone(deps, input, signal);
  const answer = testCase.mode === 'context' ? { ...deps.answer, search: offerPassages(testCase) } : deps.answer;
  const startedAt = performance.now();
  let sources: readonly Source[] = [];
  let final: Pick<CaseAnswer, 'text' | 'citations' | 'unsupportedSpans'> & { kind: CaseAnswer['kind'] } = {
    kind: 'plain',
    text: '',
    citations: [],
    unsupportedSpans: [],
  };
  const events = answerQuestion(
    answer,
    access,
    {
      question: testCase.question,
      history: testCase.history,
      model: input.model,
      config: { ...input.config, temperature: 0, seed: input.seed },
      answerConfigId: input.answerConfigId,
      instructions: testCase.instructions ?? input.instructions,
      priority: 'evaluation',
    },
    signal,
  );
  for await (const event of events) {
    if (event.type === 'source-list') sources = event.sources;
    if (event.type === 'answer-final') {
      const { text, citations, unsupportedSpans } = event;
      final = { kind: event.answerKind, text, citations, unsupportedSpans };
    }
    if (event.type !== 'turn-finish') continue;
    signal.throwIfAborted();
    const { provenance } = event;
    const quotedAt = final.text.lastIndexOf(QUOTATION);
    return {
      ...final,
      ownText: final.kind !== 'generated' ? '' : quotedAt === -1 ? final.text : final.text.slice(0, quotedAt),
      sources: sources.map(({ number, documentId, documentTitle, pageNumber, text }) => ({
        number,
        documentId,
        documentTitle,
        pageNumber,
        text,
      })),
      supportScore: provenance.supportScore,
      // The time in the runtime's queue belongs to whoever was before, not to this adapter.
      latencyMs: Math.max(0, performance.now() - startedAt - (provenance.timingsMs.queue ?? 0)),
      completionTokens: provenance.usage?.completionTokens ?? null,
      baseSha256: provenance.baseSha256,
      adapterSha256: provenance.adapterSha256,
    };
  }
  signal.throwIfAborted();
  throw new Error('the answer ended without saying what produced it');
}

/** The case's passages in place of a search: found at once, and with full support. */
function offerPassages(testCase: TestCase): AnswerDeps['search'] {
  const sources = testCase.context.map((passage, index) => ({
    documentId: `case-${index + 1}`,
    versionId: `case-${index + 1}`,
    chunkId: `case-${index + 1}`,
    documentTitle: passage.title,
    pageNumber: passage.page,
    startOffset: 0,
    endOffset: passage.text.length,
    headings: [],
    text: passage.text,
    score: 1 / (index + 1),
    similarity: null,
  }));
  return () => Promise.resolve({ sources, supportScore: 1, indexConfigId: null, embeddingModel: '' });
}

async function askAlone(deps: AskDeps, input: AskInput, signal: AbortSignal): Promise<CaseAnswer> {
  const { testCase } = input;
  const instructions = testCase.instructions ?? '';
  const messages: ChatMessage[] = [
    ...(instructions === '' ? [] : [{ role: 'system' as const, content: instructions }]),
    ...testCase.history,
    { role: 'user', content: testCase.question },
  ];
  const stream = deps.runtime.streamChat(
    { messages, model: input.model, temperature: 0, seed: input.seed, maxTokens: MAX_TOKENS_ALONE },
    { priority: 'evaluation', signal },
  );
  const startedAt = performance.now();
  let text = '';
  let produced: Pick<CaseAnswer, 'completionTokens' | 'baseSha256' | 'adapterSha256'> = {
    completionTokens: null,
    baseSha256: null,
    adapterSha256: null,
  };
  let queueMs = 0;
  for await (const chunk of stream) {
    if (chunk.type === 'text-delta') text += chunk.text;
    else {
      queueMs = chunk.timings.queueMs ?? 0;
      produced = {
        completionTokens: chunk.usage.completionTokens,
        baseSha256: chunk.baseSha256,
        adapterSha256: chunk.adapterSha256 ?? (input.model === 'base' ? null : input.model),
      };
    }
  }
  signal.throwIfAborted();
  const own = text.trim();
  return {
    kind: 'plain',
    text: own,
    ownText: own,
    sources: [],
    citations: [],
    unsupportedSpans: [],
    supportScore: null,
    latencyMs: Math.max(0, performance.now() - startedAt - queueMs),
    ...produced,
  };
}
