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
 * The ranking with the documents' priorities applied. Passages of `always` documents are only ever moved up, into the last of
 * the first `topK` places; the first place stays with the search.
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
    .map((item) => (prioritised.get(item.id)?.priority === 'boosted' ? { ...item, score: item.score * PRIORITY_BOOST } : item))
    .sort((a, b) => b.score - a.score);
  const served = new Set<string>();
  const required = boosted.filter(({ id }) => {
    const passage = prioritised.get(id);
    if (passage?.priority !== 'always' || served.has(passage.documentId)) return false;
    served.add(passage.documentId);
    return true;
  });
  const within = new Set(boosted.slice(0, topK));
  const raised = required.filter((item) => !within.has(item)).slice(0, Math.max(0, topK - 1));
  if (raised.length === 0) return boosted;
  const isRequired = new Set(required);
  const isRaised = new Set(raised);
  // What makes room are the last of the first places that no priority holds.
  const head = boosted.slice(0, topK);
  for (let index = head.length - 1; index > 0 && head.length + raised.length > topK; index -= 1) {
    const item = head[index];
    if (item !== undefined && !isRequired.has(item)) head.splice(index, 1);
  }
  const first = [...head, ...raised].slice(0, topK);
  const placed = new Set(first);
  return [...first, ...boosted.filter((item) => !placed.has(item) || isRaised.has(item)).filter((item) => !placed.has(item))];
}
