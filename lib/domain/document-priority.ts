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
 * The ranking with the documents' priorities applied. What {@link findRequiredPassages} names is among the first `topK`, where it
 * stands in order of score.
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
  const required = new Set(findRequiredPassages(boosted, prioritised, topK));
  const others = boosted.filter(({ id }) => !required.has(id)).slice(0, topK - required.size);
  const first = new Set([...required, ...others.map(({ id }) => id)]);
  return [...boosted.filter(({ id }) => first.has(id)), ...boosted.filter(({ id }) => !first.has(id))];
}

/**
 * The best passage of each `always` document; of more such documents than `topK` − 1 the best ones, so that one place is open.
 * @param ranked best first
 * @returns ids of passages
 */
export function findRequiredPassages(
  ranked: readonly { readonly id: string }[],
  prioritised: ReadonlyMap<string, PrioritisedPassage>,
  topK: number,
): string[] {
  const byDocument = new Map<string, string>();
  for (const { id } of ranked) {
    const passage = prioritised.get(id);
    if (passage?.priority !== 'always' || byDocument.has(passage.documentId)) continue;
    if (byDocument.size >= topK - 1) break;
    byDocument.set(passage.documentId, id);
  }
  return [...byDocument.values()];
}
