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
    const word = fc.stringMatching(/^[a-zA-Z0-9]{3,8}$/);
    fc.assert(
      fc.property(fc.uniqueArray(word, { minLength: 6, maxLength: 30 }), fc.nat(), fc.nat(), (words, a, b) => {
        const first = a % (words.length - 3);
        const count = 3 + (b % (words.length - first - 2));
        const quoted = words.slice(first, first + count).join(' ');
        const items = words.map((each) => `${each} `);
        const found = read(items, quoted, words.join(' '));
        // Equal words in another case may make the place ambiguous; a found place is always the right words.
        if (found.length > 0) expect(found.join('').toLowerCase()).toBe(quoted.replaceAll(' ', '').toLowerCase());
        const isUnique = words.join('').toLowerCase().split(quoted.replaceAll(' ', '').toLowerCase()).length === 2;
        if (isUnique) expect(found).not.toEqual([]);
      }),
    );
  });
});
