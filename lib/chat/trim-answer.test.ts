import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { hostileCharacters } from './test-sources.ts';
import { repeatsQuestion, trimAnswer } from './trim-answer.ts';

const whole = { isCut: false };

test('drops lead-ins and labels', () => {
  expect(trimAnswer('Answer: 45 Nm', whole)).toBe('45 Nm');
  expect(trimAnswer('The text mentions that the valve opens at 12 bar.', whole)).toBe('The valve opens at 12 bar.');
  expect(trimAnswer('The answer is 45 Nm.', whole)).toBe('45 Nm.');
  expect(trimAnswer('Answer this question from the text above in a few words: Red.', whole)).toBe('Red.');
  expect(trimAnswer('Answer:', whole)).toBe('Answer:');
  expect(trimAnswer('Answering machines are grey.', whole)).toBe('Answering machines are grey.');
});

test('drops a last sentence that the limit cut off, but never the only one', () => {
  expect(trimAnswer('The valve opens at 12 bar. It closes at', { isCut: true })).toBe('The valve opens at 12 bar.');
  expect(trimAnswer('The valve opens at', { isCut: true })).toBe('The valve opens at');
  expect(trimAnswer('The valve opens at 12 bar. It closes at 9', whole)).toBe(
    'The valve opens at 12 bar. It closes at 9',
  );
});

test('keeps as many sentences as the prompt allows', () => {
  expect(trimAnswer('One is red. Two is blue. Three is', { maxSentences: 2, isCut: true })).toBe(
    'One is red. Two is blue.',
  );
});

test('recognises a question given back', () => {
  expect(
    repeatsQuestion('A welding process was demonstrated in 1901.', 'What welding process was demonstrated in 1901?'),
  ).toBe(true);
  expect(repeatsQuestion('Oxyacetylene welding', 'What welding process was demonstrated in 1901?')).toBe(false);
  expect(repeatsQuestion('Yes.', 'Is it safe?')).toBe(false);
  expect(repeatsQuestion('2', 'How many pumps are there?')).toBe(false);
});

test('never writes anything of its own', () => {
  const text = fc.array(fc.constantFrom(...hostileCharacters, 'Answer: ', 'The text says that '), { maxLength: 60 });
  fc.assert(
    fc.property(text, fc.boolean(), fc.nat(3), (pieces, isCut, maxSentences) => {
      const raw = pieces.join('');
      const trimmed = trimAnswer(raw, { isCut, maxSentences: maxSentences + 1 });
      expect(raw.slice(1).toLowerCase().includes(trimmed.slice(1).toLowerCase()) || trimmed.length <= 1).toBe(true);
    }),
    { numRuns: 200 },
  );
});
