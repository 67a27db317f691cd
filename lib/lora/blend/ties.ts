/**
 * TIES: of every update only the values of largest magnitude stay, each position elects the sign that has more weight behind
 * it, and the values of that sign are averaged. What parts disagree on does not cancel out, and what one part hardly touches
 * does not dilute another.
 * @see Yadav, Tam, Choshen, Raffel, Bansal, "TIES-Merging: Resolving Interference When Merging Models", NeurIPS 2023
 */

const magnitudeBits = 0x7fff_ffff;
/** Magnitudes are ordered like their bits, 31 of them: counted by the upper 16, then the lower 15 within one bucket. */
const LOWER_BITS = 15;

/** The bucket, from the highest, in which the number of values passes `count`, and how many lie above it. */
function findBucket(counts: Uint32Array, count: number): { bucket: number; above: number } {
  let above = 0;
  for (let bucket = counts.length - 1; bucket >= 0; bucket--) {
    const inside = counts[bucket] ?? 0;
    if (above + inside >= count) return { bucket, above };
    above += inside;
  }
  return { bucket: 0, above };
}

/**
 * The `count`-th largest magnitude, exactly, in two passes and without sorting.
 * @param values finite numbers
 * @param count from 1 to the number of values
 */
export function selectMagnitude(values: Float32Array, count: number): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const upper = new Uint32Array(1 << (31 - LOWER_BITS));
  for (let i = 0; i < bits.length; i++) {
    const at = ((bits[i] ?? 0) & magnitudeBits) >>> LOWER_BITS;
    upper[at] = (upper[at] ?? 0) + 1;
  }
  const { bucket, above } = findBucket(upper, count);
  const lowerMask = (1 << LOWER_BITS) - 1;
  const lower = new Uint32Array(1 << LOWER_BITS);
  for (let i = 0; i < bits.length; i++) {
    const word = (bits[i] ?? 0) & magnitudeBits;
    const at = word & lowerMask;
    if (word >>> LOWER_BITS === bucket) lower[at] = (lower[at] ?? 0) + 1;
  }
  const found = Uint32Array.of((bucket << LOWER_BITS) | findBucket(lower, count - above).bucket);
  return new Float32Array(found.buffer)[0] ?? 0;
}

/** The smallest magnitude that stays when `keptShare` of the values do, at least one. */
export function findThreshold(update: Float32Array, keptShare: number): number {
  return selectMagnitude(update, Math.max(1, Math.round(keptShare * update.length)));
}

/**
 * Trim, elect, average. The sign of the sum is the one with more weight behind it; where the sum is 0 the parts cancel out.
 * @param parts values of the same positions in every weighted update
 * @param thresholds for each part; smaller magnitudes count as zero
 */
export function combineByElection(parts: readonly Float32Array[], thresholds: readonly number[]): Float32Array {
  const length = parts[0]?.length ?? 0;
  const sum = new Float32Array(length);
  for (const [part, values] of parts.entries()) {
    const threshold = thresholds[part] ?? 0;
    for (let i = 0; i < length; i++) {
      const value = values[i] ?? 0;
      sum[i] = (sum[i] ?? 0) + (Math.abs(value) >= threshold ? value : 0);
    }
  }
  const agreed = new Float32Array(length);
  const count = new Uint16Array(length);
  for (const [part, values] of parts.entries()) {
    const threshold = thresholds[part] ?? 0;
    for (let i = 0; i < length; i++) {
      const value = values[i] ?? 0;
      const isHeard = Math.abs(value) >= threshold && value * (sum[i] ?? 0) > 0;
      agreed[i] = (agreed[i] ?? 0) + (isHeard ? value : 0);
      count[i] = (count[i] ?? 0) + (isHeard ? 1 : 0);
    }
  }
  return agreed.map((value, i) => value / Math.max(count[i] ?? 0, 1));
}
