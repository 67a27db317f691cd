/**
 * Words and sentences with offsets, for matching an answer against passages. Every offset is in UTF-16 code units of the
 * text as given, so a match can always be shown as an exact slice.
 */

export interface Span {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

export interface Word extends Span {
  /** Compatibility-normalised, lower case, without accents and soft hyphens; a word broken over a line end is joined. */
  readonly key: string;
}

/**
 * Letters and digits; a hyphen followed by a line end between two lower-case letters joins the halves, as typesetting
 * broke them. Joining digits would invent part numbers.
 */
const WORD = /[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}\u00AD]|(?<=\p{Ll})[-\u2010]\r?\n[ \t]*(?=\p{Ll}))*/gu;

const COMBINING = /[\p{M}\u00AD]/gu;

export function normaliseWord(word: string): string {
  return word
    .replaceAll(/[-\u2010]\r?\n[ \t]*/g, '')
    .normalize('NFKD')
    .replaceAll(COMBINING, '')
    .toLowerCase();
}

export function findWords(text: string, within: Span = { start: 0, end: text.length }): Word[] {
  const words: Word[] = [];
  for (const match of text.slice(within.start, within.end).matchAll(WORD)) {
    const start = within.start + match.index;
    words.push({ key: normaliseWord(match[0]), start, end: start + match[0].length });
  }
  return words;
}

/** Abbreviations after which a full stop ends no sentence. */
const ABBREVIATIONS = new Set(
  'mr mrs ms dr prof st vs etc no nos fig figs e.g i.e inc ltd co corp approx max min sec p pp art u.s u.k vol ca cf al'.split(
    ' ',
  ),
);

/** Ends of sentences, paragraphs, list items, and rows of a table (cells are parted by ` | `, one row a line). */
const BOUNDARY =
  /[.!?…]+["'”’)\]]*(?=\s|$)|\n\s*\n|\n(?=\s*(?:[-*•·|#>]|\d{1,3}[.)]\s))|\n(?=[^\n]*\S \| \S)|(?<=\S \| [^\n]*)\n/gu;

/** Sentences, list items and paragraphs, trimmed, in order. Text without any letter or digit gives none. */
export function findSentences(text: string): Span[] {
  const sentences: Span[] = [];
  let start = 0;
  const push = (end: number) => {
    const piece = text.slice(start, end);
    const left = piece.length - piece.trimStart().length;
    const trimmed = piece.trim();
    if (/[\p{L}\p{N}]/u.test(trimmed)) sentences.push({ start: start + left, end: start + left + trimmed.length });
    start = end;
  };
  for (const match of text.matchAll(BOUNDARY)) {
    const end = match.index + match[0].length;
    if (match[0].startsWith('.') && match[0].length === 1) {
      const before = /(?:^|[\s("'])([\p{L}.]+|\d{1,3})$/u.exec(
        text.slice(Math.max(start, match.index - 12), match.index),
      );
      const word = before?.[1]?.toLowerCase();
      const isInitial = word !== undefined && /^\p{L}$/u.test(word) && word !== 'i';
      const isListNumber = word !== undefined && /^\d+$/.test(word) && text.slice(start, match.index).trim() === word;
      if (word !== undefined && (ABBREVIATIONS.has(word) || isInitial || isListNumber)) continue;
    }
    push(end);
  }
  push(text.length);
  return sentences;
}

/** Words that carry no content of their own; they count for runs, never for coverage. */
const FUNCTION_WORDS = new Set(
  (
    'a an the and or but nor so if then than that this these those there here it its they them their he she his her him we us our ' +
    'you your i me my is are was were be been being am do does did done doing have has had having will would shall should can could ' +
    'may might must of to in on at by for from with without into onto about as up down out over under between through during ' +
    'before after above below again also not no yes all any both each few more most other some such only own same too very just ' +
    'what which who whom whose when where why how s t d ll re ve m'
  ).split(' '),
);

export function isContentWord(key: string): boolean {
  return !FUNCTION_WORDS.has(key);
}

/**
 * Crude stem that makes inflections of one English word equal: plural, -ed, -ing, -ly. Words with digits stay as they are.
 * It may join words that differ; callers use it for scores only, never for codes or numbers.
 */
export function stemWord(key: string): string {
  if (key.length < 4 || /\d/.test(key)) return key;
  let stem = key;
  if (stem.endsWith('ies') && stem.length > 4) stem = `${stem.slice(0, -3)}y`;
  else if (/(?:ss|sh|ch|x|z)es$/.test(stem)) stem = stem.slice(0, -2);
  else if (stem.endsWith('s') && !/(?:ss|us|is)$/.test(stem)) stem = stem.slice(0, -1);
  if (stem.endsWith('ing') && stem.length > 5) stem = stem.slice(0, -3);
  else if (stem.endsWith('ed') && stem.length > 4) stem = stem.slice(0, -2);
  else if (stem.endsWith('ly') && stem.length > 4) stem = stem.slice(0, -2);
  if (/([^aeiouls])\1$/.test(stem)) stem = stem.slice(0, -1);
  if (stem.endsWith('e') && stem.length > 3) stem = stem.slice(0, -1);
  return stem;
}
