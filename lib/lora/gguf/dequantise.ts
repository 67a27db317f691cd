import type { GgmlType, GgmlTypeName } from './ggml-types.ts';
import { iq1SGrid, iq2SGrid, iq2XsGrid, iq2XxsGrid, iq3SGrid, iq3XxsGrid } from './grids.ts';

/**
 * Blocks of ggml's quantised types to f32. Layouts follow ggml's block structures; every function below writes one block of
 * `blockValues` numbers. Names: `d` the block's scale, `q` a stored level.
 */
interface Block {
  readonly view: DataView;
  /** Where the block starts in `view`. */
  at: number;
  readonly out: Float32Array;
  /** Where its values go in `out`. */
  to: number;
}

type DequantiseBlock = (block: Block) => void;

const f16 = (b: Block, offset: number) => b.view.getFloat16(b.at + offset, true);
const u8 = (b: Block, offset: number) => b.view.getUint8(b.at + offset);
const i8 = (b: Block, offset: number) => b.view.getInt8(b.at + offset);
const u16 = (b: Block, offset: number) => b.view.getUint16(b.at + offset, true);
const u32 = (b: Block, offset: number) => b.view.getUint32(b.at + offset, true);

/** 4-bit levels: the first half of the block in the low nibbles, the second in the high ones. */
function dequantiseNibbles(b: Block, qsAt: number, d: number, offset: number): void {
  for (let i = 0; i < 16; i++) {
    const q = u8(b, qsAt + i);
    b.out[b.to + i] = d * (q & 15) + offset;
    b.out[b.to + 16 + i] = d * (q >> 4) + offset;
  }
}

/** As above with a fifth bit from a 32-bit mask. */
function dequantiseFiveBits(b: Block, maskAt: number, d: number, offset: number): void {
  const high = u32(b, maskAt);
  for (let i = 0; i < 16; i++) {
    const q = u8(b, maskAt + 4 + i);
    b.out[b.to + i] = d * ((q & 15) | (((high >>> i) & 1) << 4)) + offset;
    b.out[b.to + 16 + i] = d * ((q >> 4) | (((high >>> (i + 16)) & 1) << 4)) + offset;
  }
}

/** Six-bit scale and minimum number `j` (0 to 7) from the twelve packed bytes of Q4_K and Q5_K. */
function unpackScale(b: Block, scalesAt: number, j: number): { scale: number; minimum: number } {
  if (j < 4) return { scale: u8(b, scalesAt + j) & 63, minimum: u8(b, scalesAt + j + 4) & 63 };
  const low = u8(b, scalesAt + j + 4);
  return {
    scale: (low & 15) | ((u8(b, scalesAt + j - 4) >> 6) << 4),
    minimum: (low >> 4) | ((u8(b, scalesAt + j) >> 6) << 4),
  };
}

function countBits(value: number): number {
  let bits = 0;
  for (let v = value; v !== 0; v &= v - 1) bits++;
  return bits;
}

/** IQ2 and IQ3 store seven signs; the eighth makes the number of minus signs even. */
const evenSigns = Uint8Array.from({ length: 128 }, (_, low) => low | ((countBits(low) & 1) << 7));

/** `count` grid levels with signs: bit i of `signs` negates level i. */
function writeGridRow(
  b: Block,
  to: number,
  grid: Int8Array,
  row: number,
  count: 4 | 8,
  scale: number,
  signs: number,
): void {
  for (let i = 0; i < count; i++) {
    const level = scale * (grid[row * count + i] ?? 0);
    b.out[b.to + to + i] = (signs >> i) & 1 ? -level : level;
  }
}

/** Non-linear 4-bit levels of IQ4_NL and IQ4_XS. */
const iq4Levels = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113] as const;

/** IQ1_S shifts its three levels by an eighth, up or down. */
const IQ1_DELTA = 0.125;

