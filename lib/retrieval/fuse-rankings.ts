/** From the paper; larger values make the difference between neighbouring ranks smaller. */
export const RRF_K = 60;

export interface FusedItem {
  readonly id: string;
  /** Comparable within one call only. */
  readonly score: number;
}

export interface WeightedRanking {
  /** Best first; an id counts once. */
  readonly ids: readonly string[];
  /** Default 1. 0: contributes ids, but no score. */
  readonly weight?: number;
}

/**
 * Merge ranked lists by weighted reciprocal rank fusion: score(d) = Σ weight_i / (k + rank_i(d)), rank from 1.
 * Lists need not share items; ties keep the order of the first list. Scores are comparable only within one call.
 * @param rankings an empty list contributes nothing
 * @returns at most `limit` items, best first
 * @see Cormack, Clarke, Büttcher, SIGIR 2009 (k = 60, equal weights)
 */
export function fuseRankings(rankings: readonly WeightedRanking[], limit: number, k = RRF_K): FusedItem[] {
  const scores = new Map<string, number>();
  for (const { ids, weight = 1 } of rankings) {
    for (const [index, id] of [...new Set(ids)].entries()) {
      scores.set(id, (scores.get(id) ?? 0) + weight / (k + index + 1));
    }
  }
  // A Map keeps the order of first sight and the sort is stable.
  return [...scores]
    .map(([id, score]) => ({ id, score }))
    .sort((a, b) => b.score - a.score)
    .slice(0, limit);
}
