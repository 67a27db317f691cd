import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { dequantise } from './dequantise.ts';
import { createBlocks } from './dequantise-fixture.ts';
import { type GgmlTypeName, ggmlTypes } from './ggml-types.ts';

/**
 * First 16 hex digits of the SHA-256 of the f32 values (negative zero as zero) that gguf-py 0.17, the format authors' own
 * Python package, gives for the same 64 blocks.
 */
const expected: Record<GgmlTypeName, string> = {
  F32: 'd553f064d14133ba',
  F16: 'd1bf0d7a5f516392',
  Q4_0: '4ca6bb4302c74d8d',
  Q4_1: '53eaf57090c629dd',
  Q5_0: '5fa0fce00b5098fe',
  Q5_1: 'd67491a4241b1edd',
  Q8_0: 'd2b49b2876c08e21',
  Q2_K: '88def2f41439f2ca',
  Q3_K: '480e310d2e55654f',
  Q4_K: '11e732d50140bfee',
  Q5_K: '2e30059dfe958973',
  Q6_K: '525a222c77cb49f5',
  IQ2_XXS: '304cd038ccd5e117',
  IQ2_XS: '317b0f5dd8406f5c',
  IQ3_XXS: '88feb27c41c63ac8',
  IQ1_S: '1933bf4d4969e630',
  IQ4_NL: 'a5a10f64f3e4d719',
  IQ3_S: 'a92e454195778c7c',
  IQ2_S: 'be26622dfabf81a7',
  IQ4_XS: '3d6ba060bece732d',
  BF16: '62da1bf67ce8620e',
};

describe('dequantise', () => {
  it.each(Object.values(ggmlTypes))('gives the reference values of $name', (type) => {
    const values = dequantise(type, createBlocks(type, 64)).map((value) => value + 0);
    expect(values).toHaveLength(64 * type.blockValues);
    expect(createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex').slice(0, 16)).toBe(
      expected[type.name],
    );
  });

  it('refuses a part of a block', () => {
    expect(() => dequantise(ggmlTypes.Q4_K, new Uint8Array(143))).toThrow(/no whole number of Q4_K blocks/);
  });
});
