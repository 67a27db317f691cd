import { listWords } from '#lib/domain/list-words.ts';
import { isCommonWord } from '#lib/questions/check-support.ts';

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
  // A heading or a row of a table is no beginning of the sentence below it.
  const paragraphs = text.split(/\n{2,}|\n(?=[^\n]*\|)|(?<=\|[^\n]*)\n/).map((part) => part.replaceAll(/\s+/g, ' '));
  const segments = paragraphs.flatMap((paragraph) => [...segmenter.segment(paragraph)]);
  return segments.flatMap(({ segment }) => {
    const all = listWords(segment.replaceAll(/n['’]t\b/g, ' not'));
    const words = new Set(all.filter((word) => !/\d/.test(word) && !NEGATIONS.has(word) && !isCommonWord(word)));
    if (words.size < MIN_WORDS) return [];
    const isDenial = all.some((word) => NEGATIONS.has(word));
    return [{ text: segment.trim(), words, amounts: readAmounts(segment), isDenial }];
  });
}

/** A statement of an answer, and what the sentences that speak of the same thing said so far. */
interface Claim {
  readonly statement: Statement;
  /** Units of which some sentence has all the numbers. */
  readonly confirmed: Set<string>;
  /** By unit: the first sentence that has others. */
  readonly against: Map<string, string>;
  /** The first sentence of the same words with the opposite sign, while none has the same. */
  denied: string | null;
  isAffirmed: boolean;
}

function compare(claim: Claim, sentence: Statement, place: string): void {
  const { statement } = claim;
  const shared = [...statement.words].filter((word) => sentence.words.has(word)).length;
  if (shared < SAME_SUBJECT * statement.words.size) return;
  const told = `${place} says: ${sentence.text}`;
  for (const [unit, numbers] of statement.amounts) {
    const known = sentence.amounts.get(unit);
    if (known === undefined) continue;
    if ([...numbers].every((number) => known.has(number))) claim.confirmed.add(unit);
    else if (!claim.against.has(unit)) claim.against.set(unit, told);
  }
  if (shared < SAME_STATEMENT * Math.max(statement.words.size, sentence.words.size)) return;
  if (sentence.isDenial === statement.isDenial) claim.isAffirmed = true;
  else claim.denied ??= told;
}

function judge({ confirmed, against, denied, isAffirmed }: Claim): string | null {
  for (const [unit, told] of against) if (!confirmed.has(unit)) return told;
  return isAffirmed ? null : denied;
}

/**
 * Claims by their rarest words. A sentence that holds the wanted share of a claim's words holds one of its rarest, so that only
 * those need looking up (prefix filtering; Chaudhuri et al., A primitive operator for similarity joins, 2006).
 */
function indexClaims(claims: readonly Claim[]): ReadonlyMap<string, readonly Claim[]> {
  const frequency = new Map<string, number>();
  for (const { statement } of claims)
    for (const word of statement.words) frequency.set(word, (frequency.get(word) ?? 0) + 1);
  const index = new Map<string, Claim[]>();
  for (const claim of claims) {
    const { words } = claim.statement;
    const rarest = [...words]
      .toSorted((a, b) => (frequency.get(a) ?? 0) - (frequency.get(b) ?? 0))
      .slice(0, words.size - Math.ceil(SAME_SUBJECT * words.size) + 1);
    for (const word of rarest) {
      const known = index.get(word);
      if (known) known.push(claim);
      else index.set(word, [claim]);
    }
  }
  return index;
}

/**
 * Finds answers that say of a subject what the workspace's documents say otherwise: another number of the same unit, or a denial
 * of nearly the same words. By words alone: what is said in other words is not found, and what no document speaks of contradicts
 * nothing. One sentence that agrees clears a statement, whatever others say.
 * @param onPassage called with the number of passages read so far; may wait, so that others get a turn
 * @returns by the id of the answer, what the source says, in words
 */
export async function findContradictions(
  answers: readonly { readonly id: string; readonly text: string }[],
  passages: readonly SourcePassage[],
  onPassage: (done: number) => Promise<void> = async () => undefined,
): Promise<ReadonlyMap<string, string>> {
  const claims = answers.map(({ id, text }) => ({
    id,
    claims: readStatements(text).map(
      (statement): Claim => ({ statement, confirmed: new Set(), against: new Map(), denied: null, isAffirmed: false }),
    ),
  }));
  const index = indexClaims(claims.flatMap(({ claims: own }) => own));
  for (const [done, { text, documentTitle, pageNumber }] of passages.entries()) {
    await onPassage(done);
    for (const sentence of readStatements(text)) {
      const met = new Set([...sentence.words].flatMap((word) => index.get(word) ?? []));
      for (const claim of met) compare(claim, sentence, `“${documentTitle}”, page ${pageNumber}`);
    }
  }
  return new Map(
    claims.flatMap(({ id, claims: own }) => {
      const [told] = own.map(judge).filter((found) => found !== null);
      return told === undefined ? [] : [[id, told] as const];
    }),
  );
}
