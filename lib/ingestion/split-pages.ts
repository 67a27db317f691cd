import { RecursiveCharacterTextSplitter } from '@langchain/textsplitters';
import type { NewChunk } from '#db/repositories/chunks.ts';
import type { ExtractedPage } from './extract/extracted-page.ts';

/** Stands in every index configuration: raised whenever the same text would be cut otherwise. */
export const SPLITTER_VERSION = 2;

/** Sizes in tokens of the embedding model. */
export interface ChunkSizes {
  readonly chunkSizeTokens: number;
  /** Less than `chunkSizeTokens`; 0 for none. */
  readonly chunkOverlapTokens: number;
}

/** Token counts of words, same order. Words hold no white space. */
export type CountWords = (words: readonly string[]) => Promise<readonly number[]>;

type SplittablePage = Pick<ExtractedPage, 'pageNumber' | 'text' | 'headings'>;

/** A stretch of a page that is kept whole: a heading, a sentence, a table row, a line of code. */
interface Unit {
  readonly start: number;
  readonly end: number;
  readonly tokens: number;
  readonly kind: 'heading' | 'row' | 'code' | 'text';
  readonly level: number;
  /** Rows of one table, and lines of one code block, share a number. Null: stands alone. */
  readonly block: number | null;
}

/** A chunk filled this far is closed at the next heading; a smaller one takes the next section in. */
const FULL_ENOUGH = 0.5;

/** Headings up to this level always start a chunk. */
const CHAPTER_LEVEL = 1;

/** Words asked for in one call. */
const WORDS_PER_CALL = 4000;

