/** From the paper; larger values make the difference between neighbouring ranks smaller. */
export const RRF_K = 60;

export interface FusedItem {
  readonly id: string;
  /** Comparable within one call only. */
  readonly score: number;
}

/**
 * Merge ranked lists by reciprocal rank fusion: score(d) = Σ 1 / (k + rank_i(d)), rank from 1.
 * Lists need not share items; ties keep the order of the first list. Scores are comparable only within one call.
 * @param rankings ids, best first; an empty list contributes nothing; an id counts once a list
 * @returns at most `limit` items, best first
 * @see Cormack, Clarke, Büttcher, SIGIR 2009 (k = 60)
 */
export function fuseRankings(rankings: readonly (readonly string[])[], limit: number, k = RRF_K): FusedItem[] {
  const scores = new Map<string, number>();
  for (const ranking of rankings) {
    for (const [index, id] of [...new Set(ranking)].entries()) {
      scores.set(id, (scores.get(id) ?? 0) + 1 / (k + index + 1));
    }
  }
  // A Map keeps the order of first sight and the sort is stable.
  return [...scores]
    .map(([id, score]) => ({ id, score }))
    .sort((a, b) => b.score - a.score)
    .slice(0, limit);
}
