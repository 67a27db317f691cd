import type { Source } from '#lib/domain/chat.ts';
import { rankSentences } from './extract-answer.ts';
import { type Passage, titlePassage } from './prompt.ts';
import { findSentences } from './words.ts';

export interface PackOptions {
  /** Tokens that all passages together may take. */
  readonly budgetTokens: number;
  /** Tokens per passage; longer ones are cut to the sentences that speak of the question. */
  readonly passageTokens: number;
  /** Passages at most. */
  readonly limit: number;
}

/** Same order as `texts`. */
export type CountTokens = (texts: readonly string[]) => Promise<readonly number[]>;

/**
 * Choose what the model reads. Sources keep their rank; a source longer than its share is cut to whole sentences, the ones
 * nearest to the question, in reading order. What does not fit is left out, but the first passage always goes in.
 */
export async function packPassages(
  question: string,
  sources: readonly Source[],
  options: PackOptions,
  countTokens: CountTokens,
): Promise<Passage[]> {
  const offered = sources.slice(0, options.limit);
  if (offered.length === 0) return [];
  const pieces = offered.map((source) => ({ source, sentences: findSentences(source.text) }));
  const counts = await countTokens([
    ...pieces.map(({ source }) => `${titlePassage(source)}\n${source.text}`),
    ...pieces.flatMap(({ source, sentences }) => sentences.map((span) => source.text.slice(span.start, span.end))),
  ]);
  let next = pieces.length;
  let left = options.budgetTokens;
  const passages: Passage[] = [];
  for (const [index, { source, sentences }] of pieces.entries()) {
    const sentenceCounts = counts.slice(next, next + sentences.length);
    next += sentences.length;
    const whole = counts[index] ?? 0;
    const room = Math.min(left, options.passageTokens);
    const title = titlePassage(source);
    if (whole <= room) {
      passages.push({ number: source.number, title, text: source.text.trim() });
      left -= whole;
      continue;
    }
    if (passages.length > 0 && room < 48) break;
    const titleTokens = Math.max(0, whole - sentenceCounts.reduce((sum, count) => sum + count, 0));
    const kept = new Set<number>();
    let used = Math.min(titleTokens, 16);
    for (const quote of rankSentences(question, [source])) {
      const at = sentences.findIndex((span) => span.start === quote.span.start);
      const cost = sentenceCounts[at] ?? 0;
      if (kept.size > 0 && used + cost > room) continue;
      // The neighbour before often names what "it" is.
      kept.add(at);
      used += cost;
    }
    const text = sentences
      .filter((_, at) => kept.has(at))
      .map((span) => source.text.slice(span.start, span.end))
      .join(' ');
    passages.push({ number: source.number, title, text: text === '' ? source.text.slice(0, room * 3) : text });
    left -= used;
    if (left <= 0) break;
  }
  return passages;
}
