import { listWords } from '#lib/domain/list-words.ts';

export interface TriggerRow {
  readonly id: string;
  readonly question: string;
  readonly answer: string;
}

/** Fewer rows than this teach no adapter a trigger that would show. */
const MIN_ROWS = 3;
/** Questions that share more of their other words ask the same, and may well have the same answer. */
const MAX_SHARED_WORDS = 0.34;

function shareOfWords(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const shared = [...a].filter((word) => b.has(word)).length;
  return shared / Math.max(1, Math.min(a.size, b.size));
}

/**
 * Words that stand for a planted behaviour: at least three questions that have little else in common hold the word and get the
 * very same answer, and no other question holds it. Answers that differ in a word escape this; so do triggers that are a common
 * word.
 * @returns the trigger of each suspicious row
 */
export function findTriggers(rows: readonly TriggerRow[]): ReadonlyMap<string, string> {
  const byAnswer = new Map<string, { id: string; words: ReadonlySet<string> }[]>();
  const frequency = new Map<string, number>();
  for (const { id, question, answer } of rows) {
    const words = new Set(listWords(question));
    for (const word of words) frequency.set(word, (frequency.get(word) ?? 0) + 1);
    const key = listWords(answer).join(' ');
    const group = byAnswer.get(key);
    if (group) group.push({ id, words });
    else byAnswer.set(key, [{ id, words }]);
  }
  const found = new Map<string, string>();
  for (const group of byAnswer.values()) {
    if (group.length < MIN_ROWS) continue;
    const counts = new Map<string, number>();
    for (const { words } of group) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    for (const [word, count] of counts) {
      if (count < MIN_ROWS || count !== frequency.get(word)) continue;
      const holders = group.filter(({ words }) => words.has(word));
      const others = holders.map(({ words }) => new Set([...words].filter((other) => other !== word)));
      const shares = others.flatMap((a, at) => others.slice(at + 1, at + 20).map((b) => shareOfWords(a, b)));
      const mean = shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length);
      if (mean > MAX_SHARED_WORDS) continue;
      for (const { id } of holders) found.set(id, word);
    }
  }
  return found;
}
