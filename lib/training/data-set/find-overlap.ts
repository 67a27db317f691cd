import { listWords } from '#lib/domain/list-words.ts';
import { createNearIndex } from './min-hash.ts';

/** A question of a suite that data must not hold: an adapter that has learned the answer shows nothing. */
export interface SuiteText {
  /** For people: the suite and the case. */
  readonly name: string;
  readonly text: string;
}

export interface Overlap {
  readonly rowId: string;
  readonly suiteText: SuiteText;
  readonly kind: 'exact' | 'near';
  /** Jaccard similarity of runs of three words, 0 to 1. */
  readonly similarity: number;
}

/** Lower than for duplicates: a test question in slightly other words is still the test question. */
const NEAR = 0.6;

/** Rows one of whose questions is a question of a suite, word for word (case and signs ignored) or nearly. */
export function findOverlap(
  rows: readonly { readonly id: string; readonly questions: readonly string[] }[],
  suiteTexts: readonly SuiteText[],
): readonly Overlap[] {
  if (suiteTexts.length === 0) return [];
  const exact = new Map<string, SuiteText>();
  const near = createNearIndex();
  for (const suiteText of suiteTexts) {
    const key = listWords(suiteText.text).join(' ');
    if (key !== '' && !exact.has(key)) exact.set(key, suiteText);
    near.add(suiteText.text);
  }
  const found: Overlap[] = [];
  for (const { id, questions } of rows) {
    for (const question of questions) {
      const same = exact.get(listWords(question).join(' '));
      if (same) {
        found.push({ rowId: id, suiteText: same, kind: 'exact', similarity: 1 });
        break;
      }
      const [nearest] = near.find(question, NEAR);
      const suiteText = nearest && suiteTexts[nearest.index];
      if (nearest && suiteText) {
        found.push({ rowId: id, suiteText, kind: 'near', similarity: nearest.similarity });
        break;
      }
    }
  }
  return found;
}
