/**
 * Splits text into what a dictionary may stem and what must be found exactly as written. Used for chunks and for questions,
 * so that both always meet in the same terms.
 */
export interface LexicalText {
  /** Letters and digits with single spaces between: no hyphen or dot is left for the database's parser to read a sign or host name into. */
  readonly words: string;
  /** Codes, lower-cased, with repetitions: as typed (`mx-7731`) and without separators (`mx7731`). */
  readonly codes: readonly string[];
}

/** Letters and digits joined by `-`, `.`, `/`, `_` or `:`; only those with a digit count as codes. */
const JOINED = /[\p{L}\p{N}]+(?:[-‐‑–./_:][\p{L}\p{N}]+)+/gu;
const SEPARATORS = /[-‐‑–./_:]/gu;

/** Longer runs are no codes that anyone types, but hashes, paths and rules of dots. */
const MAX_CODE_LENGTH = 40;

export function prepareLexicalText(text: string): LexicalText {
  const normal = text.normalize('NFKC');
  const codes: string[] = [];
  for (const [match] of normal.matchAll(JOINED)) {
    if (match.length > MAX_CODE_LENGTH || !/\p{N}/u.test(match)) continue;
    const typed = match.toLowerCase().replaceAll(/[‐‑–]/g, '-');
    codes.push(typed, typed.replaceAll(SEPARATORS, ''));
  }
  return {
    words: normal
      .replaceAll(/(?<=\p{L})['’](?=\p{L})/gu, "'")
      .replaceAll(/[^\p{L}\p{N}']+/gu, ' ')
      .trim(),
    codes,
  };
}
