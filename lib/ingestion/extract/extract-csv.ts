import { CSVLoader } from '@langchain/community/document_loaders/fs/csv';
import { CELL_SEPARATOR } from './extract-html.ts';
import { cleanText, type ExtractedPage, paginateBlocks } from './extracted-page.ts';
import { unreadable } from './extraction-errors.ts';

const ROWS_PER_BLOCK = 20;

/**
 * Rows of a table file: each one line, `column: value | column: value`, so that a row makes sense wherever it is cut out.
 * @throws AppError `document.unreadable` for a file without a header row and one more
 */
export async function extractCsv(source: string): Promise<ExtractedPage[]> {
  const text = joinQuotedLines(cleanText(source));
  const loader = new CSVLoader(new Blob([text], { type: 'text/csv' }), { separator: findSeparator(text) });
  const documents = await loader.load();
  const rows = documents.map((document) =>
    document.pageContent
      .split('\n')
      .filter((cell) => !/: *(?:undefined)?$/.test(cell))
      .join(CELL_SEPARATOR),
  );
  if (rows.length === 0) {
    throw unreadable(
      'the CSV file has no rows below its header',
      'This table has no rows. Its first line must name the columns, the others hold the values.',
    );
  }
  const blocks: { text: string }[] = [];
  for (let start = 0; start < rows.length; start += ROWS_PER_BLOCK) {
    blocks.push({ text: rows.slice(start, start + ROWS_PER_BLOCK).join('\n') });
  }
  return paginateBlocks(blocks);
}

/** A cell may hold line ends; the loader's text has one line a cell. */
function joinQuotedLines(text: string): string {
  return text.replaceAll(/(?<=^|[,;\t\n])"(?:[^"]|"")*"(?=[,;\t\n]|$)/g, (quoted) => quoted.replaceAll('\n', ' '));
}

/** Whichever of comma, semicolon and tab is most frequent in the header. */
function findSeparator(text: string): string {
  const header = text.slice(0, text.indexOf('\n') === -1 ? undefined : text.indexOf('\n'));
  const count = (separator: string) => header.split(separator).length;
  return [',', ';', '\t'].reduce((best, candidate) => (count(candidate) > count(best) ? candidate : best));
}
