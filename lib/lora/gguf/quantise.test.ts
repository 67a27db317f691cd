import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dequantise } from './dequantise.ts';
import { ggmlTypes } from './ggml-types.ts';
import { quantise } from './quantise.ts';

/** 256 blocks of magnitudes from 2^-9 to 2^6, one of them of zeros, one with a value half way between two levels. */
function createValues(): Float32Array {
  const values = Float32Array.from({ length: 8192 }, (_, i) => {
    const unit = Number((BigInt(i) * 2_654_435_761n) % 2n ** 32n) / 2 ** 32 - 0.5;
    return unit * 2 ** ((Math.floor(i / 32) % 16) - 8);
  });
  values.fill(0, 64, 96);
  values[96] = 0.5;
  values[97] = -127;
  return values;
}

const finite = fc.float({ min: Math.fround(-60_000), max: Math.fround(60_000), noNaN: true });
const blocks = fc.array(finite, { minLength: 32, maxLength: 32 });

describe('quantise', () => {
  it('writes Q8_0 as the reference does', () => {
    // First 16 hex digits of the SHA-256 of what gguf-py 0.17, the format authors' own Python package, writes.
    const bytes = quantise('Q8_0', createValues());
    expect(createHash('sha256').update(bytes).digest('hex').slice(0, 16)).toBe('848206c62a5e624c');
  });

  it('loses half a level of a Q8_0 block at most', () => {
    fc.assert(
      fc.property(blocks, (values) => {
        const largest = Math.max(...values.map(Math.abs));
        const restored = dequantise(ggmlTypes.Q8_0, quantise('Q8_0', Float32Array.from(values)));
        // Half a level, and what the scale loses as a half (2^-11 of it, or 2^-25 where it is subnormal) at 127 levels.
        const bound = largest / 254 + 127 * Math.max(largest / 127 / 2 ** 11, 2 ** -25) * 1.001;
        for (const [i, value] of values.entries())
          expect(Math.abs((restored[i] ?? 0) - value)).toBeLessThan(bound + 1e-30);
      }),
    );
  });

  it.each(['F32', 'F16'] as const)('keeps what is already %s', (name) => {
    const once = dequantise(ggmlTypes[name], quantise(name, createValues()));
    expect(dequantise(ggmlTypes[name], quantise(name, once))).toEqual(once);
  });

  it.each([
    { name: 'F16', value: 70_000 },
    { name: 'F16', value: Number.NaN },
    { name: 'F32', value: Number.POSITIVE_INFINITY },
    { name: 'Q8_0', value: 9e6 },
    { name: 'Q8_0', value: Number.NaN },
  ] as const)('refuses $value as $name', ({ name, value }) => {
    const values = new Float32Array(32);
    values[7] = value;
    expect(() => quantise(name, values)).toThrow(String(value));
  });

  it('refuses a part of a block', () => {
    expect(() => quantise('Q8_0', new Float32Array(33))).toThrow('no whole number of Q8_0 blocks');
  });
});
