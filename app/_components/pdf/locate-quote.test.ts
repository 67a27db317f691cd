import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { locateQuote } from './locate-quote.ts';

const read = (items: readonly string[], quote: string, passage?: string) =>
  locateQuote(items, quote, passage).map(({ itemIndex, start, end }) => items[itemIndex]?.slice(start, end));

describe('locateQuote', () => {
  it('finds a quote that spans lines', () => {
    const items = ['Before. Tighten the bolt', ' to 12 Nm with', 'a torque wrench. After.'];
    expect(read(items, 'Tighten the bolt to 12 Nm with a torque wrench.')).toEqual([
      'Tighten the bolt',
      'to 12 Nm with',
      'a torque wrench.',
    ]);
  });

  it('sees through hyphenation, ligatures, odd spaces and quotation marks', () => {
    expect(read(['The ﬁl-', 'ter “A”\u00A0must be re\u00ADplaced'], 'filter "A" must be replaced')).toEqual([
      'ﬁl',
      'ter “A”\u00A0must be re\u00ADplaced',
    ]);
  });

  it('finds a row of a table, which extraction wrote with bars between the cells', () => {
    const items = ['TW-3318', 'Lid seal', '36.40', 'TW-3381', 'Gas spring for the lid, pair', '74.90'];
    expect(read(items, 'TW-3318 | Lid seal | 36.40')).toEqual(['TW-3318', 'Lid seal', '36.40']);
  });

  it('lets the passage decide between two equal places', () => {
    const items = ['Model A: replace the filter yearly.', 'Model B: replace the filter yearly.'];
    expect(locateQuote(items, 'replace the filter yearly.')).toEqual([]);
    expect(locateQuote(items, 'replace the filter yearly.', 'Model B: replace the filter yearly.')).toMatchObject([
      { itemIndex: 1, start: 9 },
    ]);
  });

  it('bridges a page header inside a long quote', () => {
    const items = [
      'The warranty covers defects of material for two years',
      'Page 7',
      'from the day of delivery to the first owner.',
    ];
    const quote = 'The warranty covers defects of material for two years from the day of delivery to the first owner.';
    expect(read(items, quote)).toEqual(items);
  });

  it('returns nothing for words that are not there', () => {
    expect(locateQuote(['The pump runs at 40 V.'], 'The pump runs at 48 V.')).toEqual([]);
    expect(locateQuote([], 'anything')).toEqual([]);
    expect(locateQuote(['text'], '  ')).toEqual([]);
  });

  it('finds any slice of a page again, however the page is cut into items', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 6, max: 40 }),
        fc.nat(),
        fc.nat(),
        fc.array(fc.nat(), { maxLength: 8 }),
        (count, a, b, cuts) => {
          const words = Array.from({ length: count }, (_, index) => `Word${String(index).padStart(3, '0')}`);
          const first = a % (count - 3);
          const quote = words.slice(first, first + 3 + (b % (count - first - 2))).join(' ');
          const page = words.join(' ');
          const places = [0, ...cuts.map((cut) => cut % page.length), page.length].sort((x, y) => x - y);
          const items = places.slice(1).map((end, index) => page.slice(places[index], end));
          expect(read(items, quote).join('').replaceAll(' ', '')).toBe(quote.replaceAll(' ', ''));
        },
      ),
    );
  });
});
