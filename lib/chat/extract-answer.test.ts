import { expect, test } from 'vitest';
import type { Source } from '#lib/domain/chat.ts';
import { extractAnswer, rankSentences } from './extract-answer.ts';

const source = (number: number, text: string): Source => ({
  number,
  documentId: 'd',
  versionId: 'v',
  chunkId: `c${number}`,
  documentTitle: 'Manual',
  pageNumber: 1,
  startOffset: 0,
  endOffset: text.length,
  headings: [],
  text,
  score: 1 / number,
  similarity: 0.5,
});

const table = source(
  1,
  'Code | Meaning | Cause | Remedy\nE13 | Sensor short | Sensor wet | Dry the chamber\nE14 | Compressor overload | Restarted too soon | Wait 10 minutes',
);

test('a code that is asked for finds its row, not the head of the table', () => {
  const [best] = rankSentences('What does error code E14 mean and what should I do?', [table]);
  expect(best && best.source.text.slice(best.span.start, best.span.end)).toMatch(/^E14 .*Wait 10 minutes$/);
});

test('a row that denies what is asked comes after the row that grants it', () => {
  const warranty = source(
    1,
    'Item | Duration\nDevice, not registered | 24 months\nDevice, registered within 30 days of delivery | 36 months',
  );
  expect(quoteBest('How long is the warranty on a registered device?', warranty)).toMatch(/36 months$/);
  expect(quoteBest('How long is the warranty on a device that is not registered?', warranty)).toMatch(/24 months$/);
});

test('the head of a table speaks for its rows, be it in the passage or above a table that goes on', () => {
  const parts = source(1, 'Order number | Part | Price\nTW-2054 | Lid release pin | 9.60\nTW-3318 | Lid seal | 36.40');
  const rotors = {
    ...source(2, 'MX-7741 | Aerosol-tight lid | 198.00\nTW-3340 | Seal for aerosol-tight lids, set of 5 | 42.50'),
    headings: ['Order number | Part | Price'],
  };
  const [best] = rankSentences('What is the order number of the lid seal, and what does it cost?', [parts, rotors]);
  expect(best && best.source.text.slice(best.span.start, best.span.end)).toMatch(/^TW-3318/);
});

function quoteBest(question: string, passage: Source) {
  const [best] = rankSentences(question, [passage]);
  return best?.source.text.slice(best.span.start, best.span.end);
}

test('a denial of something else is no denial', () => {
  const passage = source(1, 'When the rotor does not turn any more, the lid opens. The lid opens slowly by itself.');
  expect(quoteBest('When does the lid open?', passage)).toMatch(/^When the rotor/);
});

test('a heading speaks for the lines below it', () => {
  const passage = source(1, 'The lid has two hinges and a seal. Wait twenty minutes, then turn the release pin.');
  const below = { ...source(2, 'Wait ten minutes, then pull the lever.'), headings: ['Opening after a power failure'] };
  const [best] = rankSentences('What do I do after a power failure?', [passage, below]);
  expect(best?.source.number).toBe(2);
});

test('a question for a number prefers the sentence that has one', () => {
  const passage = source(
    1,
    'The mass of the centrifuge is printed on its plate. Mass of the centrifuge, empty | 52 kg',
  );
  expect(quoteBest('How much mass does the centrifuge have?', passage)).toMatch(/52 kg$/);
  expect(quoteBest('Where is the mass of the centrifuge printed?', passage)).toMatch(/plate\.$/);
});

test('an extracted answer is made of exact, cited slices', () => {
  const { text, citations } = extractAnswer('How long do I wait after E14?', [
    table,
    source(2, 'Keep the lid closed.'),
  ]);
  expect(text).toContain('Wait 10 minutes');
  for (const citation of citations) expect(text.slice(citation.answerStart, citation.answerEnd)).toBe(citation.quote);
});

test('without passages there is nothing to say', () => {
  expect(extractAnswer('Anything?', [])).toEqual({ text: '', citations: [] });
});
