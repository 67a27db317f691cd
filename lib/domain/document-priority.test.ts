import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyPriorities, documentPriorities, type PrioritisedPassage } from './document-priority.ts';

const rank = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `p${index + 1}`, score: 2 / (60 + index + 1) }));
const ids = (items: readonly { readonly id: string }[]) => items.map((item) => item.id);

describe('applyPriorities', () => {
  it('changes nothing where nothing has a priority', () => {
    expect(applyPriorities(rank(5), new Map(), 3)).toEqual(rank(5));
  });

  it('lifts a boosted passage past near ones, not past far ones', () => {
    const boosted = new Map([['p8', { documentId: 'd', priority: 'boosted' as const }]]);
    expect(ids(applyPriorities(rank(10), boosted, 5)).indexOf('p8')).toBe(1);
    const late = new Map([['p20', { documentId: 'd', priority: 'boosted' as const }]]);
    expect(ids(applyPriorities(rank(20), late, 5)).indexOf('p20')).toBe(12);
  });

  it('keeps a place for the best passage of a document that must be included, and for that one only', () => {
    const always: ReadonlyMap<string, PrioritisedPassage> = new Map([
      ['p9', { documentId: 'd', priority: 'always' }],
      ['p7', { documentId: 'd', priority: 'always' }],
    ]);
    expect(ids(applyPriorities(rank(10), always, 3))).toEqual([
      'p1',
      'p2',
      'p7',
      'p3',
      'p4',
      'p5',
      'p6',
      'p8',
      'p9',
      'p10',
    ]);
  });

  it('loses and doubles nothing, keeps one place open, and places each document that fits', () => {
    const passages = fc.uniqueArray(
      fc.record({
        id: fc.integer({ min: 0, max: 60 }).map(String),
        score: fc.double({ min: 0, max: 1, noNaN: true }),
        documentId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
        priority: fc.constantFrom(...documentPriorities),
      }),
      { selector: (passage) => passage.id },
    );
    fc.assert(
      fc.property(passages, fc.integer({ min: 1, max: 8 }), (given, topK) => {
        const byDocument = new Map<string, PrioritisedPassage['priority'] | 'normal'>();
        for (const { documentId, priority } of given) byDocument.set(documentId, priority);
        const ranked = given.toSorted((a, b) => b.score - a.score).map(({ id, score }) => ({ id, score }));
        const prioritised = new Map<string, PrioritisedPassage>();
        for (const { id, documentId } of given) {
          const priority = byDocument.get(documentId) ?? 'normal';
          if (priority !== 'normal') prioritised.set(id, { documentId, priority });
        }
        const placed = applyPriorities(ranked, prioritised, topK);
        expect(ids(placed).toSorted()).toEqual(ids(ranked).toSorted());
        const first = placed.slice(0, topK).map(({ id }) => prioritised.get(id));
        const wanted = new Set(
          [...prioritised.values()].filter((each) => each.priority === 'always').map((each) => each.documentId),
        );
        const got = new Set(first.filter((each) => each?.priority === 'always').map((each) => each?.documentId));
        expect(got.size).toBeGreaterThanOrEqual(Math.min(wanted.size, topK - 1));
      }),
    );
  });
});