const TABLE_ROW = / \| |^\|.*\|$/;
/** A row that names the column at each value, as rows of CSV files and workbooks do: it needs no header and is none. */
const LABELLED_ROW = /^[^:|]{1,100}: [^|]*(?: \| [^:|]{1,100}: [^|]*)+$/;
const CODE_FENCE = /^ {0,3}(`{3,}|~{3,})/;
const TABLE_RULE = /^\|?[\s:|-]+\|?$/;
const LIST_ITEM = /^\s*(?:[-*+•▪◦‣·]|\(?(?:\d{1,3}|[a-z])[.)])\s/u;

/**
 * Cut pages into chunks for search. Every chunk lies on one page and is exactly the slice of its text between its offsets;
 * every character that is not white space is in at least one chunk. Chunks break at headings, else between sentences, lines,
 * tables or blocks of code. A table or code block is cut only when it does not fit a chunk together with the heading right
 * above it, and then between rows or lines; only a sentence or row longer than a chunk is cut inside. A chunk that begins
 * inside a table carries the table's first row as its innermost heading.
 *
 * Counts are exact for tokenizers that first part text at white space (BERT's WordPiece does), because words are counted
 * once each and summed.
 */
export async function splitPages(
  pages: readonly SplittablePage[],
  sizes: ChunkSizes,
  countWords: CountWords,
): Promise<NewChunk[]> {
  const measure = await createMeasure(pages, countWords);
  const chunks: NewChunk[] = [];
  const path: { level: number; title: string }[] = [];
  for (const page of pages) {
    const units = await findUnits(page, sizes.chunkSizeTokens, measure);
    const blockTokens = sumBlocks(units);
    /** What a unit wants to bring along: its whole table or code block where it begins one that fits a chunk, else itself. */
    const measureWhole = (index: number): number => {
      const unit = units[index];
      if (!unit) return 0;
      const isFirst = unit.block !== null && units[index - 1]?.block !== unit.block;
      const whole = isFirst ? (blockTokens.get(unit.block) ?? 0) : 0;
      return whole > 0 && whole <= sizes.chunkSizeTokens ? whole : unit.tokens;
    };
    let pending: Unit[] = [];
    let pendingTokens = 0;
    let pendingPath: string[] = [];
    let tableHeader: Unit | undefined;
    let pendingTableHeader: Unit | undefined;
    const flush = () => {
      const first = pending[0];
      const last = pending.at(-1);
      if (!first || !last) return;
      const text = page.text.slice(first.start, last.end);
      const headings =
        pendingTableHeader && first.kind === 'row' && first !== pendingTableHeader
          ? [...pendingPath, page.text.slice(pendingTableHeader.start, pendingTableHeader.end)]
          : pendingPath;
      chunks.push({
        ordinal: chunks.length,
        pageNumber: page.pageNumber,
        startOffset: first.start,
        endOffset: last.end,
        ...findSection(page, first.start, last.end),
        headings,
        text,
        tokenCount: measure(text),
      });
    };
    const measureNeeded = (index: number): number => {
      const unit = units[index];
      if (unit?.kind !== 'heading') {
        // Right under its heading a block that is a little too large is cut: a heading alone would say nothing.
        const isUnderHeading = pending.length > 0 && pending.every((earlier) => earlier.kind === 'heading');
        return isUnderHeading ? (unit?.tokens ?? 0) : measureWhole(index);
      }
      // A heading never ends a chunk: it needs room for what follows it.
      const whole = unit.tokens + measureWhole(index + 1);
      return whole <= sizes.chunkSizeTokens ? whole : unit.tokens + (units[index + 1]?.tokens ?? 0);
    };
    const begin = (first: Unit[]) => {
      pending = first;
      pendingTokens = first.reduce((sum, unit) => sum + unit.tokens, 0);
      pendingPath = path.map((heading) => heading.title);
      pendingTableHeader = tableHeader;
    };
    for (const [index, unit] of units.entries()) {
      const needed = measureNeeded(index);
      const isSection =
        unit.kind === 'heading' &&
        pending.some((earlier) => earlier.kind !== 'heading') &&
        (unit.level <= CHAPTER_LEVEL || pendingTokens >= FULL_ENOUGH * sizes.chunkSizeTokens);
      const isFull = pending.length > 0 && pendingTokens + needed > sizes.chunkSizeTokens;
      const closes = isSection || isFull;
      if (closes) flush();
      if (unit.kind === 'heading') {
        while ((path.at(-1)?.level ?? 0) >= unit.level) path.pop();
        path.push({ level: unit.level, title: page.text.slice(unit.start, unit.end).replaceAll(/\s+/g, ' ') });
      }
      if (unit.kind !== 'row') tableHeader = undefined;
      else if (!LABELLED_ROW.test(page.text.slice(unit.start, unit.end))) tableHeader ??= unit;
      if (closes) {
        const overlap = isFull && unit.kind === 'text' ? takeOverlap(pending, unit, sizes) : [];
        begin([...overlap, unit]);
      } else if (pending.length === 0) {
        begin([unit]);
      } else {
        pending.push(unit);
        pendingTokens += unit.tokens;
        // Headings at the very start of a chunk belong to its path.
        if (unit.kind === 'heading' && pending.every((earlier) => earlier.kind === 'heading')) {
          pendingPath = path.map((heading) => heading.title);
        }
      }
    }
    flush();
  }
  return chunks;
}

function sumBlocks(units: readonly Unit[]): ReadonlyMap<number, number> {
  const tokens = new Map<number, number>();
  for (const { block, tokens: count } of units) {
    if (block !== null) tokens.set(block, (tokens.get(block) ?? 0) + count);
  }
  return tokens;
}

/**
 * The section that a stretch begins in, as far as it stands on this page. A stretch that runs on into another section takes
 * that along, so that it always lies inside.
 */
function findSection(
  page: SplittablePage,
  start: number,
  end: number,
): Pick<NewChunk, 'sectionStartOffset' | 'sectionEndOffset'> {
  const own = page.headings.findLast((heading) => heading.offset <= start);
  const next = page.headings.find((heading) => heading.offset > start && (!own || heading.level <= own.level));
  const section = trimSpan(page.text, own?.offset ?? 0, next?.offset ?? page.text.length);
  return {
    sectionStartOffset: Math.min(section?.start ?? start, start),
    sectionEndOffset: Math.max(section?.end ?? end, end),
  };
}

/** The last sentences of a chunk, as many as fit the overlap and leave room for the unit that comes next. */
function takeOverlap(pending: readonly Unit[], next: Unit, sizes: ChunkSizes): Unit[] {
  const taken: Unit[] = [];
  let tokens = 0;
  for (const unit of [...pending].reverse()) {
    const isTooMuch =
      tokens + unit.tokens > sizes.chunkOverlapTokens || tokens + unit.tokens + next.tokens > sizes.chunkSizeTokens;
    if (unit.kind !== 'text' || isTooMuch || taken.length + 1 >= pending.length) break;
    taken.unshift(unit);
    tokens += unit.tokens;
  }
  return taken;
}

/** One call for all distinct words of a document; afterwards any stretch of it is measured by summing. */
async function createMeasure(
  pages: readonly SplittablePage[],
  countWords: CountWords,
): Promise<(text: string) => number> {
  const words = [...new Set(pages.flatMap((page) => splitWords(page.text)))];
  const counts = new Map<string, number>();
  for (let start = 0; start < words.length; start += WORDS_PER_CALL) {
    const asked = words.slice(start, start + WORDS_PER_CALL);
    const counted = await countWords(asked);
    for (const [index, word] of asked.entries()) counts.set(word, countLongWord(word, counted[index] ?? 1));
  }
  // Only a word that was cut is unknown; no tokenizer makes more tokens of it than it has characters.
  return (text) => splitWords(text).reduce((sum, word) => sum + (counts.get(word) ?? Array.from(word).length), 0);
}

const splitWords = (text: string) => text.split(/\s+/).filter((word) => word !== '');

/** WordPiece makes one unknown token of a word over 100 characters, however long; the language model will not. */
const MAX_CHARACTERS_PER_TOKEN = 20;

function countLongWord(word: string, tokens: number): number {
  return Math.max(1, tokens, Math.ceil(word.length / MAX_CHARACTERS_PER_TOKEN));
}

async function findUnits(
  page: SplittablePage,
  chunkSizeTokens: number,
  measure: (text: string) => number,
): Promise<Unit[]> {
  const units: Unit[] = [];
  const headings = new Map(page.headings.map((heading) => [heading.offset, heading]));
  const sentences = new Intl.Segmenter('en', { granularity: 'sentence' });
  let block = 0;
  const add = async (start: number, end: number, kind: Unit['kind'], level = 0) => {
    const span = trimSpan(page.text, start, end);
    if (!span) return;
    const text = page.text.slice(span.start, span.end);
    const tokens = measure(text);
    if (tokens <= chunkSizeTokens) {
      units.push({ ...span, tokens, kind, level, block: kind === 'row' || kind === 'code' ? block : null });
      return;
    }
    for (const part of await cutLongText(text, chunkSizeTokens, measure)) {
      const partText = text.slice(part.start, part.end);
      units.push({
        start: span.start + part.start,
        end: span.start + part.end,
        tokens: measure(partText),
        kind: kind === 'heading' ? 'text' : kind,
        level,
        block: kind === 'row' || kind === 'code' ? block : null,
      });
    }
  };
  let offset = 0;
  let fence: string | null = null;
  let wasRow = false;
  for (const line of page.text.split('\n')) {
    const heading = headings.get(offset);
    const mark = CODE_FENCE.exec(line)?.[1];
    const isInFence = fence !== null;
    if (fence === null && mark !== undefined) fence = mark;
    else if (fence !== null && mark?.startsWith(fence)) fence = null;
    const isCode = isInFence || fence !== null;
    const isRow = !isCode && line.trim() !== '' && (TABLE_ROW.test(line.trim()) || TABLE_RULE.test(line));
    if ((isCode && !isInFence) || (isRow && !wasRow)) block += 1;
    wasRow = isRow;
    if (isCode) await add(offset, offset + line.length, 'code');
    else if (heading) await add(offset, offset + line.length, 'heading', heading.level);
    else if (isRow) await add(offset, offset + line.length, 'row');
    else if (LIST_ITEM.test(line) && measure(line) <= chunkSizeTokens) await add(offset, offset + line.length, 'text');
    else {
      let start = 0;
      for (const { index, segment } of sentences.segment(line)) {
        // Never part a word: its tokens were counted whole.
        const end = index + segment.length;
        if (end < line.length && !/\s$/.test(segment)) continue;
        await add(offset + start, offset + end, 'text');
        start = end;
      }
    }
    offset += line.length + 1;
  }
  return units;
}

function trimSpan(text: string, start: number, end: number): { start: number; end: number } | null {
  const stretch = text.slice(start, end);
  const lead = stretch.length - stretch.trimStart().length;
  const length = stretch.trim().length;
  return length === 0 ? null : { start: start + lead, end: start + lead + length };
}

/** Parts of a text longer than a chunk: at semicolons, commas, spaces, and through words only where one is too long. */
async function cutLongText(
  text: string,
  chunkSizeTokens: number,
  measure: (text: string) => number,
): Promise<{ start: number; end: number }[]> {
  const splitter = new RecursiveCharacterTextSplitter({
    chunkSize: chunkSizeTokens,
    chunkOverlap: 0,
    separators: ['; ', ', ', ' | ', ' '],
    keepSeparator: true,
    lengthFunction: measure,
  });
  const parts: { start: number; end: number }[] = [];
  let from = 0;
  for (const part of await splitter.splitText(text)) {
    // Without overlap the splitter leaves out nothing but white space, so the next part is the first match.
    const start = text.indexOf(part, from);
    if (start === -1) throw new Error('the text splitter returned a part that is not in its text');
    from = start + part.length;
    parts.push(...cutLongWord(part, start, chunkSizeTokens, measure));
  }
  return parts;
}

function cutLongWord(
  part: string,
  start: number,
  chunkSizeTokens: number,
  measure: (text: string) => number,
): { start: number; end: number }[] {
  const tokens = measure(part);
  if (tokens <= chunkSizeTokens) return [{ start, end: start + part.length }];
  const characters = Array.from(part);
  const size = Math.max(1, Math.floor((characters.length * chunkSizeTokens) / tokens));
  const cuts: { start: number; end: number }[] = [];
  let offset = start;
  for (let index = 0; index < characters.length; index += size) {
    const end = offset + characters.slice(index, index + size).join('').length;
    const span = trimSpan(part, offset - start, end - start);
    if (span) cuts.push({ start: start + span.start, end: start + span.end });
    offset = end;
  }
  return cuts;
}
