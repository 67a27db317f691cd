import type { SourcePart } from '#lib/domain/chat.ts';
import { ENDS_SENTENCE, MAX_GROWTH, SENTENCE_END, SENTENCE_START, type TextRange } from './complete-passage.ts';

/** A sentence that a page break cuts in two. */
export interface CutSentence {
  /** Its beginning, on the page before. */
  readonly head: TextRange;
  /** Its rest, on the page after. */
  readonly rest: TextRange;
  /** Between the two: nothing where a word or a code is parted. */
  readonly separator: '' | ' ';
}

/** A sentence does not end behind these. */
const UNFINISHED =
  /(?:[,;–—(]|\b(?:a|an|the|of|to|in|on|at|by|for|with|from|into|and|or|nor|that|which|who|whose|is|are|was|were|be|been|as|than|if|when|while|not|no|may|must|can|should|shall|will|its|their|your|this|these|those))$/u;
const LIST_ITEM = /^(?:[-*+•▪◦‣·|#>]|\(?(?:\d{1,3}|[a-z])[.)])\s/u;
const TABLE_ROW = / \| /u;
/** A page number or a footer with one, which short documents keep: too few pages tell that it runs. */
const FOOTER = /^(?:\S+ ){0,5}\S*\d$/u;

/** @returns null where the page after begins with something of its own */
export function findCutSentence(before: string, after: string): CutSentence | null {
  const head = before.trimEnd();
  const start = after.length - after.trimStart().length;
  const rest = after.slice(start);
  if (head === '' || rest === '' || ENDS_SENTENCE.test(head)) return null;
  const lastLine = head.slice(head.lastIndexOf('\n') + 1);
  const firstLine = rest.split('\n', 1)[0] ?? '';
  if (TABLE_ROW.test(lastLine) || TABLE_ROW.test(firstLine) || LIST_ITEM.test(firstLine)) return null;
  if (FOOTER.test(lastLine.trim()) && lastLine !== head) return null;
  const border = SENTENCE_END.exec(rest.slice(0, MAX_GROWTH));
  const isLowerCase = /^\p{Ll}/u.test(rest);
  // A line of its own with a capital is a heading or a running header.
  const isSentence =
    UNFINISHED.test(head) && /^["“„‘'(]?[\p{L}\p{N}]/u.test(rest) && border?.[0].startsWith('\n') === false;
  if (!isLowerCase && !isSentence && !isPartedCode(head, rest)) return null;
  const length = border ? border.index + border[0].trimEnd().length : rest.trimEnd().length;
  const headStart = findSentenceStart(head);
  if (length > MAX_GROWTH || headStart === null) return null;
  const isPartedWord = /\p{Ll}-$/u.test(head) && /^\p{Ll}/u.test(rest);
  return {
    head: { start: headStart, end: isPartedWord ? head.length - 1 : head.length },
    rest: { start, end: start + length },
    separator: isPartedWord || isPartedCode(head, rest) ? '' : ' ',
  };
}

const isPartedCode = (head: string, rest: string) => /[\p{Lu}\p{N}]-$/u.test(head) && /^[\p{Lu}\p{N}]/u.test(rest);

function findSentenceStart(head: string): number | null {
  const near = head.slice(-MAX_GROWTH);
  const border = [...near.matchAll(SENTENCE_START)].at(-1);
  if (border) return head.length - near.length + border.index + border[0].length;
  return near.length === head.length ? head.length - head.trimStart().length : null;
}

export interface PageTexts {
  readonly pageNumber: number;
  readonly text: string;
  /** Null: there is none, or it was not read. */
  readonly before: string | null;
  readonly after: string | null;
}

/** Which neighbours of a page `joinPages` could want for a passage: most passages touch no end of their page. */
export function findWantedNeighbours(page: Pick<PageTexts, 'pageNumber' | 'text'>, range: TextRange): number[] {
  const { text, pageNumber } = page;
  const isTop = pageNumber > 1 && text.slice(0, range.start).trim() === '' && /^[\p{Ll}\p{N}]/u.test(text.trimStart());
  const isBottom = text.slice(range.end).trim() === '' && !ENDS_SENTENCE.test(text.trimEnd());
  return [...(isTop ? [pageNumber - 1] : []), ...(isBottom ? [pageNumber + 1] : [])];
}

/**
 * A passage with the halves of its first and last sentence that stand on the pages beside.
 * @returns the text, and its pieces where it is on more than one page
 */
export function joinPages(
  page: PageTexts,
  range: TextRange,
): { text: string; parts: SourcePart[] | null; range: TextRange } {
  const isTop = page.text.slice(0, range.start).trim() === '';
  const isBottom = page.text.slice(range.end).trim() === '';
  const above = isTop && page.before !== null ? findCutSentence(page.before, page.text) : null;
  const below = isBottom && page.after !== null ? findCutSentence(page.text, page.after) : null;
  const start = range.start;
  // A parted word leaves its hyphen behind.
  const end = below ? Math.min(range.end, below.head.end) : range.end;
  if ((!above && !below) || end <= start) return { text: page.text.slice(range.start, range.end), parts: null, range };
  let text = '';
  const parts: SourcePart[] = [];
  const add = (pageNumber: number, pageText: string, piece: TextRange, separator: string) => {
    text += separator;
    parts.push({ pageNumber, startOffset: piece.start, endOffset: piece.end, textStart: text.length });
    text += pageText.slice(piece.start, piece.end);
  };
  if (above) add(page.pageNumber - 1, page.before ?? '', above.head, '');
  add(page.pageNumber, page.text, { start, end }, above?.separator ?? '');
  if (below) add(page.pageNumber + 1, page.after ?? '', below.rest, below.separator);
  return { text, parts, range: { start, end } };
}
