import { describe, expect, it } from 'vitest';
import type { Source } from '#lib/domain/chat.ts';
import { readDraft } from './read-draft.ts';

const source = (number: number): Source => ({
  number,
  documentId: 'd',
  versionId: 'v',
  chunkId: `c${number}`,
  documentTitle: 'Manual',
  pageNumber: 1,
  startOffset: 0,
  endOffset: 4,
  headings: [],
  text: 'text',
  score: 1,
  similarity: null,
});

describe('readDraft', () => {
  it('turns known markers into citations at their place and leaves other brackets alone', () => {
    const { text, citations } = readDraft('Use 12 Nm [1]. Array[0] stays [9], both [1, 2].', [source(1), source(2)]);
    expect(text).toBe('Use 12 Nm. Array[0] stays [9], both.');
    expect(citations.map(({ sourceNumber, answerEnd }) => [sourceNumber, text.slice(0, answerEnd)])).toEqual([
      [1, 'Use 12 Nm'],
      [1, 'Use 12 Nm. Array[0] stays [9], both'],
      [2, 'Use 12 Nm. Array[0] stays [9], both'],
    ]);
  });

  it('holds back a marker that is not finished', () => {
    expect(readDraft('Use 12 Nm [', [source(1)]).text).toBe('Use 12 Nm');
    expect(readDraft('Use 12 Nm [1', [source(1)]).text).toBe('Use 12 Nm');
  });
});
