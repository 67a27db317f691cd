import { isCommonWord } from './check-support.ts';
import { listWords } from './min-hash.ts';

export interface SourcePassage {
  readonly documentTitle: string;
  readonly pageNumber: number;
  readonly text: string;
}

/** Fewer words that say something fit to too many sentences. */
const MIN_WORDS = 4;
/** Share of a statement's words that a sentence must have to speak of the same thing. */
const SAME_SUBJECT = 0.75;
/** For a denial both must say nearly the same. */
const SAME_STATEMENT = 0.8;
const NEGATIONS = new Set(['not', 'no', 'never', 'cannot', 'without', 'neither', 'nor']);
const NUMBER = /(?<![\p{L}\p{N}.,-])(\d+(?:[.,]\d+)*)\s*(%|°?\p{L}+)?/gu;
const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });

interface Statement {
  readonly text: string;
  /** What it speaks of: words that say something, without numbers and denials. */
  readonly words: ReadonlySet<string>;
  /** Numbers by their unit; without one they could count anything. */
  readonly amounts: ReadonlyMap<string, ReadonlySet<string>>;
  readonly isDenial: boolean;
}

/** `days` and `day` count the same. */
const toUnit = (word: string) => word.toLowerCase().replace(/(?<=\p{L}{2})s$/u, '');

function readAmounts(text: string): Map<string, Set<string>> {
  const amounts = new Map<string, Set<string>>();
  for (const [, number = '', unit = ''] of text.matchAll(NUMBER)) {
    if (unit === '' || isCommonWord(unit.toLowerCase())) continue;
    const known = amounts.get(toUnit(unit)) ?? new Set();
    amounts.set(toUnit(unit), known.add(number.replace(/(?<=\d),(?=\d{3}\b)/g, '')));
  }
  return amounts;
}

function readStatements(text: string): Statement[] {
  return [...segmenter.segment(text.replaceAll(/\s+/g, ' '))].flatMap(({ segment }) => {
    const all = listWords(segment.replaceAll(/n['’]t\b/g, ' not'));
    const words = new Set(all.filter((word) => !/\d/.test(word) && !NEGATIONS.has(word) && !isCommonWord(word)));
    if (words.size < MIN_WORDS) return [];
    const isDenial = all.some((word) => NEGATIONS.has(word));
    return [{ text: segment.trim(), words, amounts: readAmounts(segment), isDenial }];
  });
}

/**
 * Finds answers that say of a subject what the workspace's documents say otherwise: another number of the same unit, or a denial
 * of nearly the same words. By words alone: what is said in other words is not found, and what no document speaks of contradicts
 * nothing. One sentence that agrees clears a statement, whatever others say.
 * @returns a function from an answer to what the source says, in words; null when nothing is against it
 */
export function createContradictionFinder(passages: readonly SourcePassage[]): (answer: string) => string | null {
  const sentences = passages.flatMap(({ text, documentTitle, pageNumber }) =>
    readStatements(text).map((statement) => ({ ...statement, place: `“${documentTitle}”, page ${pageNumber}` })),
  );
  const postings = new Map<string, number[]>();
  for (const [index, { words }] of sentences.entries()) {
    for (const word of words) {
      const known = postings.get(word);
      if (known) known.push(index);
      else postings.set(word, [index]);
    }
  }

  const findSame = ({ words }: Statement) => {
    const shared = new Map<number, number>();
    for (const word of words) for (const at of postings.get(word) ?? []) shared.set(at, (shared.get(at) ?? 0) + 1);
    return [...shared].flatMap(([at, count]) => {
      const sentence = sentences[at];
      return sentence === undefined || count < SAME_SUBJECT * words.size ? [] : [{ sentence, count }];
    });
  };

  return (answer) => {
    for (const statement of readStatements(answer)) {
      const same = findSame(statement);
      for (const [unit, numbers] of statement.amounts) {
        const told = same.filter(({ sentence }) => sentence.amounts.has(unit));
        const agrees = ({ sentence }: (typeof told)[number]) =>
          [...numbers].every((number) => sentence.amounts.get(unit)?.has(number) === true);
        const [against] = told;
        if (against !== undefined && !told.some(agrees))
          return `${against.sentence.place} says: ${against.sentence.text}`;
      }
      const equal = same.filter(
        ({ sentence, count }) =>
          count >= SAME_STATEMENT * sentence.words.size && count >= SAME_STATEMENT * statement.words.size,
      );
      const [denied] = equal;
      if (denied !== undefined && equal.every(({ sentence }) => sentence.isDenial !== statement.isDenial))
        return `${denied.sentence.place} says: ${denied.sentence.text}`;
    }
    return null;
  };
}
