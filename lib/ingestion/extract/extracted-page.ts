import { z } from 'zod';

/** One page as it comes out of extraction, on its way from the extraction process to the worker. */
export const extractedPageSchema = z.object({
  /** From 1; pages without text keep their number and have an empty text. */
  pageNumber: z.number().int().min(1),
  label: z.string().nullable(),
  text: z.string(),
  headings: z.array(
    z.object({ offset: z.number().int().min(0), level: z.number().int().min(1).max(6), title: z.string() }),
  ),
  /** True for a page that shows something and holds no text, as a scanner makes them. Only PDFs have such pages. */
  isPicture: z.boolean().optional(),
  /** True for such a page whose text was recognised from the picture: it may hold mistakes. */
  isRecognised: z.boolean().optional(),
});
export type ExtractedPage = z.infer<typeof extractedPageSchema>;
export type PageHeading = ExtractedPage['headings'][number];

/** A part of a file that becomes no page, such as an attachment of a mail; `reason` in words for people. */
export const leftOutPartSchema = z.object({ name: z.string(), reason: z.string() });
export type LeftOutPart = z.infer<typeof leftOutPartSchema>;

/** A run of text on its way to becoming pages: blocks in reading order. */
export interface TextBlock {
  readonly text: string;
  /** 1 to 6 for a heading. */
  readonly headingLevel?: number;
}

/** Control characters but tab, line feed and form feed; soft hyphen; characters without width. */
const INVISIBLE = /[\p{Cc}\u00AD\u200B\u2060\uFEFF]/gu;
const KEPT_CONTROLS = new Set(['\t', '\n', '\f']);

/**
 * What no database text may hold, and what would make equal words unequal: zero bytes, other control characters, lone
 * surrogates, soft hyphens, exotic spaces and line ends.
 */
export function cleanText(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(INVISIBLE, (character) => (KEPT_CONTROLS.has(character) ? character : ''))
    .replaceAll(/[\u00A0\u2000-\u200A\u202F\u205F\u3000]/g, ' ');
}

/** Pages of formats that have none are cut at block borders beyond this length, so that a page stays readable at once. */
const MAX_SECTION_CHARACTERS = 20_000;

const BLOCK_SEPARATOR = '\n\n';

/**
 * Blocks to pages, for formats without pages: one page for each section of the outermost heading level that occurs at least
 * twice; a document without such a level is one page. Long sections continue on further pages.
 */
export function paginateBlocks(blocks: readonly TextBlock[]): ExtractedPage[] {
  const counts = new Map<number, number>();
  for (const block of blocks) {
    if (block.headingLevel !== undefined) counts.set(block.headingLevel, (counts.get(block.headingLevel) ?? 0) + 1);
  }
  const sectionLevel = [...counts].sort(([a], [b]) => a - b).find(([, count]) => count >= 2)?.[0];
  return cutPages(blocks, sectionLevel, null);
}

/** A chapter of a book, a sheet of a workbook: what begins a page of its own, with the name that a citation shows. */
export interface Section {
  readonly label: string | null;
  readonly blocks: readonly TextBlock[];
}

/** One page for each section that holds text; long sections continue on further pages. */
export function paginateSections(sections: readonly Section[]): ExtractedPage[] {
  return sections
    .flatMap(({ label, blocks }) => cutPages(blocks, undefined, label))
    .map((page, index) => ({ ...page, pageNumber: index + 1 }));
}

function cutPages(
  blocks: readonly TextBlock[],
  sectionLevel: number | undefined,
  firstLabel: string | null,
): ExtractedPage[] {
  const pages: ExtractedPage[] = [];
  let pending: TextBlock[] = [];
  let pendingCharacters = 0;
  let label = firstLabel;
  const close = () => {
    if (pending.length > 0) pages.push({ pageNumber: pages.length + 1, label, ...composeBlocks(pending) });
    pending = [];
    pendingCharacters = 0;
  };
  for (const block of blocks) {
    if (block.text.trim() === '') continue;
    const startsSection =
      block.headingLevel !== undefined && sectionLevel !== undefined && block.headingLevel <= sectionLevel;
    const isTooLong = pending.length > 0 && pendingCharacters + block.text.length > MAX_SECTION_CHARACTERS;
    // A title right above the first section shares its page.
    const isOnlyHeadings = pending.length > 0 && pending.every((earlier) => earlier.headingLevel !== undefined);
    if ((startsSection && !isOnlyHeadings) || isTooLong) close();
    if (startsSection) label = block.text.trim();
    pendingCharacters += block.text.length + (pending.length > 0 ? BLOCK_SEPARATOR.length : 0);
    pending.push(block);
  }
  close();
  return pages;
}

/** Text of a page: its blocks with a blank line between two, and where its headings are. */
export function composeBlocks(blocks: readonly TextBlock[]): Pick<ExtractedPage, 'text' | 'headings'> {
  const parts: string[] = [];
  const headings: PageHeading[] = [];
  let offset = 0;
  for (const { text, headingLevel } of blocks) {
    if (text.trim() === '') continue;
    if (headingLevel !== undefined) headings.push({ offset, level: headingLevel, title: text.trim() });
    parts.push(text);
    offset += text.length + BLOCK_SEPARATOR.length;
  }
  return { text: parts.join(BLOCK_SEPARATOR), headings };
}
