import { describe, expect, it } from 'vitest';
import type { Citation, MessageView } from '#lib/domain/chat.ts';
import { formatAnswerForCopy } from './format-answer.ts';

const source = (number: number): MessageView['sources'][number] => ({
  number,
  documentId: 'd',
  versionId: 'v',
  chunkId: `c${number}`,
  documentTitle: 'Pump manual',
  pageNumber: number + 4,
  startOffset: 0,
  endOffset: 4,
  headings: [],
  text: 'text',
  score: 1,
  similarity: null,
  documentState: 'current',
});
const cite = (sourceNumber: number, answerEnd: number): Citation => ({
  sourceNumber,
  answerStart: 0,
  answerEnd,
  quoteStart: 0,
  quoteEnd: 1,
  quote: 'q',
  origin: 'model',
});

describe('formatAnswerForCopy', () => {
  it('writes the numbers behind the words and lists only cited sources', () => {
    const message = {
      content: 'Use 12 Nm. Stop.',
      citations: [cite(2, 10), cite(2, 10)],
      sources: [source(1), source(2)],
    };
    expect(formatAnswerForCopy(message)).toBe('Use 12 Nm. [2] Stop.\n\nSources\n[2] Pump manual, page 6');
  });

  it('lists every passage when none was cited, and nothing when there is none', () => {
    const message = { content: 'Yes.', citations: [], sources: [source(1), source(2)] };
    expect(formatAnswerForCopy(message)).toContain('[1] Pump manual, page 5\n[2] Pump manual, page 6');
    expect(formatAnswerForCopy({ ...message, sources: [] })).toBe('Yes.');
  });
});
