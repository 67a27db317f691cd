import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { completePassage } from './complete-passage.ts';

const PAGE =
  'The lid locks by itself. Never open the lid while the rotor turns,\nfor its energy is that of a small car. Wait for the sound.\n\nParts\n- Seal MX-1\n- Rotor MX-2\n';

function complete(part: string): string {
  const start = PAGE.indexOf(part);
  const range = completePassage(PAGE, { start, end: start + part.length });
  return PAGE.slice(range.start, range.end);
}

describe('completePassage', () => {
  it.each([
    [
      'both ends of a cut sentence',
      'while the rotor turns,\nfor its energy',
      'Never open the lid while the rotor turns,\nfor its energy is that of a small car.',
    ],
    ['the top of the page', 'locks by itself.', 'The lid locks by itself.'],
    ['nothing where sentences are whole', 'Wait for the sound.', 'Wait for the sound.'],
    ['no line of a list', '- Rotor MX-2', '- Rotor MX-2'],
  ])('adds %s', (_, part, expected) => {
    expect(complete(part)).toBe(expected);
  });

  it('always holds what it was given, grows within bounds and stays on the page', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-c .!?\n-]{0,900}$/), fc.nat(900), fc.nat(900), (page, one, other) => {
        const start = Math.min(one, other, page.length);
        const end = Math.min(Math.max(one, other), page.length);
        const grown = completePassage(page, { start, end });
        expect(grown.start).toBeLessThanOrEqual(start);
        expect(grown.end).toBeGreaterThanOrEqual(end);
        expect(start - grown.start).toBeLessThanOrEqual(300);
        expect(grown.end - end).toBeLessThanOrEqual(300);
        expect(grown.start).toBeGreaterThanOrEqual(0);
        expect(grown.end).toBeLessThanOrEqual(page.length);
      }),
    );
  });
});
