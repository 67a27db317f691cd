/** A place in a page's text, in UTF-16 code units, end exclusive. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** As far as a passage may grow at either end: about two sentences. */
export const MAX_GROWTH = 300;

/** After it a sentence begins: the end of another, or an empty line. */
export const SENTENCE_START = /[.!?…:]["'”’)\]]*\s+|\n\s*\n\s*/gu;
/** A sentence ends with it. */
export const SENTENCE_END = /[.!?…]["'”’)\]]*(?=\s|$)|\n\s*\n/u;
export const ENDS_SENTENCE = /[.!?…:]["'”’)\]]*\s*$/u;
/** Lists and tables: each line stands for itself. */
const LINE_ITEM = /^\s*(?:[-*•·|#>]|\d{1,3}[.)]\s)/u;

/**
 * The range of a passage, grown to whole sentences where a chunk's border cuts one: half a sentence misleads reader and model.
 * @returns a range that holds the given one; the same where nothing is cut, or where no border is near
 */
export function completePassage(pageText: string, range: TextRange): TextRange {
  return { start: growBack(pageText, range), end: growForward(pageText, range) };
}

function growBack(pageText: string, { start, end }: TextRange): number {
  const before = pageText.slice(Math.max(0, start - MAX_GROWTH), start);
  const isWhole =
    before.trim() === '' ||
    ENDS_SENTENCE.test(before) ||
    /\n\s*\n\s*$/u.test(before) ||
    (/\n[^\S\n]*$/u.test(before) && LINE_ITEM.test(pageText.slice(start, end)));
  if (isWhole) return start;
  const border = [...before.matchAll(SENTENCE_START)].at(-1);
  if (border) return start - before.length + border.index + border[0].length;
  // The top of the page is a border too.
  return before.length === start ? start - before.trimStart().length : start;
}

function growForward(pageText: string, { start, end }: TextRange): number {
  const after = pageText.slice(end, end + MAX_GROWTH);
  const isWhole =
    after.trim() === '' ||
    ENDS_SENTENCE.test(pageText.slice(start, end)) ||
    /^\s*\n\s*\n/u.test(after) ||
    (/^[^\S\n]*\n/u.test(after) && LINE_ITEM.test(after.trimStart()));
  if (isWhole) return end;
  const border = SENTENCE_END.exec(after);
  if (border) return end + border.index + border[0].trimEnd().length;
  return after.length < MAX_GROWTH ? end + after.trimEnd().length : end;
}
