import fc from 'fast-check';
import { expect, it } from 'vitest';
import { markDifferences } from './mark-differences.ts';

it('marks the words that are not in the other answer', () => {
  const marked = markDifferences('Tighten the bolts to 54 Nm, please.', 'Tighten the bolts to 45 Nm.');
  expect(marked.filter(({ isOwn }) => isOwn).map(({ text }) => text.trim())).toEqual(['54', ', please']);
});

it('marks nothing in equal answers and everything against none', () => {
  expect(markDifferences('The same.', 'The same.')).toEqual([{ text: 'The same.', isOwn: false }]);
  expect(markDifferences('All new', '')).toEqual([{ text: 'All new', isOwn: true }]);
});

it('joins to the answer', () => {
  const words = fc
    .array(fc.constantFrom('the', 'pump', '45', 'Nm', 'no'), { maxLength: 12 })
    .map((all) => all.join(' '));
  fc.assert(
    fc.property(words, words, (answer, other) => {
      expect(
        markDifferences(answer, other)
          .map(({ text }) => text)
          .join(''),
      ).toBe(answer);
    }),
  );
});
