import { expect, test } from 'vitest';
import { checkAnswer } from './answer-question.ts';
import { createTestSource } from './test-sources.ts';

const manual = createTestSource({
  text: 'The pump is delivered with four bolts.\nTighten the head bolts of the\nMX-7731 to 45 Nm. Store it dry.',
});
const question = 'To how many Nm must I tighten the head bolts?';

test('an answer that stands where the question points to is left alone', () => {
  const { text, citations } = checkAnswer('Tighten the head bolts to 45 Nm.', [manual], question, 'when-unverified');
  expect(text).toBe('Tighten the head bolts to 45 Nm.');
  expect(citations).toHaveLength(1);
});

test('an answer from elsewhere gets the sentence that the question points to, with exact offsets', () => {
  const { text, citations } = checkAnswer(
    'The pump is delivered with four bolts.',
    [manual],
    question,
    'when-unverified',
  );
  expect(text).toBe('The pump is delivered with four bolts.\n\n> Tighten the head bolts of the MX-7731 to 45 Nm.');
  const added = citations.at(-1);
  expect(text.slice(added?.answerStart, added?.answerEnd)).toBe('Tighten the head bolts of the MX-7731 to 45 Nm.');
  expect(manual.text.slice(added?.quoteStart, added?.quoteEnd)).toBe(
    'Tighten the head bolts of the\nMX-7731 to 45 Nm.',
  );
});

test('a wrong number is marked and the right sentence shown', () => {
  const { text, unsupportedSpans } = checkAnswer(
    'Tighten the head bolts to 54 Nm.',
    [manual],
    question,
    'when-unverified',
  );
  expect(text).toContain('> Tighten the head bolts of the MX-7731 to 45 Nm.');
  expect(unsupportedSpans.map(({ kind }) => kind)).toEqual(['number']);
});

test('no quotation when the configuration wants none, nor without sources', () => {
  expect(checkAnswer('Nobody knows.', [manual], question, 'never').text).toBe('Nobody knows.');
  expect(checkAnswer('Nobody knows.', [], question, 'always').text).toBe('Nobody knows.');
  expect(checkAnswer('', [manual], question, 'always').text).toBe('');
});
