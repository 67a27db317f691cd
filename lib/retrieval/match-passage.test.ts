import { describe, expect, it } from 'vitest';
import { isSamePassage, type PassagePlace } from './match-passage.ts';

const marked: PassagePlace = {
  documentId: 'manual',
  versionId: 'first',
  pageNumber: 3,
  startOffset: 100,
  endOffset: 200,
  text: 'Clean the seal of the lid every week with warm water',
};

describe('isSamePassage', () => {
  it('goes by place in the same version: half of the shorter one is enough', () => {
    expect(isSamePassage({ ...marked, startOffset: 0, endOffset: 150, text: 'whatever' }, marked)).toBe(true);
    expect(isSamePassage({ ...marked, startOffset: 110, endOffset: 130 }, marked)).toBe(true);
    expect(isSamePassage({ ...marked, startOffset: 151, endOffset: 300 }, marked)).toBe(false);
    expect(isSamePassage({ ...marked, pageNumber: 4 }, marked)).toBe(false);
  });

  it('goes by words in another version', () => {
    const later = { ...marked, versionId: 'second', pageNumber: 7, startOffset: 0, endOffset: 60 };
    expect(isSamePassage({ ...later, text: 'New! Clean the seal of the lid every day with warm water.' }, marked)).toBe(
      true,
    );
    expect(isSamePassage({ ...later, text: 'Oil the rotor of the pump every year' }, marked)).toBe(false);
  });

  it('never finds it in another document, nor in nothing', () => {
    expect(isSamePassage({ ...marked, documentId: 'other' }, marked)).toBe(false);
    expect(isSamePassage({ ...marked, startOffset: 150, endOffset: 150 }, marked)).toBe(false);
  });
});
