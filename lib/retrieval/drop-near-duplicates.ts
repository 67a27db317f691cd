/** Texts that share this part of their words say the same, e.g. the same section in two editions of a manual. */
const SAME_SHARE = 0.9;

/**
 * Leave out texts that nearly repeat an earlier one. Similarity is the Jaccard index of the sets of words.
 * @returns the kept items, in order
 */
export function dropNearDuplicates<T extends { readonly text: string }>(items: readonly T[]): T[] {
  const kept: { item: T; words: ReadonlySet<string> }[] = [];
  for (const item of items) {
    const words = new Set(item.text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
    if (!kept.some((earlier) => measureOverlap(earlier.words, words) >= SAME_SHARE)) kept.push({ item, words });
  }
  return kept.map(({ item }) => item);
}

/** Jaccard index, 0 to 1; two empty sets are equal. */
function measureOverlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const shared = [...a].filter((word) => b.has(word)).length;
  const total = a.size + b.size - shared;
  return total === 0 ? 1 : shared / total;
}
