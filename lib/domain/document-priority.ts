/**
 * How much a document counts beside the others. `boosted`: its passages stand a little higher than the search alone would put
 * them. `always`: when the search finds any passage of it at all, the best one is among the sources.
 */
export const documentPriorities = ['normal', 'boosted', 'always'] as const;
export type DocumentPriority = (typeof documentPriorities)[number];

/**
 * What a boosted passage's score is multiplied by. Reciprocal ranks with k = 60 are flat: this lets rank 8 pass rank 2, and
 * rank 20 pass rank 13, but a passage that one leg alone found never pass one that both found at the same rank.
 */
export const PRIORITY_BOOST = 1.1;

export interface PrioritisedPassage {
  readonly documentId: string;
  readonly priority: Exclude<DocumentPriority, 'normal'>;
}

/**
 * The ranking with the documents' priorities applied. The best passage of each `always` document is among the first `topK`,
 * where it stands in order of score; of more such documents than `topK` − 1 the best ones, so that one place is always open.
 * @param ranked best first, by falling score
 * @param prioritised by passage id; a passage that is not in it has the normal priority
 * @returns the same passages, best first
 */
export function applyPriorities<T extends { readonly id: string; readonly score: number }>(
  ranked: readonly T[],
  prioritised: ReadonlyMap<string, PrioritisedPassage>,
  topK: number,
): T[] {
  if (prioritised.size === 0) return [...ranked];
  const boosted = ranked
    .map((item) => {
      const isBoosted = prioritised.get(item.id)?.priority === 'boosted';
      return isBoosted ? { ...item, score: item.score * PRIORITY_BOOST } : item;
    })
    .sort((a, b) => b.score - a.score);
  const required = new Map<string, T>();
  for (const item of boosted) {
    const passage = prioritised.get(item.id);
    if (passage?.priority !== 'always' || required.has(passage.documentId) || required.size >= topK - 1) continue;
    required.set(passage.documentId, item);
  }
  const isRequired = new Set(required.values());
  const others = boosted.filter((item) => !isRequired.has(item));
  const first = new Set([...isRequired, ...others.slice(0, topK - isRequired.size)]);
  return [...boosted.filter((item) => first.has(item)), ...boosted.filter((item) => !first.has(item))];
}
