import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseThreshold, type SupportSample, traceRefusals } from './trace-refusals.ts';

const sample = (kind: SupportSample['kind'], supportScore: number) => ({ kind, supportScore });
const samples = fc.array(
  fc.record({
    kind: fc.constantFrom('answerable' as const, 'unanswerable' as const),
    supportScore: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  { maxLength: 30 },
);

describe('traceRefusals', () => {
  it('counts what lies below each threshold', () => {
    const curve = traceRefusals([
      sample('answerable', 0.9),
      sample('answerable', 0.4),
      sample('unanswerable', 0.5),
      sample('unanswerable', 0.1),
    ]);
    expect(curve[0]).toEqual({ threshold: 0, falseRefusals: 0, refusals: 0 });
    expect(curve[45]).toEqual({ threshold: 0.45, falseRefusals: 0.5, refusals: 0.5 });
    expect(curve[100]).toEqual({ threshold: 1, falseRefusals: 1, refusals: 1 });
  });

  it('never refuses less at a higher threshold, and needs both kinds', () => {
    fc.assert(
      fc.property(samples, (all) => {
        const curve = traceRefusals(all);
        const hasBoth = new Set(all.map(({ kind }) => kind)).size === 2;
        expect(curve).toHaveLength(hasBoth ? 101 : 0);
        const falls = curve.filter((point, index) => {
          const before = curve[index - 1];
          return before && (point.refusals < before.refusals || point.falseRefusals < before.falseRefusals);
        });
        expect(falls).toEqual([]);
      }),
    );
  });
});

describe('chooseThreshold', () => {
  it('keeps to the bound on false refusals and refuses as much as that allows', () => {
    fc.assert(
      fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (all, bound) => {
        const curve = traceRefusals(all);
        const chosen = chooseThreshold(curve, bound);
        expect(chosen === null).toBe(curve.length === 0);
        if (chosen === null) return;
        expect(chosen.falseRefusals).toBeLessThanOrEqual(bound);
        const better = curve.filter((point) => point.falseRefusals <= bound && point.refusals > chosen.refusals);
        expect(better).toEqual([]);
      }),
    );
  });
});
