import fc from 'fast-check';
import { expect, it } from 'vitest';
import { selectMagnitude } from './ties.ts';

it('selects as sorting would', () => {
  const arrays = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(arrays, fc.nat(), (values, n) => {
      const count = 1 + (n % values.length);
      const sorted = values.map(Math.abs).toSorted((a, b) => b - a);
      expect(selectMagnitude(Float32Array.from(values), count)).toBe(sorted[count - 1]);
    }),
    { seed: 2 },
  );
});
