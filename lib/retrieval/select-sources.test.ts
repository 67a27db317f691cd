import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dropNearDuplicates } from './drop-near-duplicates.ts';
import { selectSources } from './select-sources.ts';

const candidates = fc.array(fc.record({ tokens: fc.nat(300) }), { maxLength: 10 });

describe('selectSources', () => {
  it('keeps within the budget, apart from a first passage that is longer by itself', () => {
    fc.assert(
      fc.property(candidates, fc.nat(800), fc.nat(6), (items, tokenBudget, topK) => {
        const selected = selectSources(items, { topK, tokenBudget });
        const tokens = selected.reduce((sum, item) => sum + item.tokens, 0);
        expect(selected.length).toBeLessThanOrEqual(topK);
        expect(tokens).toBeLessThanOrEqual(Math.max(tokenBudget, items[0]?.tokens ?? 0));
        expect(selected[0]).toBe(topK > 0 ? items[0] : undefined);
      }),
    );
  });

  it('passes over a passage that does not fit and takes a shorter one behind it', () => {
    const items = [{ tokens: 100 }, { tokens: 500 }, { tokens: 50 }];
    expect(selectSources(items, { topK: 3, tokenBudget: 200 })).toEqual([{ tokens: 100 }, { tokens: 50 }]);
  });
});

describe('dropNearDuplicates', () => {
  it('keeps the first of two texts that differ in case, punctuation and one word in twenty', () => {
    const words = Array.from({ length: 20 }, (_, index) => `word${index}`);
    const first = { text: words.join(' ') };
    const second = { text: `${words.join(', ').toUpperCase()} too.` };
    const third = { text: 'something else' };
    expect(dropNearDuplicates([first, second, third])).toEqual([first, third]);
  });

  it('keeps table rows that differ in their code', () => {
    const rows = ['MX-7731 Rotor 24', 'MX-7713 Rotor 24'].map((text) => ({ text }));
    expect(dropNearDuplicates(rows)).toEqual(rows);
  });
});
