import type { Authorized } from '#lib/domain/access.ts';
import type { AnswerConfig } from '#lib/domain/answer-config.ts';
import type { ChatEvent, Citation, Provenance, Source, UnsupportedSpan } from '#lib/domain/chat.ts';
import { AppError } from '#lib/domain/errors.ts';
import type { ChatChunk, RuntimeClient, RuntimePriority, RuntimeStatus } from '#lib/runtime/runtime-port.ts';
import { citeAnswer, citeVerbatim } from './cite.ts';
import { extractAnswer, rankSentences } from './extract-answer.ts';
import { packPassages } from './pack-passages.ts';
import { findPromptTemplate, NO_ANSWER, type Prompt } from './prompt.ts';
import { rewriteFollowUp } from './rewrite-follow-up.ts';
import { repeatsQuestion, trimAnswer } from './trim-answer.ts';
import { findUnsupported } from './unsupported.ts';
import { findSentences } from './words.ts';

/** What the search hands back for one query. */
export interface FoundSources {
  /** Best first; numbered by the answer. */
  readonly sources: readonly Omit<Source, 'number'>[];
  /** 0 to 1. */
  readonly supportScore: number;
  /** Null: nothing was ever indexed here. */
  readonly indexConfigId: string | null;
  readonly embeddingModel: string;
}

export interface AnswerDeps {
  readonly runtime: Pick<RuntimeClient, 'streamChat' | 'countTokens' | 'readStatus'>;
  readonly search: (
    access: Authorized<'chat.use'>,
    input: {
      readonly query: string;
      /** The question, then those that it goes on from: what they say of the document to look in. */
      readonly scopeQuestions: readonly string[];
      readonly config: AnswerConfig;
      readonly signal?: AbortSignal;
    },
  ) => Promise<FoundSources>;
}

