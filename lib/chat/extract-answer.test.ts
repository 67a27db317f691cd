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
  const quoteBest = (question: string) => {
    const [best] = rankSentences(question, [warranty]);
    return best?.source.text.slice(best.span.start, best.span.end);
  };
  expect(quoteBest('How long is the warranty on a registered device?')).toMatch(/36 months$/);
  expect(quoteBest('How long is the warranty on a device that is not registered?')).toMatch(/24 months$/);
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
