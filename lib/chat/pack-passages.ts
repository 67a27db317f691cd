import type { Source } from '#lib/domain/chat.ts';
import { rankSentences } from './extract-answer.ts';
import { type Passage, titlePassage } from './prompt.ts';
import { findSentences } from './words.ts';

export interface PackOptions {
  /** Tokens that all passages together may take. */
  readonly budgetTokens: number;
  /** Passages at most. */
  readonly limit: number;
}

/** Same order as `texts`. */
export type CountTokens = (texts: readonly string[]) => Promise<readonly number[]>;

const toPassage = (source: Source, text: string): Passage => ({
  number: source.number,
  title: titlePassage(source),
  text,
});

/**
 * Choose what the model reads: all passages when they fit, else the sentences of all of them that speak most of the question,
 * in reading order under their passage. Of three such sentences one holds the answer in 96 of 100 cases (decision 0020), and
 * a small model that reads three sentences is faster and strays less than one that reads three pages.
 * @returns never empty when there is a source, even if its best sentence alone is over the budget
 */
export async function packPassages(
  question: string,
  sources: readonly Source[],
  options: PackOptions,
  countTokens: CountTokens,
): Promise<Passage[]> {
  const offered = sources.slice(0, options.limit);
  if (offered.length === 0) return [];
  const ranked = rankSentences(question, offered);
  const counts = await countTokens([
    ...offered.map((source) => `${titlePassage(source)}\n${source.text}`),
    ...ranked.map(({ source, span }) => source.text.slice(span.start, span.end)),
  ]);
  const wholeTokens = counts.slice(0, offered.length).reduce((sum, count) => sum + count, 0);
  if (wholeTokens <= options.budgetTokens) return offered.map((source) => toPassage(source, source.text.trim()));

  const chosen = new Map<Source, Set<number>>();
  let left = options.budgetTokens;
  for (const [index, { source, span }] of ranked.entries()) {
    const tokens = counts[offered.length + index] ?? 0;
    if (tokens > left && chosen.size > 0) continue;
    chosen.set(source, (chosen.get(source) ?? new Set()).add(span.start));
    left -= tokens;
  }
  const passages = offered.flatMap((source) => {
    const starts = chosen.get(source);
    if (starts === undefined) return [];
    const sentences = findSentences(source.text).filter((span) => starts.has(span.start));
    return [toPassage(source, sentences.map((span) => source.text.slice(span.start, span.end)).join(' '))];
  });
  if (passages.length > 0) return passages;
  // No sentence could be told apart (one endless line): the head of the first passage.
  return offered.slice(0, 1).map((source) => toPassage(source, source.text.slice(0, options.budgetTokens * 3).trim()));
}
