import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { longestEvaluation, planCuts } from './prefill.ts';

const BLOCK = 128;

describe('planCuts', () => {
  it('leaves a short prompt whole and never a short rest', () => {
    expect(planCuts(127, BLOCK)).toEqual([]);
    expect(planCuts(128, BLOCK)).toEqual([64]);
    expect(planCuts(255, BLOCK)).toEqual([64]);
    expect(planCuts(256, BLOCK)).toEqual([64, 192]);
  });

  it('cuts in pieces of half a block to the longest evaluation, at the same places for every prompt', () => {
    fc.assert(
      fc.property(fc.integer({ min: BLOCK / 2, max: 4096 }), fc.nat(4096), (length, otherLength) => {
        const cuts = planCuts(length, BLOCK);
        const pieces = [...cuts, length].map((end, index) => end - (cuts[index - 1] ?? 0));
        for (const piece of pieces) {
          expect(piece).toBeGreaterThanOrEqual(BLOCK / 2);
          expect(piece).toBeLessThanOrEqual(longestEvaluation(BLOCK));
        }
        const shared = Math.min(cuts.length, planCuts(otherLength, BLOCK).length);
        expect(planCuts(otherLength, BLOCK).slice(0, shared)).toEqual(cuts.slice(0, shared));
      }),
    );
  });
});
