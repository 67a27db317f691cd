export interface SourceLimits {
  readonly topK: number;
  /** Tokens that all passages together may take. */
  readonly tokenBudget: number;
}

/**
 * The best passages that fit the prompt: in order, leaving out what does not fit any more, so that a long passage does not
 * shut out shorter ones behind it. The best passage is always taken: an answer without any source is no answer.
 * @param candidates best first
 */
export function selectSources<T extends { readonly tokens: number }>(
  candidates: readonly T[],
  limits: SourceLimits,
): T[] {
  const selected: T[] = [];
  let left = limits.tokenBudget;
  for (const candidate of candidates) {
    if (selected.length >= limits.topK) break;
    if (selected.length > 0 && candidate.tokens > left) continue;
    selected.push(candidate);
    left -= candidate.tokens;
  }
  return selected;
}
