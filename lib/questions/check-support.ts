import { listWords } from '#lib/domain/list-words.ts';

/** Words that every text has: they say nothing about where an answer comes from. */
const COMMON = new Set(
  'a an and are as at be been by can do does for from had has have he her his how i if in into is it its may must no not of on or our she should so such than that the their them then there these they this those to up was we were what when where which while who will with you your'.split(
    ' ',
  ),
);

export const isCommonWord = (word: string) => COMMON.has(word);

/** Share of the answer's words that the quote must hold. */
const MIN_CONTAINED = 0.8;
/** Nats a token that reading the passages must gain; below, the model wrote the answer without them. */
const MIN_GAIN = 0.2;

/** Share of the words of `answer` that say something and stand in `quote`, 0 to 1; 1 for an answer without such words. */
export function measureContainment(answer: string, quote: string): number {
  const words = listWords(answer).filter((word) => !COMMON.has(word));
  const quoted = new Set(listWords(quote));
  return words.length === 0 ? 1 : words.filter((word) => quoted.has(word)).length / words.length;
}

/** Numbers and codes of an answer that the quote does not have. */
export function findForeignNumbers(answer: string, quote: string): readonly string[] {
  const quoted = new Set(listWords(quote));
  return listWords(answer).filter((word) => /\d/.test(word) && !quoted.has(word));
}

export const meanOf = (values: readonly number[]) =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Whether a quote bears an answer out: by its words and numbers, and by how much likelier the model finds it with the passages
 * than without.
 * @param gain mean natural-log probability a token with the passages, less without; null: not measured
 * @returns why it does not, in words; null: it does
 */
export function checkSupport(answer: string, quote: string, gain: number | null): string | null {
  const foreign = findForeignNumbers(answer, quote);
  if (foreign.length > 0) return `the quote does not have ${foreign.join(', ')}`;
  const contained = measureContainment(answer, quote);
  if (contained < MIN_CONTAINED) return `the quote has ${Math.floor(contained * 100)} % of the answer’s words`;
  if (gain !== null && gain < MIN_GAIN) {
    return 'the model finds the answer no likelier with the passage than without';
  }
  return null;
}
