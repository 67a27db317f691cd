import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuseRankings, RRF_K } from './fuse-rankings.ts';

const ids = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'), { maxLength: 8 });

const rank = (list: readonly string[], id: string) => (list.includes(id) ? list.indexOf(id) : Number.POSITIVE_INFINITY);
const fuse = (rankings: readonly (readonly string[])[], limit: number) =>
  fuseRankings(
    rankings.map((list) => ({ ids: list })),
    limit,
  );
const scores = (items: ReturnType<typeof fuseRankings>) => new Map(items.map((item) => [item.id, item.score]));

describe('fuseRankings', () => {
  it('scores by the sum of reciprocal ranks', () => {
    expect(fuse([['a', 'b'], ['b']], 10)).toEqual([
      { id: 'b', score: 1 / (RRF_K + 2) + 1 / (RRF_K + 1) },
      { id: 'a', score: 1 / (RRF_K + 1) },
    ]);
  });

  it('counts a list by its weight', () => {
    const rankings = [{ ids: ['a'], weight: 2 }, { ids: ['b', 'c'] }, { ids: ['c'], weight: 0 }];
    expect(fuseRankings(rankings, 10)).toEqual([
      { id: 'a', score: 2 / (RRF_K + 1) },
      { id: 'b', score: 1 / (RRF_K + 1) },
      { id: 'c', score: 1 / (RRF_K + 2) },
    ]);
  });

  it('keeps the order of a single list and returns each item once', () => {
    fc.assert(
      fc.property(ids, (ranking) => {
        expect(fuse([ranking, []], 100).map((item) => item.id)).toEqual(ranking);
      }),
    );
  });

  it('prefers what every list ranks at least as high', () => {
    fc.assert(
      fc.property(ids, ids, (first, second) => {
        const fused = fuse([first, second], 100).map((item) => item.id);
        const misplaced = fused.flatMap((a) =>
          fused.filter(
            (b) =>
              rank(first, a) < rank(first, b) &&
              rank(second, a) < rank(second, b) &&
              fused.indexOf(a) > fused.indexOf(b),
          ),
        );
        expect(misplaced).toEqual([]);
      }),
    );
  });

  it('does not depend on the order of the lists, apart from ties', () => {
    fc.assert(
      fc.property(ids, ids, (first, second) => {
        const forward = scores(fuse([first, second], 100));
        const backward = scores(fuse([second, first], 100));
        expect([...backward.keys()].sort()).toEqual([...forward.keys()].sort());
        for (const [id, score] of forward) expect(backward.get(id)).toBeCloseTo(score, 12);
      }),
    );
  });

  it('returns at most as many as asked for', () => {
    fc.assert(
      fc.property(ids, ids, fc.nat(12), (first, second, limit) => {
        expect(fuse([first, second], limit).length).toBeLessThanOrEqual(limit);
      }),
    );
  });
});