export interface HistoryMessage {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** Everything that decides the answer, besides the documents. */
export interface AnswerInput {
  readonly question: string;
  /** Oldest first, without `question`. */
  readonly history: readonly HistoryMessage[];
  /** `base`, or an adapter's SHA-256. */
  readonly model: string;
  readonly config: AnswerConfig;
  readonly answerConfigId: string;
  /** The workspace's own instructions; empty for none. */
  readonly instructions: string;
  /** Default `chat`. */
  readonly priority?: RuntimePriority;
}

export type AnswerEvent = Exclude<ChatEvent, { type: 'turn-start' } | { type: 'turn-error' }>;

/** Characters of model text that count as one token where the runtime cannot count. */
const CHARACTERS_PER_TOKEN = 3.2;

/** Cosine similarity and shared words decide support; this many nearest passages are still shown with a refusal. */
const REFUSAL_SOURCES = 3;

interface CheckedAnswer {
  readonly text: string;
  readonly citations: readonly Citation[];
  readonly unsupportedSpans: readonly UnsupportedSpan[];
}

/**
 * Check what the model wrote against the passages. An answer that they do not bear out, or whose words come from elsewhere than
 * the sentence that speaks most of the question, gets that sentence under it, cited: the reader never has only the model's word.
 */
export function checkAnswer(
  rawText: string,
  sources: readonly Source[],
  question: string,
  quoteSupport: AnswerConfig['quoteSupport'],
): CheckedAnswer {
  const cited = citeAnswer(rawText.trim(), sources, question);
  const trimmed = cited.text.trimEnd();
  const unsupportedSpans = findUnsupported(trimmed, sources, cited.citations);
  const [best] = rankSentences(question, sources);
  // Two witnesses that know nothing of each other: where the answer's words come from, and where the question points to.
  const isWhereAsked = cited.citations.some(
    (citation) =>
      citation.sourceNumber === best?.source.number &&
      citation.quoteStart < best.span.end &&
      citation.quoteEnd > best.span.start,
  );
  const isVerified = isWhereAsked && unsupportedSpans.length === 0;
  const wantsQuote = quoteSupport === 'always' || (quoteSupport === 'when-unverified' && !isVerified);
  if (!wantsQuote || best === undefined || trimmed === '')
    return { text: trimmed, citations: cited.citations, unsupportedSpans };
  const lead = `${trimmed}\n\n> `;
  const citation = citeVerbatim(best.source, best.span, lead.length);
  // Line breaks, as PDF pages have them inside sentences, would end the quotation; the citation keeps the exact words.
  const shown = citation.quote.replaceAll(/\s+/g, ' ');
  return {
    text: `${lead}${shown}`,
    citations: [...cited.citations, { ...citation, answerEnd: lead.length + shown.length }],
    unsupportedSpans,
  };
}

/** A model that says that the passages do not tell is to be heard: its words stand in no passage either. */
const DENIAL = /\b(?:no|not|none|nothing|cannot|unclear|unknown|without)\b|n['’]t\b/i;

/** Nothing, the question again, or sentences of which no passage bears out a single one. */
function isWithoutSubstance(answer: string, question: string, sources: readonly Source[]): boolean {
  if (answer === '' || repeatsQuestion(answer, question)) return true;
  if (DENIAL.test(answer)) return false;
  const { citations, unsupportedSpans } = checkAnswer(answer, sources, question, 'never');
  // A number or code that is off beside words that agree is marked and shown, with its neighbour in the passage.
  return citations.length === 0 && unsupportedSpans.every((span) => span.kind === 'sentence');
}

/** What a person reads instead of a guess. */
export function describeRefusal(query: string, sources: readonly Source[]): string {
  const titles = [...new Set(sources.map((source) => source.documentTitle))];
  const nearest =
    titles.length === 0
      ? 'There are no indexed passages to look through.'
      : `The nearest passages are in ${titles.map((title) => `“${title}”`).join(', ')} and are listed as sources.`;
  return `I found nothing in this workspace's documents that answers this. I searched for “${query}”. ${nearest}`;
}

function isAbort(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && (!AppError.isInstance(error) || error.code === 'runtime.aborted');
}

async function countOrEstimate(deps: AnswerDeps, texts: readonly string[], signal: AbortSignal | undefined) {
  try {
    return await deps.runtime.countTokens(texts, signal === undefined ? {} : { signal });
  } catch (error) {
    if (!AppError.isInstance(error) || error.code !== 'runtime.no-base-model') throw error;
    return texts.map((text) => Math.ceil(text.length / CHARACTERS_PER_TOKEN));
  }
}

/**
 * Answer one question. Yields stages, sources and text as they come, then the checked answer, then provenance; nothing is
 * stored. Aborting `signal` ends with the text so far, checked, and the state `stopped`.
 * @throws AppError from the search and the runtime (`runtime.unavailable`, `runtime.busy` and others); a missing base model is
 *   no error but an answer by extraction
 */
export async function* answerQuestion(
  deps: AnswerDeps,
  access: Authorized<'chat.use'>,
  input: AnswerInput,
  signal?: AbortSignal,
): AsyncGenerator<AnswerEvent, void, void> {
  const startedAt = performance.now();
  const { config } = input;
  const template = findPromptTemplate(config.promptVersion);
  const { searchQuery, scopeQuestions, promptQuestion } = rewriteFollowUp(
    input.question,
    input.history.filter((message) => message.role === 'user').map((message) => message.content),
  );

  yield { type: 'stage-update', stage: 'searching' };
  const found = await deps.search(access, {
    query: searchQuery,
    scopeQuestions,
    config,
    ...(signal === undefined ? {} : { signal }),
  });
  const retrievalMs = performance.now() - startedAt;
  const isSupported = found.sources.length > 0 && found.supportScore >= config.supportThreshold;
  const sources = found.sources
    .slice(0, isSupported ? config.topK : REFUSAL_SOURCES)
    .map((source, index): Source => ({ ...source, number: index + 1 }));
  yield { type: 'source-list', sources };

  let finish: Extract<ChatChunk, { type: 'finish' }> | null = null;
  let base: RuntimeStatus['baseModel'] = null;
  let firstTextMs: number | null = null;

  /** @param speaker whose words the answer holds, or who refused: the model, or we from the passages alone */
  const finishTurn = (state: 'complete' | 'stopped', speaker: 'model' | 'passages'): AnswerEvent => ({
    type: 'turn-finish',
    state,
    provenance: {
      baseModel: speaker === 'model' ? (base?.id ?? null) : null,
      baseSha256: speaker === 'model' ? (finish?.baseSha256 ?? base?.sha256 ?? null) : null,
      // A foreign server does not say what answered; it was told.
      adapterSha256:
        speaker === 'model' ? (finish?.adapterSha256 ?? (input.model === 'base' ? null : input.model)) : null,
      promptVersion: template.version,
      chatTemplateSha256: speaker === 'model' ? (base?.templateSha256 ?? null) : null,
      answerConfigId: input.answerConfigId,
      indexConfigId: found.indexConfigId ?? '',
      embeddingModel: found.embeddingModel,
      searchQuery,
      supportScore: found.supportScore,
      usage: finish?.usage ?? null,
      timingsMs: {
        retrieval: retrievalMs,
        queue: finish?.timings.queueMs ?? null,
        prefill: finish?.timings.prefillMs ?? null,
        decode: finish?.timings.decodeMs ?? null,
        firstText: firstTextMs,
        total: performance.now() - startedAt,
      },
    } satisfies Provenance,
  });

  if (!isSupported) {
    const text = describeRefusal(searchQuery, sources);
    yield { type: 'text-delta', text };
    yield { type: 'answer-final', text, answerKind: 'refusal', citations: [], unsupportedSpans: [] };
    yield finishTurn('complete', 'passages');
    return;
  }

  yield { type: 'stage-update', stage: 'waiting' };
  let rawText = '';
  let shownText = '';
  let isStopped = false;
  let prompt: Prompt | null = null;
  try {
    const passages = await packPassages(
      promptQuestion,
      sources,
      { budgetTokens: config.sourceTokenBudget, limit: config.promptPassages },
      (texts) => countOrEstimate(deps, texts, signal),
    );
    const status = await deps.runtime.readStatus(signal === undefined ? {} : { signal });
    base = status.baseModel;
    if (base === null && status.state === 'degraded') throw noBaseModel();
    prompt = template.build({ question: promptQuestion, passages, instructions: input.instructions });
    const stream = deps.runtime.streamChat(
      {
        messages: prompt.messages,
        model: input.model,
        temperature: config.temperature,
        seed: config.seed,
        maxTokens: config.maxAnswerTokens,
        ...(prompt.stop.length === 0 ? {} : { stop: prompt.stop }),
        ...(config.repetitionPenalty === 1 ? {} : { repetitionPenalty: config.repetitionPenalty }),
      },
      { priority: input.priority ?? 'chat', ...(signal === undefined ? {} : { signal }) },
    );
    yield { type: 'stage-update', stage: 'reading' };
    for await (const chunk of stream) {
      if (chunk.type === 'finish') {
        finish = chunk;
        isStopped = chunk.reason === 'abort';
        continue;
      }
      // Blanks before the first word are no text yet.
      const text = rawText === '' ? chunk.text.trimStart() : chunk.text;
      if (text === '') continue;
      if (firstTextMs === null) {
        firstTextMs = performance.now() - startedAt;
        yield { type: 'stage-update', stage: 'writing' };
      }
      rawText += text;
      // What the checked answer will leave out is not shown first.
      if (prompt.maxSentences !== undefined && findSentences(rawText).length > prompt.maxSentences) continue;
      shownText += text;
      yield { type: 'text-delta', text };
    }
  } catch (error) {
    if (isAbort(error, signal)) isStopped = true;
    else if (!AppError.isInstance(error) || error.code !== 'runtime.no-base-model') throw error;
  }
  if (signal?.aborted === true) isStopped = true;

  const limits = prompt?.maxSentences === undefined ? {} : { maxSentences: prompt.maxSentences };
  const trimmed = isStopped ? shownText.trim() : trimAnswer(rawText, { ...limits, isCut: finish?.reason === 'length' });

  // An adapter that was trained to refuse did so; the reader is told where we looked.
  if (!isStopped && trimmed === NO_ANSWER) {
    const text = describeRefusal(searchQuery, sources);
    yield { type: 'answer-final', text, answerKind: 'refusal', citations: [], unsupportedSpans: [] };
    yield finishTurn('complete', 'model');
    return;
  }

  // Without a base model, or when what it says stands nowhere, the passages still answer.
  if (!isStopped && isWithoutSubstance(trimmed, promptQuestion, sources)) {
    const extracted = extractAnswer(promptQuestion, sources);
    firstTextMs ??= performance.now() - startedAt;
    if (shownText === '') yield { type: 'text-delta', text: extracted.text };
    yield {
      type: 'answer-final',
      text: extracted.text,
      answerKind: 'extractive',
      citations: [...extracted.citations],
      unsupportedSpans: [],
    };
    yield finishTurn('complete', 'passages');
    return;
  }

  yield { type: 'stage-update', stage: 'checking' };
  const checked = checkAnswer(trimmed, sources, promptQuestion, isStopped ? 'never' : config.quoteSupport);
  yield {
    type: 'answer-final',
    text: checked.text,
    answerKind: 'generated',
    citations: [...checked.citations],
    unsupportedSpans: [...checked.unsupportedSpans],
  };
  yield finishTurn(isStopped ? 'stopped' : 'complete', 'model');
}

function noBaseModel(): AppError {
  return new AppError({ code: 'runtime.no-base-model', message: 'the runtime serves no base model' });
}
