import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findNearDuplicates } from './find-near-duplicates.ts';
import { selectSources } from './select-sources.ts';

const unbounded = {
  topK: 4,
  tokenBudget: Number.POSITIVE_INFINITY,
  perDocument: 20,
  required: new Set<string>(),
};
const passage = (id: string, documentId = 'd', tokenCount = 10) => ({ id, documentId, text: id, tokenCount });
const candidates = fc.uniqueArray(
  fc.record({
    id: fc.stringMatching(/^[a-z]{1,6}$/),
    documentId: fc.constantFrom('a', 'b', 'c'),
    text: fc.stringMatching(/^[a-f]( [a-f]){0,3}$/),
    tokenCount: fc.nat(300),
  }),
  { maxLength: 12, selector: (item) => item.id },
);

describe('selectSources', () => {
  it('keeps within the budget, apart from a first passage that is longer by itself', () => {
    fc.assert(
      fc.property(candidates, fc.nat(800), fc.nat(6), fc.integer({ min: 1, max: 3 }), (items, budget, topK, limit) => {
        const { selected } = selectSources(items, { ...unbounded, topK, tokenBudget: budget, perDocument: limit });
        const tokens = selected.reduce((sum, item) => sum + item.tokenCount, 0);
        expect(selected.length).toBeLessThanOrEqual(topK);
        expect(tokens).toBeLessThanOrEqual(Math.max(budget, items[0]?.tokenCount ?? 0));
        expect(selected[0]).toBe(topK > 0 ? items[0] : undefined);
      }),
    );
  });

  it('keeps the order of the ranking, fills every place that it can, and says of each candidate what became of it', () => {
    fc.assert(
      fc.property(candidates, fc.nat(6), fc.integer({ min: 1, max: 3 }), (items, topK, perDocument) => {
        const { selected, fates } = selectSources(items, { ...unbounded, topK, perDocument });
        expect(selected).toEqual(items.filter((item) => selected.includes(item)));
        expect([...fates.keys()].toSorted()).toEqual(items.map((item) => item.id).toSorted());
        const distinct = items.length - findNearDuplicates(items).size;
        expect(selected).toHaveLength(Math.min(topK, distinct));
        for (const [index, { id }] of selected.entries()) {
          expect(fates.get(id)).toEqual({ kind: 'source', number: index + 1 });
        }
      }),
    );
  });

  it('passes over a passage that does not fit and takes a shorter one behind it', () => {
    const items = [passage('first', 'd', 100), passage('long', 'd', 500), passage('short', 'd', 50)];
    const { selected, fates } = selectSources(items, { ...unbounded, tokenBudget: 200 });
    expect(selected.map(({ id }) => id)).toEqual(['first', 'short']);
    expect(fates.get('long')).toEqual({ kind: 'over-budget' });
  });

  it('gives a required passage a place that a better one would have had', () => {
    const items = ['one', 'two', 'three', 'four'].map((id) => passage(id));
    const { selected, fates } = selectSources(items, { ...unbounded, topK: 2, required: new Set(['four']) });
    expect(selected.map(({ id }) => id)).toEqual(['one', 'four']);
    expect(fates.get('two')).toEqual({ kind: 'ranked-below' });
  });

  it('lets other documents in before one has more than its share', () => {
    const items = [passage('one', 'a'), passage('two', 'a'), passage('three', 'b')];
    const { selected, fates } = selectSources(items, { ...unbounded, topK: 2, perDocument: 1 });
    expect(selected.map(({ id }) => id)).toEqual(['one', 'three']);
    expect(fates.get('two')).toEqual({ kind: 'document-full' });
  });

  it('names the passage that a repetition repeats', () => {
    const text = Array.from({ length: 20 }, (_, index) => `word${index}`).join(' ');
    const items = [
      { ...passage('one'), text },
      { ...passage('two'), text: `${text} too` },
    ];
    const { selected, fates } = selectSources(items, { ...unbounded, required: new Set(['two']) });
    expect(selected.map(({ id }) => id)).toEqual(['one']);
    expect(fates.get('two')).toEqual({ kind: 'repeats', chunkId: 'one' });
  });
});

describe('findNearDuplicates', () => {
  it('finds the second of two texts that differ in case, punctuation and one word in twenty', () => {
    const words = Array.from({ length: 20 }, (_, index) => `word${index}`);
    const first = { id: '1', text: words.join(' ') };
    const second = { id: '2', text: `${words.join(', ').toUpperCase()} too.` };
    const third = { id: '3', text: 'something else' };
    expect([...findNearDuplicates([first, second, third])]).toEqual([['2', '1']]);
  });

  it('tells table rows apart that differ in their code', () => {
    const rows = ['MX-7731 Rotor 24', 'MX-7713 Rotor 24'].map((text, index) => ({ id: `${index}`, text }));
    expect(findNearDuplicates(rows).size).toBe(0);
  });
});
