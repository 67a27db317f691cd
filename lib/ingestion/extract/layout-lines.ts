import { CELL_SEPARATOR } from './extract-html.ts';
import { cleanText, type ExtractedPage, type PageHeading } from './extracted-page.ts';

/** A piece of text on a page, as a PDF gives it: position of its baseline in points, origin at the lower left. */
export interface PlacedText {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** Font size in points. */
  readonly size: number;
}

interface Cell {
  text: string;
  readonly x: number;
  end: number;
}

export interface Line {
  text: string;
  readonly x: number;
  readonly y: number;
  /** Right end of the last piece. */
  end: number;
  /** Largest font size on the line. */
  size: number;
  /** At least one wide gap: cells of a table row. */
  isRow: boolean;
}

interface LineInMaking extends Line {
  readonly cells: Cell[];
  /** Baseline of the lowest line that a cell wrapped to. */
  lowest: number;
}

/** Fractions of the font size. */
const WORD_GAP = 0.15;
const CELL_GAP = 1;
const SAME_BASELINE = 0.35;
const WRAPPED_GAP = 1.45;
const PARAGRAPH_GAP = 1.75;

/** Points by which the left edges of a column's cells may differ. */
const SAME_COLUMN = 2;

/**
 * How many lines up a piece may go back to join a line beside it. Cells of a row that wrap come one after the other; the
 * second column of a two-column page goes back much farther and starts a new line.
 */
const MAX_LINES_BACK = 6;

/** Pieces to lines in the order of the page's content stream, which is the reading order of nearly every producer. */
export function joinLines(pieces: readonly PlacedText[]): Line[] {
  const lines: LineInMaking[] = [];
  for (const piece of pieces) {
    const text = cleanText(piece.text);
    if (text.trim() === '') continue;
    const line = lines
      .slice(-MAX_LINES_BACK)
      .findLast(
        (candidate) =>
          Math.abs(candidate.y - piece.y) <= SAME_BASELINE * Math.max(candidate.size, piece.size) &&
          piece.x >= candidate.end - candidate.size,
      );
    const end = piece.x + piece.width;
    if (!line) {
      const cells = [{ text, x: piece.x, end }];
      lines.push({ text: '', x: piece.x, y: piece.y, lowest: piece.y, end, size: piece.size, isRow: false, cells });
      continue;
    }
    const gap = piece.x - line.end;
    const cell = line.cells.at(-1);
    if (!cell || gap > CELL_GAP * line.size) {
      line.cells.push({ text, x: piece.x, end });
      line.isRow = true;
    } else {
      const isParted = gap > WORD_GAP * line.size && !cell.text.endsWith(' ') && !text.startsWith(' ');
      cell.text += isParted ? ` ${text}` : text;
      cell.end = Math.max(cell.end, end);
    }
    line.end = Math.max(line.end, end);
    line.size = Math.max(line.size, piece.size);
  }
  return mergeWrappedCells(lines).map(({ cells, x, y, end, size, isRow }) => ({
    x,
    y,
    end,
    size,
    isRow,
    text: cells.map((cell) => cell.text.replaceAll(/ {2,}/g, ' ').trim()).join(CELL_SEPARATOR),
  }));
}

/** What goes on in the next line: a word that was parted there loses its hyphen, a code that was broken behind one keeps it. */
function joinWrapped(before: string, after: string): string {
  if (/\p{Ll}-$/u.test(before) && /^\p{Ll}/u.test(after)) return before.slice(0, -1) + after;
  if (/[\p{Lu}\p{N}]-$/u.test(before) && /^[\p{Lu}\p{N}]/u.test(after)) return before + after;
  return `${before} ${after}`;
}

/** A line right below a table row, with fewer cells, each under one of the row's: the rest of those cells. */
function mergeWrappedCells(lines: readonly LineInMaking[]): LineInMaking[] {
  const merged: LineInMaking[] = [];
  for (const line of lines) {
    const row = merged.at(-1);
    const gap = row ? row.lowest - line.y : 0;
    const columns = line.cells.map((cell) =>
      row?.cells.find((candidate) => Math.abs(candidate.x - cell.x) <= SAME_COLUMN),
    );
    const isRest =
      row?.isRow === true &&
      gap > 0 &&
      gap <= WRAPPED_GAP * row.size &&
      line.cells.length < row.cells.length &&
      columns.every((column) => column !== undefined);
    if (!row || !isRest) {
      merged.push(line);
      continue;
    }
    for (const [index, cell] of line.cells.entries()) {
      const column = columns[index];
      if (column) column.text = joinWrapped(column.text.trimEnd(), cell.text.trimStart());
    }
    row.lowest = line.y;
  }
  return merged;
}

