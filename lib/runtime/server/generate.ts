/** One generation on a held context: prefill, sample, detokenise, stop. */
import { randomInt } from 'node:crypto';
import { LlamaGrammarEvaluationState, type SequenceEvaluateOptions, type Token } from 'node-llama-cpp';
import type { BaseModel } from './base-model.ts';
import type { GenerateRequest } from './engine.ts';
import { createJsonGrammar } from './json-grammar.ts';
import { type PrefixCache, prefillSequence } from './prefill.ts';
import { createTextStream } from './text-stream.ts';

export interface GenerationResult {
  readonly reason: 'stop' | 'length' | 'abort';
  readonly cachedPromptTokens: number;
  readonly completionTokens: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
}

/** node-llama-cpp's JSON grammars let the model end with four line breaks; nothing after them belongs to the answer. */
const GRAMMAR_END = '\n\n\n\n';
/** A character may span that many byte tokens at most (UTF-8). */
const MAX_BYTES_OF_CHARACTER = 4;
/** Tokens that the repetition penalty looks back on. llama.cpp's default. */
const PENALTY_WINDOW_TOKENS = 64;
/** Enough for the detokeniser to decide about a leading space. */
const DETOKENISE_CONTEXT_TOKENS = 4;

/** @throws the same as `RuntimeEngine.generate`, except for aborts: those end with reason `abort` */
export async function* generateText(
  base: BaseModel,
  cache: PrefixCache,
  promptTokens: readonly Token[],
  request: GenerateRequest,
  options: { readonly blockSize: number; readonly signal: AbortSignal },
): AsyncGenerator<{ readonly type: 'text-delta'; readonly text: string }, GenerationResult, void> {
  const { sequence } = cache;
  const startedAt = performance.now();
  const sampling = await resolveSampling(base, request);
  const generated: Token[] = [];
  const stream = createTextStream(request.jsonSchema === undefined ? request.stop : [...request.stop, GRAMMAR_END]);
  const maxTokens = Math.min(request.maxTokens, sequence.contextSize - 1 - promptTokens.length);
  let firstTokenAt: number | undefined;
  let cachedPromptTokens = 0;
  const finish = (reason: GenerationResult['reason']): GenerationResult => ({
    reason,
    cachedPromptTokens,
    completionTokens: generated.length,
    prefillMs: (firstTokenAt ?? performance.now()) - startedAt,
    decodeMs: firstTokenAt === undefined ? 0 : performance.now() - firstTokenAt,
  });

  let tail: Token[];
  try {
    const prefilled = await prefillSequence(cache, promptTokens, { tailTokens: 1, ...options });
    tail = prefilled.tail;
    cachedPromptTokens = prefilled.cachedTokens;
  } catch (error) {
    if (options.signal.aborted) return finish('abort');
    throw error;
  }

  let pending: Token[] = [];
  let reason: GenerationResult['reason'] = 'stop';
  for await (const token of sequence.evaluate(tail, {
    ...sampling,
    ...(request.repetitionPenalty === 1
      ? {}
      : {
          repeatPenalty: {
            punishTokens: () => generated.slice(-PENALTY_WINDOW_TOKENS),
            penalty: request.repetitionPenalty,
          },
        }),
  })) {
    firstTokenAt ??= performance.now();
    if (options.signal.aborted) {
      reason = 'abort';
      break;
    }
    const before = generated.length === pending.length ? promptTokens : generated;
    const context = before.slice(0, before === generated ? generated.length - pending.length : undefined);
    generated.push(token);
    pending.push(token);
    const piece = base.model.detokenize(pending, false, context.slice(-DETOKENISE_CONTEXT_TOKENS));
    const isIncomplete = piece.endsWith('\uFFFD') && pending.length < MAX_BYTES_OF_CHARACTER;
    if (!isIncomplete) {
      pending = [];
      const text = stream.push(piece);
      if (text !== '') yield { type: 'text-delta', text };
      if (stream.isStopped) break;
    }
    if (generated.length >= maxTokens) {
      reason = 'length';
      break;
    }
  }
  firstTokenAt ??= performance.now();
  if (options.signal.aborted) return finish('abort');
  const rest = pending.length === 0 ? '' : base.model.detokenize(pending, false, generated.slice(0, -pending.length));
  const last = stream.push(rest) + stream.flush();
  if (last !== '') yield { type: 'text-delta', text: last };
  return finish(reason);
}

async function resolveSampling(base: BaseModel, request: GenerateRequest): Promise<SequenceEvaluateOptions> {
  const options: SequenceEvaluateOptions = {
    temperature: request.temperature,
    topP: request.topP,
    topK: 0,
    minP: 0,
    // Always explicit: the library's default is the clock, read anew at each token.
    seed: request.seed ?? randomInt(2 ** 32),
  };
  if (request.jsonSchema === undefined) return options;
  const grammar = await createJsonGrammar(base.backend.llama, request.jsonSchema);
  return { ...options, grammarEvaluationState: new LlamaGrammarEvaluationState({ model: base.model, grammar }) };
}
