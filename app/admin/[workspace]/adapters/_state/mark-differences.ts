import { diffWords } from 'diff';

export interface MarkedPart {
  readonly text: string;
  /** Words that the other answer does not have at this place. */
  readonly isOwn: boolean;
}

/** An answer in parts, word by word against another one; joined they are the answer. */
export function markDifferences(answer: string, other: string): MarkedPart[] {
  return diffWords(other, answer)
    .filter(({ removed }) => !removed)
    .map(({ value, added }) => ({ text: value, isOwn: added }));
}
