import type { GgmlType, GgmlTypeName } from './ggml-types.ts';

/** Byte offsets of the half-precision scales inside a block, where they are not at its start alone. */
const scaleOffsets: Partial<Record<GgmlTypeName, readonly number[]>> = {
  Q4_1: [0, 2],
  Q5_1: [0, 2],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
};

/** Random but repeatable blocks whose scales are finite. The generator is a 32-bit xorshift (Marsaglia, 2003). */
export function createBlocks(type: GgmlType, count: number): Uint8Array {
  let state = 2_463_534_242;
  const bytes = Uint8Array.from({ length: count * type.blockBytes }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 255;
  });
  const highByte = type.name === 'F32' ? 3 : 1;
  for (let block = 0; block < count; block++)
    for (const offset of scaleOffsets[type.name] ?? [0]) {
      const at = block * type.blockBytes + offset + highByte;
      // Without the exponent's top bit no scale is infinite or NaN.
      bytes[at] = (bytes[at] ?? 0) & 0xbf;
    }
  return bytes;
}
