import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describePages, listSourceParts, locateInSource } from './source-parts.ts';

const PAGES = ['Never open the lid while', 'the rotor turns. Wait.'] as const;
const TEXT = 'open the lid while the rotor turns.';
const source = {
  pageNumber: 7,
  startOffset: 6,
  endOffset: 24,
  parts: [
    { pageNumber: 7, startOffset: 6, endOffset: 24, textStart: 0 },
    { pageNumber: 8, startOffset: 0, endOffset: 16, textStart: 19 },
  ],
};
const readPlace = ({ pageNumber, start, end }: { pageNumber: number; start: number; end: number }) =>
  PAGES[pageNumber - 7]?.slice(start, end);

describe('locateInSource', () => {
  it('has one place on each page that a quote touches', () => {
    expect(locateInSource(source, 0, TEXT.length).map(readPlace)).toEqual(['open the lid while', 'the rotor turns.']);
    expect(locateInSource(source, TEXT.indexOf('rotor'), TEXT.length).map(readPlace)).toEqual(['rotor turns.']);
    expect(locateInSource(source, 5, 8).map(readPlace)).toEqual(['the']);
  });

  it('finds the very words of the source, wherever a stretch begins and ends', () => {
    fc.assert(
      fc.property(fc.nat(TEXT.length), fc.nat(TEXT.length), (one, other) => {
        const [start, end] = [Math.min(one, other), Math.max(one, other)];
        const places = locateInSource(source, start, end);
        for (const place of places) expect(readPlace(place)).toBe(TEXT.slice(place.textStart, place.textEnd));
        const words = places.map(readPlace).join('').replaceAll(' ', '');
        expect(words).toBe(TEXT.slice(start, end).replaceAll(' ', ''));
      }),
    );
  });

  it('knows a source on one page', () => {
    const single = { pageNumber: 3, startOffset: 10, endOffset: 20 };
    expect(listSourceParts(single)).toEqual([{ ...single, textStart: 0 }]);
    expect(locateInSource(single, 2, 5)).toEqual([{ pageNumber: 3, start: 12, end: 15, textStart: 2, textEnd: 5 }]);
  });
});

it('names pages', () => {
  expect(describePages(listSourceParts(source))).toBe('pages 7–8');
  expect(describePages([{ pageNumber: 3 }])).toBe('page 3');
});
