/** Grades by id; an id that is missing has grade 0. */
export type Judgements = ReadonlyMap<string, number>;

/**
 * Normalised discounted cumulative gain of the first `k`, 0 to 1: Σ grade / log2(rank + 1), rank from 1, over the same sum of
 * the ideal order. 0 when nothing is relevant.
 * @see Järvelin, Kekäläinen, ACM TOIS 2002 (linear gain, as trec_eval and BEIR compute it)
 */
export function measureNdcg(ranking: readonly string[], judgements: Judgements, k: number): number {
  const discount = (grades: readonly number[]) =>
    grades.slice(0, k).reduce((sum, grade, index) => sum + grade / Math.log2(index + 2), 0);
  const ideal = discount([...judgements.values()].sort((a, b) => b - a));
  return ideal === 0 ? 0 : discount(ranking.map((id) => judgements.get(id) ?? 0)) / ideal;
}

/** Share of the relevant items among the first `k`, 0 to 1; 0 when nothing is relevant. */
export function measureRecall(ranking: readonly string[], judgements: Judgements, k: number): number {
  const relevant = [...judgements].filter(([, grade]) => grade > 0).map(([id]) => id);
  const found = new Set(ranking.slice(0, k));
  return relevant.length === 0 ? 0 : relevant.filter((id) => found.has(id)).length / relevant.length;
}

/** 1 / rank of the first relevant item among the first `k`, else 0. */
export function measureReciprocalRank(ranking: readonly string[], judgements: Judgements, k: number): number {
  const index = ranking.slice(0, k).findIndex((id) => (judgements.get(id) ?? 0) > 0);
  return index === -1 ? 0 : 1 / (index + 1);
}
