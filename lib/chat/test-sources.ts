import type { Source } from '#lib/domain/chat.ts';

/** A source for tests of this folder: only what the test names differs from the plain one. */
export function createTestSource(values: Partial<Source> & { readonly text: string }): Source {
  return {
    number: 1,
    documentId: 'document-1',
    versionId: 'version-1',
    chunkId: `chunk-${values.number ?? 1}`,
    documentTitle: 'Pump manual',
    pageNumber: 1,
    startOffset: 0,
    endOffset: values.text.length,
    headings: [],
    score: 0.03,
    similarity: 0.6,
    ...values,
  };
}

/** Pieces of text that break careless offsets: lone surrogates, combining marks, signs of both directions, brackets, digits. */
export const hostileCharacters: readonly string[] = [
  ...`a Z é 0 1 9 . , ; : ! ? - [ ] ( ) { } " ' % / \\ # * | >`.split(' '),
  ' ',
  '\n',
  '\t',
  '\u0000',
  '\u00AD',
  '\u0301',
  '\u200D',
  '\u202E',
  '\uFEFF',
  '\uD800',
  '\uDC00',
  '\u{1F469}\u200D\u{1F52C}',
  'ﬁ',
  'İ',
  'ß',
  '½',
  '٣',
  '−',
  '‐\n',
  '[1]',
  '【2】',
  ' kg',
  ' °C',
  ' March ',
  'MX-',
];
