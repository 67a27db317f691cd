/** One question through `answerQuestion`, for evaluations. */
import { type AnswerDeps, answerQuestion } from '#lib/chat/answer-question.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { AnswerConfig } from '#lib/domain/answer-config.ts';
import type { AnswerKind, Citation, Source, UnsupportedSpan } from '#lib/domain/chat.ts';

/** What a question through the product's own pipeline came to. */
export interface Outcome {
  readonly text: string;
  readonly kind: AnswerKind;
  readonly citations: readonly Citation[];
  readonly unsupported: readonly UnsupportedSpan[];
  readonly sources: readonly Source[];
  readonly seconds: number;
  readonly firstTextMs: number | null;
}

export async function askQuestion(
  deps: AnswerDeps,
  access: Authorized<'chat.use'>,
  question: string,
  model: string,
  config: AnswerConfig,
): Promise<Outcome> {
  const startedAt = performance.now();
  let outcome: Omit<Outcome, 'seconds' | 'firstTextMs' | 'sources'> = {
    text: '',
    kind: 'refusal',
    citations: [],
    unsupported: [],
  };
  let sources: readonly Source[] = [];
  let firstTextMs: number | null = null;
  const input = {
    question,
    history: [],
    model,
    config,
    answerConfigId: 'eval',
    instructions: '',
    priority: 'evaluation' as const,
  };
  for await (const event of answerQuestion(deps, access, input)) {
    if (event.type === 'source-list') sources = event.sources;
    if (event.type === 'answer-final') {
      outcome = {
        text: event.text,
        kind: event.answerKind,
        citations: event.citations,
        unsupported: event.unsupportedSpans,
      };
    }
    if (event.type === 'turn-finish') firstTextMs = event.provenance.timingsMs.firstText;
  }
  return { ...outcome, sources, firstTextMs, seconds: (performance.now() - startedAt) / 1000 };
}
