/** Texts that share this part of their words say the same, e.g. the same section in two editions of a manual. */
const SAME_SHARE = 0.9;

/**
 * Texts that nearly repeat an earlier one. Similarity is the Jaccard index of the sets of words.
 * @returns from the id of a repetition to the id of the one that it repeats, which repeats none itself
 */
export function findNearDuplicates(
  items: readonly { readonly id: string; readonly text: string }[],
): ReadonlyMap<string, string> {
  const kept: { id: string; words: ReadonlySet<string> }[] = [];
  const repeats = new Map<string, string>();
  for (const { id, text } of items) {
    const words = new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
    const earlier = kept.find((each) => measureOverlap(each.words, words) >= SAME_SHARE);
    if (earlier) repeats.set(id, earlier.id);
    else kept.push({ id, words });
  }
  return repeats;
}

/** Jaccard index, 0 to 1; two empty sets are equal. */
function measureOverlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const shared = [...a].filter((word) => b.has(word)).length;
  const total = a.size + b.size - shared;
  return total === 0 ? 1 : shared / total;
}
