import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findCutSentence, findWantedNeighbours, joinPages } from './join-pages.ts';

function join(before: string, after: string): string | null {
  const cut = findCutSentence(before, after);
  return cut && before.slice(cut.head.start, cut.head.end) + cut.separator + after.slice(cut.rest.start, cut.rest.end);
}

describe('findCutSentence', () => {
  it.each([
    ['Wait. Never open the lid while', 'the rotor turns. Then go on.', 'Never open the lid while the rotor turns.'],
    ['The pump is approved by the', 'Tarnwick works. It', 'The pump is approved by the Tarnwick works.'],
    ['Lid\n\nClose the valve before main-\n', '\ntenance begins.', 'Close the valve before maintenance begins.'],
    ['Order the seal TW-', '3318 today. Or', 'Order the seal TW-3318 today.'],
    ['- Drain the oil and\n', 'fill in the new one', 'Drain the oil and fill in the new one'],
  ])('joins “%s” and “%s”', (before, after, sentence) => {
    expect(join(before, after)).toContain(sentence);
  });

  it.each([
    ['a whole sentence', 'Wait for the sound.', 'then go on.'],
    ['a list that begins', 'You need:', 'a wrench and oil.'],
    ['a heading and a new page', 'Technical data', 'The pump weighs 40 kg.'],
    ['the next item of a list', 'Close the lid and', 'b) wait.'],
    ['rows of a table', 'Seal | MX-1', 'seal | MX-2'],
    ['a page number at the foot', 'Close the lid and\n\nPage 12', 'wait for the sound.'],
    ['a header at the top', 'Close the lid and', 'Operating instructions\n\nwait for the sound.'],
    ['an empty page', 'Close the lid and', ' \n'],
    ['a sentence without an end', 'Close the lid and', 'wait '.repeat(100)],
  ])('leaves apart %s', (_, before, after) => {
    expect(findCutSentence(before, after)).toBeNull();
  });
});

describe('joinPages', () => {
  const page = {
    pageNumber: 7,
    text: 'the rotor turns. Wait for the sound. Lift the lid and',
    before: null,
    after: null,
  };
  const whole = { start: 0, end: page.text.length };

  it('adds what stands on the pages beside, and says where', () => {
    const before = 'The lid locks. Never open it while';
    const after = 'take out the tube. Clean it.';
    const joined = joinPages({ ...page, before, after }, whole);
    expect(joined.text).toBe(
      'Never open it while the rotor turns. Wait for the sound. Lift the lid and take out the tube.',
    );
    expect(joined.parts?.map(({ pageNumber }) => pageNumber)).toEqual([6, 7, 8]);
  });

  it('adds nothing to a passage that does not touch the end of its page', () => {
    const range = { start: 17, end: 36 };
    expect(joinPages({ ...page, after: 'take out the tube.' }, range)).toEqual({
      text: 'Wait for the sound.',
      parts: null,
      range,
    });
    expect(findWantedNeighbours(page, range)).toEqual([]);
    expect(findWantedNeighbours(page, whole)).toEqual([6, 8]);
  });

  it('has pieces that are exact slices of their pages, in order', () => {
    const text = fc.stringMatching(/^[a-dA-D .!\n-]{0,120}$/);
    fc.assert(
      fc.property(text, text, text, fc.nat(120), fc.nat(120), (before, own, after, one, other) => {
        const range = { start: Math.min(one, other, own.length), end: Math.min(Math.max(one, other), own.length) };
        const joined = joinPages({ pageNumber: 2, text: own, before, after }, range);
        const pages = [before, own, after];
        let end = 0;
        for (const { pageNumber, startOffset, endOffset, textStart } of joined.parts ?? []) {
          const slice = pages[pageNumber - 1]?.slice(startOffset, endOffset) ?? '';
          expect(joined.text.slice(textStart, textStart + slice.length)).toBe(slice);
          expect(textStart).toBeGreaterThanOrEqual(end);
          end = textStart + slice.length;
        }
        expect(end).toBe(joined.parts ? joined.text.length : 0);
      }),
    );
  });
});
