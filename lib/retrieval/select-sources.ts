import { findNearDuplicates } from './find-near-duplicates.ts';

export interface SourceLimits {
  readonly topK: number;
  /** Tokens that all passages together may take. */
  readonly tokenBudget: number;
  /** Passages of one document, while others have any. */
  readonly perDocument: number;
  /** Ids that have a place whatever their rank, best first by rank, at most `topK` of them. */
  readonly required: ReadonlySet<string>;
}

/** Why a candidate is a source, or is none. */
export type CandidateFate =
  | { readonly kind: 'source'; readonly number: number }
  /** Says nearly the same as a better one. */
  | { readonly kind: 'repeats'; readonly chunkId: string }
  /** Its document has as many passages as one document may have. */
  | { readonly kind: 'document-full' }
  | { readonly kind: 'over-budget' }
  | { readonly kind: 'ranked-below' };

interface Candidate {
  readonly id: string;
  readonly documentId: string;
  readonly text: string;
  readonly tokenCount: number;
}

/**
 * The passages that become sources: best first, without near repetitions, leaving out what does not fit any more, so that a long
 * passage does not shut out shorter ones behind it. The best passage is always taken: an answer without any source is no answer.
 * @param candidates best first
 * @returns `selected` in order of rank; `fates` of all candidates
 */
export function selectSources<T extends Candidate>(
  candidates: readonly T[],
  limits: SourceLimits,
): { readonly selected: T[]; readonly fates: ReadonlyMap<string, CandidateFate> } {
  const fates = new Map<string, CandidateFate>();
  const repeats = findNearDuplicates(candidates);
  const distinct = candidates.filter((candidate) => !repeats.has(candidate.id));
  for (const [id, chunkId] of repeats) fates.set(id, { kind: 'repeats', chunkId });
  const isRequired = new Set([...limits.required].map((id) => repeats.get(id) ?? id));
  const chosen = new Set<T>();
  let tokens = 0;
  const take = (candidate: T, fate: CandidateFate['kind'] | null) => {
    if (fate === 'document-full' || fate === 'over-budget' || fate === 'ranked-below') {
      fates.set(candidate.id, { kind: fate });
      return;
    }
    chosen.add(candidate);
    tokens += candidate.tokenCount;
  };
  const fits = (candidate: T) => chosen.size === 0 || tokens + candidate.tokenCount <= limits.tokenBudget;
  const countOfDocument = (id: string) => [...chosen].filter((candidate) => candidate.documentId === id).length;
  let reserved = distinct.filter((candidate) => isRequired.has(candidate.id)).length;
  for (const candidate of distinct) {
    const hasPlace = isRequired.has(candidate.id) || chosen.size + reserved < limits.topK;
    if (isRequired.has(candidate.id)) reserved -= 1;
    if (!hasPlace || chosen.size >= limits.topK) take(candidate, 'ranked-below');
    else if (!fits(candidate)) take(candidate, 'over-budget');
    else if (!isRequired.has(candidate.id) && countOfDocument(candidate.documentId) >= limits.perDocument) {
      take(candidate, 'document-full');
    } else take(candidate, null);
  }
  // A bound on one document makes room for others; where there are none, its own passages are better than nothing.
  for (const candidate of distinct) {
    if (chosen.size >= limits.topK) break;
    if (fates.get(candidate.id)?.kind === 'document-full' && fits(candidate)) {
      fates.delete(candidate.id);
      take(candidate, null);
    }
  }
  const selected = distinct.filter((candidate) => chosen.has(candidate));
  for (const [index, { id }] of selected.entries()) fates.set(id, { kind: 'source', number: index + 1 });
  return { selected, fates };
}
