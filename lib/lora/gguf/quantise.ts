import { type GgmlType, type GgmlTypeName, ggmlTypes } from './ggml-types.ts';

/** Types that a merged model is written in. */
export const writtenTypes = ['F32', 'F16', 'Q8_0'] as const satisfies readonly GgmlTypeName[];
export type WrittenTypeName = (typeof writtenTypes)[number];

const halfBits = new DataView(new ArrayBuffer(2));

function encodeHalf(value: number): number {
  halfBits.setFloat16(0, value, true);
  return halfBits.getUint16(0, true);
}

/** The largest exponent of half precision stands for infinity and for what is no number. */
const isFiniteHalf = (bits: number) => (bits & 0x7c00) !== 0x7c00;

const magnitudeBits = 0x7fff_ffff;
const wordOfFloat = new Int32Array(1);
const floatOfWord = new Float32Array(wordOfFloat.buffer);

/**
 * Blocks of 32 values: a half-precision scale d = max|x| / 127 and the levels round(x / d), half away from zero, as the
 * format's reference does in single precision.
 * @see https://github.com/ggml-org/ggml, quantize_row_q8_0_ref
 */
function quantiseQ8(values: Float32Array): Uint8Array {
  const { blockValues, blockBytes } = ggmlTypes.Q8_0;
  const bytes = new Uint8Array((values.length / blockValues) * blockBytes);
  // Magnitudes are ordered like their bits, and signs are taken from there: half of all branches on a sign go wrong.
  const words = new Int32Array(values.buffer, values.byteOffset, values.length);
  for (let at = 0, to = 0; at < values.length; at += blockValues, to += blockBytes) {
    let largestBits = 0;
    for (let i = at; i < at + blockValues; i++) largestBits = Math.max(largestBits, (words[i] ?? 0) & magnitudeBits);
    wordOfFloat[0] = largestBits;
    const largest = floatOfWord[0] ?? 0;
    const scale = Math.fround(largest / 127);
    const bits = encodeHalf(scale);
    if (!isFiniteHalf(bits)) throw new RangeError(`${largest} is beyond the range of Q8_0`);
    bytes[to] = bits & 255;
    bytes[to + 1] = bits >> 8;
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    for (let i = 0; i < blockValues; i++) {
      const level = (Math.fround(Math.abs(values[at + i] ?? 0) * inverse) + 0.5) | 0;
      const sign = (words[at + i] ?? 0) >> 31;
      bytes[to + 2 + i] = (level ^ sign) - sign;
    }
  }
  return bytes;
}

function quantiseHalf(values: Float32Array): Uint8Array {
  const halves = new Float16Array(values);
  const words = new Uint16Array(halves.buffer);
  for (let i = 0; i < words.length; i++)
    if (!isFiniteHalf(words[i] ?? 0)) throw new RangeError(`${values[i]} is beyond the range of F16`);
  return new Uint8Array(halves.buffer);
}

/**
 * Values in the form that a file holds them in; the inverse of `dequantise` but for rounding.
 * @param values a whole number of blocks of the type
 * @throws RangeError when a value is beyond the type's range or no number, or the last block is not full
 */
export function quantise(name: WrittenTypeName, values: Float32Array): Uint8Array {
  const type: GgmlType = ggmlTypes[name];
  if (values.length % type.blockValues !== 0)
    throw new RangeError(`${values.length} values are no whole number of ${name} blocks of ${type.blockValues}`);
  switch (name) {
    case 'F32': {
      for (let i = 0; i < values.length; i++)
        if (!Number.isFinite(values[i])) throw new RangeError(`${values[i]} cannot be stored`);
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    }
    case 'F16':
      return quantiseHalf(values);
    case 'Q8_0':
      return quantiseQ8(values);
  }
}
