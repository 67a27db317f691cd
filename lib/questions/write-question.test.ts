import { expect, it } from 'vitest';
import type { ManualPassage } from '#db/repositories/manual-passages.ts';
import { checkSupport } from './check-support.ts';
import { forecastMinutes } from './forecast-questions.ts';
import { listStatements, planQuestions } from './plan-questions.ts';
import { readAnswer, readQuestion } from './write-question.ts';

const SENTENCE = 'A registered device has a warranty of 36 months.';

it.each([
  ['How long is the warranty on a device?', 'How long is the warranty on a device?'],
  ['Question: “How long is the warranty?” It is long.', 'How long is the warranty?'],
  ['The warranty is long.', null],
  ['Why warranty?', null],
  ['What is the capital of France today?', null],
  ['A registered device has a warranty of 36 months, right?', null],
])('reads “%s” as a question worth asking or not', (written, question) => {
  expect(readQuestion(written, SENTENCE)).toBe(question);
});

it('reads the first line of an answer, without marks', () => {
  expect(readAnswer('\nAnswer: “36 months”\nAnd more.')).toBe('36 months');
  expect(readAnswer('')).toBe('');
});

it('says what of an answer the quote does not bear out', () => {
  expect(checkSupport('The warranty is 36 months.', SENTENCE, 1)).toBeNull();
  expect(checkSupport('The warranty is 24 months.', SENTENCE, 1)).toBe('the quote does not have 24');
  expect(checkSupport('Nobody repairs centrifuges abroad.', SENTENCE, 1)).toMatch(/has 0 % of the answer/);
  expect(checkSupport('The warranty is 36 months.', SENTENCE, 0)).toMatch(/no likelier/);
});

const passage = (documentId: string, text: string): ManualPassage => ({
  chunkId: text,
  documentId,
  documentTitle: documentId,
  versionId: documentId,
  pageNumber: 1,
  startOffset: 0,
  endOffset: text.length,
  headings: [],
  text,
});

it('asks about whole statements, weighty ones first, spread over documents', () => {
  expect(listStatements('# Heading\n\nParts | Price\n\nIs it so?\n\nSee below:')).toEqual([]);
  const planned = planQuestions(
    [
      passage('a', `The device may be placed near any window. ${SENTENCE}`),
      passage('a', 'The lid must never be opened while it turns.'),
      passage('b', 'The rotor weighs 12 kg with all of its tubes.'),
    ],
    { maxRows: 2, refusalShare: 0 },
  );
  expect(planned.map(({ sentence }) => sentence)).toEqual([SENTENCE, 'The rotor weighs 12 kg with all of its tubes.']);
});

it('forecasts by the last time that was measured', () => {
  expect(forecastMinutes(10, [])).toBe(2);
  expect(
    forecastMinutes(10, [
      { read: 2, seconds: 60 },
      { read: 0, seconds: 0 },
    ]),
  ).toBe(5);
});
