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

/**
 * Blocks of 32 values: a half-precision scale d = max|x| / 127 and the levels round(x / d), half away from zero, as the
 * format's reference does in single precision.
 * @see https://github.com/ggml-org/ggml, quantize_row_q8_0_ref
 */
function quantiseQ8(values: Float32Array): Uint8Array {
  const { blockValues, blockBytes } = ggmlTypes.Q8_0;
  const bytes = new Uint8Array((values.length / blockValues) * blockBytes);
  const levels = new Int8Array(bytes.buffer);
  for (let at = 0, to = 0; at < values.length; at += blockValues, to += blockBytes) {
    let largest = 0;
    // Math.max hands on a value that is no number.
    for (let i = at; i < at + blockValues; i++) largest = Math.max(largest, Math.abs(values[i] ?? 0));
    const scale = Math.fround(largest / 127);
    const bits = encodeHalf(scale);
    if (!isFiniteHalf(bits)) throw new RangeError(`${largest} is beyond the range of Q8_0`);
    bytes[to] = bits & 255;
    bytes[to + 1] = bits >> 8;
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    for (let i = 0; i < blockValues; i++) {
      const level = Math.fround((values[at + i] ?? 0) * inverse);
      levels[to + 2 + i] = level < 0 ? -Math.round(-level) : Math.round(level);
    }
  }
  return bytes;
}

function quantiseHalf(values: Float32Array): Uint8Array {
  const halves = new Float16Array(values);
  const bits = new Uint16Array(halves.buffer);
  const at = bits.findIndex((half) => !isFiniteHalf(half));
  if (at >= 0) throw new RangeError(`${values[at]} is beyond the range of F16`);
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
      const at = values.findIndex((value) => !Number.isFinite(value));
      if (at >= 0) throw new RangeError(`${values[at]} cannot be stored`);
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    }
    case 'F16':
      return quantiseHalf(values);
    case 'Q8_0':
      return quantiseQ8(values);
  }
}