/** Share of pages that must repeat a line at the edge of the page to make it a running header or footer. */
const RUNNING_SHARE = 0.6;
const MIN_PAGES_FOR_RUNNING = 4;
/** Lines looked at from the top and from the bottom of each page. */
const EDGE_LINES = 2;

/** Leave out what stands on nearly every page, apart from its digits: names of manuals and page numbers. */
export function dropRunningLines(pages: readonly (readonly Line[])[]): Line[][] {
  if (pages.length < MIN_PAGES_FOR_RUNNING) return pages.map((lines) => [...lines]);
  const key = (line: Line) => `${Math.round(line.y / 4)} ${line.text.replaceAll(/\d+/g, '#')}`;
  const edges = pages.map((lines) => {
    const byHeight = [...lines].sort((a, b) => b.y - a.y);
    return new Set([...byHeight.slice(0, EDGE_LINES), ...byHeight.slice(-EDGE_LINES)]);
  });
  const counts = new Map<string, number>();
  for (const edge of edges) {
    for (const name of new Set([...edge].map(key))) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return pages.map((lines, index) =>
    lines.filter((line) => !edges[index]?.has(line) || (counts.get(key(line)) ?? 0) < RUNNING_SHARE * pages.length),
  );
}

/** A line this much larger than the body's font size is a heading. */
const HEADING_RATIO = 1.12;
const MAX_HEADING_CHARACTERS = 150;
const LIST_MARK = /^(?:[•▪◦‣·*–—-]|\(?(?:\d{1,3}|[a-z])[.)])\s/u;

/** The font size that most characters have. */
export function findBodySize(pages: readonly (readonly Line[])[]): number {
  const characters = new Map<number, number>();
  for (const line of pages.flat()) {
    const size = Math.round(line.size * 2) / 2;
    characters.set(size, (characters.get(size) ?? 0) + line.text.length);
  }
  return [...characters].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 10;
}

/** Distinct heading sizes of a document, largest first: the place in the list is the level. */
export function findHeadingSizes(pages: readonly (readonly Line[])[], bodySize: number): number[] {
  const sizes = new Set(
    pages
      .flat()
      .filter((line) => isHeading(line, bodySize))
      .map((line) => Math.round(line.size * 2) / 2),
  );
  return [...sizes].sort((a, b) => b - a);
}

function isHeading(line: Line, bodySize: number): boolean {
  return (
    !line.isRow &&
    line.size >= bodySize * HEADING_RATIO &&
    line.text.length <= MAX_HEADING_CHARACTERS &&
    /\p{L}/u.test(line.text)
  );
}

/**
 * Lines to the text of a page: wrapped lines of a paragraph become one line, words parted by a hyphen at a line's end become
 * whole, table rows and list items stay lines, blank lines part paragraphs.
 */
export function composePage(
  lines: readonly Line[],
  document: { readonly bodySize: number; readonly headingSizes: readonly number[] },
  pageNumber: number,
  label: string | null,
): ExtractedPage {
  const rightEdge = Math.max(0, ...lines.filter((line) => !line.isRow).map((line) => line.end));
  let text = '';
  const headings: PageHeading[] = [];
  let previous: Line | undefined;
  let wasHeading = false;
  for (const line of lines) {
    if (line.text === '') continue;
    const heading = isHeading(line, document.bodySize);
    const gap = previous ? previous.y - line.y : 0;
    const size = previous ? Math.max(previous.size, line.size) : line.size;
    if (previous) {
      const isSameSize = Math.abs(previous.size - line.size) < 0.6;
      const isNextLine = gap > 0 && gap <= PARAGRAPH_GAP * size;
      const isFull = previous.end >= rightEdge - 0.22 * (rightEdge - previous.x);
      const continues =
        isNextLine &&
        isSameSize &&
        !previous.isRow &&
        !line.isRow &&
        (heading ? wasHeading : !wasHeading && isFull && !LIST_MARK.test(line.text));
      if (continues) {
        text = joinWrapped(text, line.text);
        const last = headings.at(-1);
        if (heading && last) headings[headings.length - 1] = { ...last, title: joinWrapped(last.title, line.text) };
        previous = line;
        continue;
      }
      const isClose = isNextLine && !heading && !wasHeading;
      const isTable = previous.isRow && line.isRow && gap > 0 && gap < 4 * size;
      text += isClose || isTable ? '\n' : '\n\n';
    }
    if (heading) {
      const level = document.headingSizes.indexOf(Math.round(line.size * 2) / 2) + 1;
      headings.push({ offset: text.length, level: Math.min(Math.max(level, 1), 6), title: line.text });
    }
    text += line.text;
    previous = line;
    wasHeading = heading;
  }
  return { pageNumber, label, text, headings };
}