const dequantiseBlock: Readonly<Record<GgmlTypeName, DequantiseBlock>> = {
  F32: (b) => {
    b.out[b.to] = b.view.getFloat32(b.at, true);
  },
  F16: (b) => {
    b.out[b.to] = f16(b, 0);
  },
  BF16: (b) => {
    // bfloat16 is the upper half of a float32.
    scratchBits[0] = u16(b, 0) << 16;
    b.out[b.to] = scratchFloat[0] ?? 0;
  },
  Q4_0: (b) => {
    const d = f16(b, 0);
    dequantiseNibbles(b, 2, d, -8 * d);
  },
  Q4_1: (b) => dequantiseNibbles(b, 4, f16(b, 0), f16(b, 2)),
  Q5_0: (b) => {
    const d = f16(b, 0);
    dequantiseFiveBits(b, 2, d, -16 * d);
  },
  Q5_1: (b) => dequantiseFiveBits(b, 4, f16(b, 0), f16(b, 2)),
  Q8_0: (b) => {
    const d = f16(b, 0);
    for (let i = 0; i < 32; i++) b.out[b.to + i] = d * i8(b, 2 + i);
  },
  Q2_K: (b) => {
    const d = f16(b, 80);
    const dMin = f16(b, 82);
    for (let i = 0; i < 256; i++) {
      const half = i >> 7;
      const pair = (i >> 5) & 3;
      const scale = u8(b, i >> 4);
      const q = (u8(b, 16 + half * 32 + (i & 31)) >> (2 * pair)) & 3;
      b.out[b.to + i] = d * (scale & 15) * q - dMin * (scale >> 4);
    }
  },
  Q3_K: (b) => {
    const d = f16(b, 108);
    for (let i = 0; i < 256; i++) {
      const group = i >> 4;
      const low = (u8(b, 96 + (group & 7)) >> (group < 8 ? 0 : 4)) & 15;
      const high = (u8(b, 104 + (group & 3)) >> (2 * (group >> 2))) & 3;
      const scale = (low | (high << 4)) - 32;
      const q = (u8(b, 32 + (i >> 7) * 32 + (i & 31)) >> (2 * ((i >> 5) & 3))) & 3;
      // A cleared bit of the mask means "four less".
      const offset = (u8(b, i & 31) >> (i >> 5)) & 1 ? 0 : 4;
      b.out[b.to + i] = d * scale * (q - offset);
    }
  },
  Q4_K: (b) => {
    const d = f16(b, 0);
    const dMin = f16(b, 2);
    for (let group = 0; group < 8; group++) {
      const { scale, minimum } = unpackScale(b, 4, group);
      const qsAt = 16 + (group >> 1) * 32;
      for (let i = 0; i < 32; i++) {
        const q = (u8(b, qsAt + i) >> (4 * (group & 1))) & 15;
        b.out[b.to + group * 32 + i] = d * scale * q - dMin * minimum;
      }
    }
  },
  Q5_K: (b) => {
    const d = f16(b, 0);
    const dMin = f16(b, 2);
    for (let group = 0; group < 8; group++) {
      const { scale, minimum } = unpackScale(b, 4, group);
      const qsAt = 48 + (group >> 1) * 32;
      for (let i = 0; i < 32; i++) {
        const low = (u8(b, qsAt + i) >> (4 * (group & 1))) & 15;
        const q = low | (((u8(b, 16 + i) >> group) & 1) << 4);
        b.out[b.to + group * 32 + i] = d * scale * q - dMin * minimum;
      }
    }
  },
  Q6_K: (b) => {
    const d = f16(b, 208);
    for (let i = 0; i < 256; i++) {
      const half = i >> 7;
      const quarter = (i >> 5) & 3;
      const low = (u8(b, half * 64 + (quarter & 1) * 32 + (i & 31)) >> (4 * (quarter >> 1))) & 15;
      const high = (u8(b, 128 + half * 32 + (i & 31)) >> (2 * quarter)) & 3;
      b.out[b.to + i] = d * i8(b, 192 + (i >> 4)) * ((low | (high << 4)) - 32);
    }
  },
  IQ2_XXS: (b) => {
    const d = f16(b, 0);
    for (let group = 0; group < 8; group++) {
      const at = 2 + group * 8;
      const bits = u32(b, at + 4);
      const scale = d * (0.5 + (bits >>> 28)) * 0.25;
      for (let row = 0; row < 4; row++) {
        const signs = evenSigns[(bits >>> (7 * row)) & 127] ?? 0;
        writeGridRow(b, group * 32 + row * 8, iq2XxsGrid, u8(b, at + row), 8, scale, signs);
      }
    }
  },
  IQ2_XS: (b) => {
    const d = f16(b, 0);
    for (let row = 0; row < 32; row++) {
      const q = u16(b, 2 + row * 2);
      const group = row >> 1;
      const scale = d * (0.5 + ((u8(b, 66 + (group >> 1)) >> (4 * (group & 1))) & 15)) * 0.25;
      writeGridRow(b, row * 8, iq2XsGrid, q & 511, 8, scale, evenSigns[q >> 9] ?? 0);
    }
  },
  IQ2_S: (b) => {
    const d = f16(b, 0);
    for (let row = 0; row < 32; row++) {
      const high = (u8(b, 66 + (row >> 2)) >> (2 * (row & 3))) & 3;
      const group = row >> 1;
      const scale = d * (0.5 + ((u8(b, 74 + (group >> 1)) >> (4 * (group & 1))) & 15)) * 0.25;
      writeGridRow(b, row * 8, iq2SGrid, u8(b, 2 + row) | (high << 8), 8, scale, u8(b, 34 + row));
    }
  },
  IQ3_XXS: (b) => {
    const d = f16(b, 0);
    for (let group = 0; group < 8; group++) {
      const bits = u32(b, 66 + group * 4);
      const scale = d * (0.5 + (bits >>> 28)) * 0.5;
      for (let row = 0; row < 8; row++) {
        const signs = (evenSigns[(bits >>> (7 * (row >> 1))) & 127] ?? 0) >> (4 * (row & 1));
        writeGridRow(b, group * 32 + row * 4, iq3XxsGrid, u8(b, 2 + group * 8 + row), 4, scale, signs);
      }
    }
  },
  IQ3_S: (b) => {
    const d = f16(b, 0);
    for (let row = 0; row < 64; row++) {
      const high = (u8(b, 66 + (row >> 3)) >> (row & 7)) & 1;
      const group = row >> 3;
      const scale = d * (1 + 2 * ((u8(b, 106 + (group >> 1)) >> (4 * (group & 1))) & 15));
      const signs = u8(b, 74 + (row >> 1)) >> (4 * (row & 1));
      writeGridRow(b, row * 4, iq3SGrid, u8(b, 2 + row) | (high << 8), 4, scale, signs);
    }
  },
  IQ1_S: (b) => {
    const d = f16(b, 0);
    for (let group = 0; group < 8; group++) {
      const bits = u16(b, 34 + group * 2);
      const scale = d * (2 * ((bits >> 12) & 7) + 1);
      const delta = bits & 0x8000 ? -IQ1_DELTA : IQ1_DELTA;
      for (let row = 0; row < 4; row++) {
        const gridRow = u8(b, 2 + group * 4 + row) | (((bits >> (3 * row)) & 7) << 8);
        for (let i = 0; i < 8; i++)
          b.out[b.to + group * 32 + row * 8 + i] = scale * ((iq1SGrid[gridRow * 8 + i] ?? 0) + delta);
      }
    }
  },
  IQ4_NL: (b) => {
    const d = f16(b, 0);
    for (let i = 0; i < 16; i++) {
      const q = u8(b, 2 + i);
      b.out[b.to + i] = d * (iq4Levels[q & 15] ?? 0);
      b.out[b.to + 16 + i] = d * (iq4Levels[q >> 4] ?? 0);
    }
  },
  IQ4_XS: (b) => {
    const d = f16(b, 0);
    const high = u16(b, 2);
    for (let group = 0; group < 8; group++) {
      const low = (u8(b, 4 + (group >> 1)) >> (4 * (group & 1))) & 15;
      const scale = d * ((low | (((high >> (2 * group)) & 3) << 4)) - 32);
      for (let i = 0; i < 16; i++) {
        const q = u8(b, 8 + group * 16 + i);
        b.out[b.to + group * 32 + i] = scale * (iq4Levels[q & 15] ?? 0);
        b.out[b.to + group * 32 + 16 + i] = scale * (iq4Levels[q >> 4] ?? 0);
      }
    }
  },
};

const scratchBits = new Uint32Array(1);
const scratchFloat = new Float32Array(scratchBits.buffer);

/**
 * Values of whole blocks.
 * @param bytes a whole number of blocks of `type`
 * @returns as many f32 as the blocks hold, in file order
 * @throws RangeError when `bytes` is no whole number of blocks
 */
export function dequantise(type: GgmlType, bytes: Uint8Array): Float32Array {
  const blockCount = bytes.byteLength / type.blockBytes;
  if (!Number.isInteger(blockCount))
    throw new RangeError(`${bytes.byteLength} bytes are no whole number of ${type.name} blocks of ${type.blockBytes}`);
  const out = new Float32Array(blockCount * type.blockValues);
  const block: Block = {
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    at: 0,
    out,
    to: 0,
  };
  const dequantiseOne = dequantiseBlock[type.name];
  for (let i = 0; i < blockCount; i++) {
    dequantiseOne(block);
    block.at += type.blockBytes;
    block.to += type.blockValues;
  }
  return out;
}
