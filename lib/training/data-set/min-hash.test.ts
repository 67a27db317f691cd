import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNearIndex, listShingles, measureJaccard } from './min-hash.ts';

const words = fc.array(fc.constantFrom('valve', 'pump', 'opens', 'closes', 'at', 'three', 'bar', 'the', 'seal'), {
  minLength: 5,
  maxLength: 30,
});

describe('createNearIndex', () => {
  it('finds an equal text whatever its case and signs, always', () => {
    fc.assert(
      fc.property(words, (list) => {
        const index = createNearIndex();
        index.add(list.join(' '));
        expect(index.find(`${list.join(', ').toUpperCase()}!`, 1)).toEqual([{ index: 0, similarity: 1 }]);
      }),
    );
  });

  it('returns nothing below the threshold', () => {
    fc.assert(
      fc.property(
        fc.array(words, { minLength: 2, maxLength: 12 }),
        fc.double({ min: 0.1, max: 1, noNaN: true }),
        (lists, threshold) => {
          const index = createNearIndex();
          const texts = lists.map((list) => list.join(' '));
          for (const text of texts) index.add(text);
          for (const found of index.find(texts[0] ?? '', threshold)) {
            expect(found.similarity).toBeGreaterThanOrEqual(threshold);
            expect(measureJaccard(listShingles(texts[0] ?? ''), listShingles(texts[found.index] ?? ''))).toBe(
              found.similarity,
            );
          }
        },
      ),
    );
  });

  it('finds a long text with a few words changed', () => {
    const text = Array.from({ length: 80 }, (_, at) => `word${at * 7}`);
    const index = createNearIndex();
    index.add(text.join(' '));
    const changed = text.with(40, 'other').join(' ');
    expect(index.find(changed, 0.8)[0]?.similarity).toBeGreaterThan(0.9);
    expect(index.find('something else entirely is said in this one', 0.2)).toEqual([]);
  });

  it('compares texts of one or two words by their words', () => {
    const index = createNearIndex();
    index.add('Hello there');
    expect(index.find('there, hello', 1)).toHaveLength(1);
    expect(index.find('Hello you', 1)).toHaveLength(0);
  });
});
