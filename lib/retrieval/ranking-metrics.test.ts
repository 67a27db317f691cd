import { describe, expect, it } from 'vitest';
import { measureNdcg, measureRecall, measureReciprocalRank } from './ranking-metrics.ts';

const judgements = new Map([
  ['a', 2],
  ['b', 1],
  ['c', 0],
]);

describe('ranking metrics', () => {
  it('give 1 for the ideal order and 0 where nothing is found', () => {
    expect(measureNdcg(['a', 'b', 'c'], judgements, 10)).toBe(1);
    expect(measureNdcg(['x', 'y'], judgements, 10)).toBe(0);
    expect(measureNdcg(['a'], new Map(), 10)).toBe(0);
    expect(measureRecall(['b', 'a'], judgements, 10)).toBe(1);
    expect(measureReciprocalRank(['c', 'x'], judgements, 10)).toBe(0);
  });

  it('follow their formulas', () => {
    const ideal = 2 / Math.log2(2) + 1 / Math.log2(3);
    expect(measureNdcg(['x', 'b', 'a'], judgements, 10)).toBeCloseTo((1 / Math.log2(3) + 2 / Math.log2(4)) / ideal, 12);
    expect(measureRecall(['a', 'x'], judgements, 10)).toBe(0.5);
    expect(measureReciprocalRank(['c', 'x', 'b'], judgements, 10)).toBeCloseTo(1 / 3, 12);
  });

  it('look no further than k', () => {
    expect(measureNdcg(['x', 'a'], judgements, 1)).toBe(0);
    expect(measureRecall(['x', 'a'], judgements, 1)).toBe(0);
    expect(measureReciprocalRank(['x', 'a'], judgements, 1)).toBe(0);
  });
});
