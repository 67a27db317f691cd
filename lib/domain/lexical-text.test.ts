import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prepareLexicalText } from './lexical-text.ts';

describe('prepareLexicalText', () => {
  it('keeps codes as typed and without separators, besides their parts', () => {
    expect(prepareLexicalText('Order MX-7731 when E-42 shows.')).toEqual({
      words: 'Order MX 7731 when E 42 shows',
      codes: ['mx-7731', 'mx7731', 'e-42', 'e42'],
    });
  });

  it('takes decimal numbers and paths with digits for codes, and hyphenated words not', () => {
    expect(prepareLexicalText('a well-known 2.5 mm bore').codes).toEqual(['2.5', '25']);
    expect(prepareLexicalText('read/write').codes).toEqual([]);
  });

  it('reads a typographic hyphen like a typed one', () => {
    expect(prepareLexicalText('MX‑7731').codes).toContain('mx-7731');
  });

  it('leaves the parser of the database nothing but words, digits and apostrophes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(prepareLexicalText(text).words).toMatch(/^[\p{L}\p{N}' ]*$/u);
      }),
    );
  });

  it('never makes a code with a space: codes travel space-separated', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        for (const code of prepareLexicalText(text).codes) expect(code).toMatch(/^\S+$/u);
      }),
    );
  });
});
