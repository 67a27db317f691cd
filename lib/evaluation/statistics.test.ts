import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  adviseMoreCases,
  binomialUpperTail,
  bootstrapMean,
  correctForMany,
  estimateMean,
  meanOf,
  measureKappa,
  normalQuantile,
  testMcNemar,
  testMeanBelow,
} from './statistics.ts';

const DIFFERENCE = { low: -1, high: 1 };
const values = fc.array(
  fc.record({
    value: fc.double({ min: -1, max: 1, noNaN: true }),
    weight: fc.double({ min: 0.1, max: 10, noNaN: true }),
  }),
  { minLength: 1, maxLength: 60 },
);
const evenly = (numbers: readonly number[]) => numbers.map((value) => ({ value, weight: 1 }));

describe('measureKappa', () => {
  it('is 1 for raters who agree, 0 for one who always says the same, and known from a table', () => {
    const first = [true, true, true, false, false, false];
    expect(measureKappa(first, first)).toBe(1);
    expect(
      measureKappa(
        first,
        first.map(() => true),
      ),
    ).toBeCloseTo(0, 12);
    // 4 of 6 agree, 1 of 2 by habit.
    expect(measureKappa(first, [true, true, false, false, false, true])).toBeCloseTo((4 / 6 - 0.5) / 0.5, 12);
    expect(measureKappa([true], [true])).toBeNaN();
    expect(measureKappa([], [])).toBeNaN();
  });
});

describe('exact tests', () => {
  it('agrees with values worked out by hand', () => {
    // 10 of 10 coins: 1/1024; 8 or more of 10: (45 + 10 + 1)/1024.
    expect(binomialUpperTail(10, 10, 0.5)).toBeCloseTo(1 / 1024, 9);
    expect(testMcNemar(8, 2)).toBeCloseTo(56 / 1024, 9);
    expect(testMcNemar(0, 0)).toBe(1);
    expect(binomialUpperTail(1, 3, 0.2)).toBeCloseTo(1 - 0.8 ** 3, 9);
  });

  it('sums both tails to one and the point that both hold', () => {
    fc.assert(
      fc.property(fc.nat(80), fc.nat(80), (wins, losses) => {
        const either = testMcNemar(wins, losses) + testMcNemar(losses, wins);
        expect(either).toBeGreaterThanOrEqual(1 - 1e-9);
        expect(either).toBeLessThanOrEqual(2 + 1e-9);
      }),
    );
  });

  it('gives less room for chance with every further win', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), (wins, losses) => {
        expect(testMcNemar(wins + 1, losses)).toBeLessThanOrEqual(testMcNemar(wins, losses) + 1e-9);
      }),
    );
  });

  it('knows the quantiles of the normal distribution', () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963985, 7);
    expect(normalQuantile(0.5)).toBeCloseTo(0, 9);
    expect(normalQuantile(0.001)).toBeCloseTo(-3.090232306, 7);
  });
});

describe('intervals', () => {
  it('hold the mean, lie within the ends, and are the same every time', () => {
    fc.assert(
      fc.property(values, (sample) => {
        const interval = estimateMean(sample, DIFFERENCE, 0.05);
        const mean = meanOf(sample);
        expect(interval.low).toBeLessThanOrEqual(mean + 1e-9);
        expect(interval.high).toBeGreaterThanOrEqual(mean - 1e-9);
        expect(interval.low).toBeGreaterThanOrEqual(-1);
        expect(interval.high).toBeLessThanOrEqual(1);
        expect(estimateMean(sample, DIFFERENCE, 0.05)).toEqual(interval);
      }),
      { numRuns: 50 },
    );
  });

  it('grow with the certainty that is asked for', () => {
    fc.assert(
      fc.property(values, (sample) => {
        const wide = estimateMean(sample, DIFFERENCE, 0.01);
        const narrow = estimateMean(sample, DIFFERENCE, 0.2);
        expect(wide.low).toBeLessThanOrEqual(narrow.low + 1e-9);
        expect(wide.high).toBeGreaterThanOrEqual(narrow.high - 1e-9);
      }),
      { numRuns: 50 },
    );
  });

  it('do not claim certainty from a few cases that agree, as the bare bootstrap does', () => {
    const same = evenly(Array.from({ length: 20 }, () => 0));
    expect(bootstrapMean(same, 0.05)).toEqual({ low: 0, high: 0 });
    const { low, high } = estimateMean(same, DIFFERENCE, 0.05);
    expect(low).toBeLessThan(-0.05);
    expect(high).toBeGreaterThan(0.05);
  });

  it('turn upside down with the values', () => {
    const sample = evenly([1, 1, 0, 0, 0, -1, 1, 1, 0, 1]);
    const down = testMeanBelow(
      sample.map(({ value, weight }) => ({ value: -value, weight })),
      0,
      DIFFERENCE,
    );
    expect(testMeanBelow(sample, 0, DIFFERENCE) + down).toBeCloseTo(1, 6);
  });
});

describe('correctForMany', () => {
  it('is the textbook example', () => {
    const adjusted = correctForMany([0.01, 0.04, 0.03, 0.005]);
    for (const [index, expected] of [0.03, 0.06, 0.06, 0.02].entries())
      expect(adjusted[index]).toBeCloseTo(expected, 9);
  });

  it('never makes a claim stronger and keeps their order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }), (pValues) => {
        const adjusted = correctForMany(pValues);
        expect(adjusted.every((p, i) => p >= (pValues[i] ?? 0) && p <= 1)).toBe(true);
        const pairs = pValues.map((p, i) => ({ p, adjusted: adjusted[i] ?? 1 })).sort((a, b) => a.p - b.p);
        expect(pairs.map((pair) => pair.adjusted)).toEqual(adjusted.toSorted((a, b) => a - b));
      }),
    );
  });
});

describe('adviseMoreCases', () => {
  it('asks for more when the mean is near the limit, and gives up when it is on it', () => {
    const sample = evenly([...Array.from({ length: 30 }, () => 0), 1, 1, 1]);
    const far = adviseMoreCases(sample, -0.3, DIFFERENCE, 0.05) ?? Number.POSITIVE_INFINITY;
    const near = adviseMoreCases(sample, 0, DIFFERENCE, 0.05) ?? Number.POSITIVE_INFINITY;
    expect(far).toBeLessThan(near);
    expect(adviseMoreCases(evenly([1, -1, 1, -1]), 0, DIFFERENCE, 0.05)).toBeNull();
    expect(adviseMoreCases([], 0, DIFFERENCE, 0.05)).toBeNull();
  });

  it('asks for dozens and not for thousands where a handful already lies far beyond the limit', () => {
    const more = adviseMoreCases(evenly([-1, -1, -1, -1, 0, 0, 0]), -0.4, DIFFERENCE, 0.05);
    expect(more).toBeGreaterThan(20);
    expect(more).toBeLessThan(200);
  });
});
