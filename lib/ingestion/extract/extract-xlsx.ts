import { Parser } from 'htmlparser2';
import { format } from 'numfmt';
import type { DocumentLimits } from './document-limits.ts';
import { CELL_SEPARATOR } from './extract-html.ts';
import { decodeText } from './extract-text.ts';
import { cleanText, type ExtractedPage, paginateSections, type Section, type TextBlock } from './extracted-page.ts';
import { tooMuchText, unreadable } from './extraction-errors.ts';
import { openPackedDocument, type PackedDocument } from './open-archive.ts';
import { findMainPart, parseXml, readRelationships, readXmlPart, refuseEntities } from './read-xml.ts';

/** Rows of a block: a page is cut between blocks. */
const ROWS_PER_BLOCK = 20;

/**
 * Number formats that a workbook names without defining them. Those that follow the reader's country (14, 22) are written
 * the one way that everyone reads alike.
 * @see ECMA-376, part 1, 18.8.30
 */
const BUILT_IN_FORMATS: Readonly<Record<number, string>> = {
  1: '0',
  2: '0.00',
  3: '#,##0',
  4: '#,##0.00',
  9: '0%',
  10: '0.00%',
  11: '0.00E+00',
  12: '# ?/?',
  13: '# ??/??',
  14: 'yyyy-mm-dd',
  15: 'd-mmm-yy',
  16: 'd-mmm',
  17: 'mmm-yy',
  18: 'h:mm AM/PM',
  19: 'h:mm:ss AM/PM',
  20: 'h:mm',
  21: 'h:mm:ss',
  22: 'yyyy-mm-dd h:mm',
  37: '#,##0 ;(#,##0)',
  38: '#,##0 ;(#,##0)',
  39: '#,##0.00;(#,##0.00)',
  40: '#,##0.00;(#,##0.00)',
  45: 'mm:ss',
  46: '[h]:mm:ss',
  47: 'mm:ss.0',
  48: '##0.0E+0',
  49: '@',
};

interface Cell {
  /** From 0. */
  readonly column: number;
  readonly text: string;
  /** Words, as the cells of a header are. */
  readonly isText: boolean;
}

interface Workbook {
  readonly sharedStrings: readonly string[];
  /** Number format of each cell style. */
  readonly formats: readonly string[];
  readonly usesDate1904: boolean;
}

/** Counts what comes out: one shared string may stand in a million cells. */
interface CharacterBudget {
  left: number;
  readonly limit: number;
}

/**
 * Sheets of an Excel file, each with its name as label. A row becomes `header: value | header: value`, so that it makes
 * sense wherever it is cut out; numbers and dates are written as the sheet shows them. Formulas count by their stored value.
 *
 * Read here, sheet by sheet as a stream: the libraries for this format hold whole workbooks in memory, start threads, or
 * leave numbers unformatted (docs/decisions/0016-document-extraction.md).
 * @throws AppError `document.unreadable`, `document.too-complex`
 */
export async function extractXlsx(bytes: Uint8Array, limits: DocumentLimits): Promise<ExtractedPage[]> {
  const document = await openPackedDocument(bytes, limits);
  const main = await findMainPart(document);
  const $ = await readXmlPart(document, main);
  const relationships = await readRelationships(document, main);
  const partOf = (kind: string) => [...relationships.values()].find((candidate) => candidate.kind === kind)?.partName;
  const workbook: Workbook = {
    sharedStrings: await readSharedStrings(document, partOf('sharedStrings')),
    formats: await readFormats(document, partOf('styles')),
    usesDate1904: /^(?:1|true)$/.test($('workbookPr').attr('date1904') ?? ''),
  };
  const budget = { left: limits.maxCharacters, limit: limits.maxCharacters };
  const sections: Section[] = [];
  for (const element of $('sheets > sheet').toArray()) {
    const sheet = relationships.get(element.attribs['r:id'] ?? '');
    // Sheets that are only a chart hold no cells.
    if (sheet?.kind !== 'worksheet') continue;
    const part = await document.read(sheet.partName);
    if (!part) throw unreadable(`the workbook has no ${sheet.partName}`);
    const rows = readRows(decodeText(part), workbook, budget);
    sections.push({ label: cleanText(element.attribs['name'] ?? '') || null, blocks: composeTable(rows) });
  }
  return paginateSections(sections);
}

async function readSharedStrings(document: PackedDocument, partName: string | undefined): Promise<string[]> {
  const part = partName === undefined ? null : await document.read(partName);
  if (!part) return [];
  const strings: string[] = [];
  let text = '';
  let isInText = false;
  let phoneticDepth = 0;
  parseStream(decodeText(part), {
    open(name) {
      if (name === 'si') text = '';
      else if (name === 'rPh') phoneticDepth += 1;
      else if (name === 't') isInText = phoneticDepth === 0;
    },
    text(data) {
      if (isInText) text += data;
    },
    close(name) {
      if (name === 'si') strings.push(cleanCell(text));
      else if (name === 'rPh') phoneticDepth -= 1;
      else if (name === 't') isInText = false;
    },
  });
  return strings;
}

async function readFormats(document: PackedDocument, partName: string | undefined): Promise<string[]> {
  const part = partName === undefined ? null : await document.read(partName);
  if (!part) return [];
  const $ = parseXml(part);
  const own = new Map(
    $('numFmts > numFmt')
      .toArray()
      .map((element) => [Number(element.attribs['numFmtId']), element.attribs['formatCode'] ?? '']),
  );
  return $('cellXfs > xf')
    .toArray()
    .map((element) => Number(element.attribs['numFmtId'] ?? 0))
    .map((id) => own.get(id) ?? BUILT_IN_FORMATS[id] ?? 'General');
}

/** Rows with their cells; an empty list stands for rows that hold nothing between two that do. */
function readRows(xml: string, workbook: Workbook, budget: CharacterBudget): Cell[][] {
  const rows: Cell[][] = [];
  let cells: Cell[] = [];
  let rowNumber = 0;
  let column = -1;
  let type = 'n';
  let style = 0;
  let value = '';
  let isInValue = false;
  parseStream(xml, {
    open(name, attributes) {
      if (name === 'row') {
        const next = Number(attributes['r'] ?? rowNumber + 1);
        if (next > rowNumber + 1 && rows.length > 0) rows.push([]);
        rowNumber = next;
        cells = [];
        column = -1;
      } else if (name === 'c') {
        column = readColumn(attributes['r']) ?? column + 1;
        type = attributes['t'] ?? 'n';
        style = Number(attributes['s'] ?? 0);
        value = '';
      } else if (name === 'v' || name === 't') isInValue = true;
    },
    text(data) {
      if (isInValue) value += data;
    },
    close(name) {
      if (name === 'v' || name === 't') isInValue = false;
      else if (name === 'c') {
        const text = showValue(value, type, workbook.formats[style] ?? 'General', workbook);
        if (text === '') return;
        budget.left -= text.length;
        if (budget.left < 0) throw tooMuchText(budget.limit);
        cells.push({ column, text, isText: type === 's' || type === 'str' || type === 'inlineStr' });
      } else if (name === 'row') rows.push(cells);
    },
  });
  return rows;
}

function showValue(value: string, type: string, code: string, workbook: Workbook): string {
  if (type === 's') return workbook.sharedStrings[Number(value)] ?? '';
  if (type === 'b') return value === '1' ? 'TRUE' : 'FALSE';
  if (type !== 'n' || value.trim() === '') return cleanCell(value);
  const number = Number(value);
  if (!Number.isFinite(number)) return cleanCell(value);
  // A sheet counts days from 1900 or, if it says so, from 1904.
  const DAYS_BETWEEN = 1462;
  const isDate = workbook.usesDate1904 && /[dmyhs]/i.test(code.replaceAll(/"[^"]*"|\[[^\]]*\]|General/gi, ''));
  try {
    return cleanCell(format(code, isDate ? number + DAYS_BETWEEN : number, { throws: true, nbsp: false }));
  } catch {
    return String(number);
  }
}

const cleanCell = (text: string) => cleanText(text).replaceAll(/\s+/g, ' ').trim();

/** `AB12` → 27. */
function readColumn(reference: string | undefined): number | null {
  const letters = /^[A-Z]{1,3}/.exec(reference ?? '')?.[0];
  if (letters === undefined) return null;
  const LETTERS = 26;
  return Array.from(letters).reduce((sum, letter) => sum * LETTERS + letter.charCodeAt(0) - 64, 0) - 1;
}

/**
 * A table's header is the first row with two cells or more, if these are words only. What stands alone in a row above it is
 * a title. After an empty row, a title begins a new table with a header of its own.
 */
function composeTable(rows: readonly (readonly Cell[])[]): TextBlock[] {
  const blocks: TextBlock[] = [];
  let lines: string[] = [];
  let headers: ReadonlyMap<number, string> | null = null;
  let wasEmpty = false;
  const flush = () => {
    if (lines.length > 0) blocks.push({ text: lines.join('\n') });
    lines = [];
  };
  for (const cells of rows) {
    const [first] = cells;
    if (!first) {
      wasEmpty = true;
      continue;
    }
    const isTitle = cells.length === 1 && (headers === null || wasEmpty);
    wasEmpty = false;
    if (isTitle) {
      flush();
      headers = null;
      blocks.push({ text: first.text });
      continue;
    }
    if (headers === null) {
      const isHeader = cells.every((cell) => cell.isText);
      headers = new Map(isHeader ? cells.map((cell) => [cell.column, cell.text]) : []);
      // Without rows below it, a header is all there is; it is also the line by which a table is found.
      lines.push(cells.map((cell) => cell.text).join(CELL_SEPARATOR));
      continue;
    }
    lines.push(composeRow(headers, cells));
    if (lines.length >= ROWS_PER_BLOCK) flush();
  }
  flush();
  return blocks;
}

function composeRow(headers: ReadonlyMap<number, string>, cells: readonly Cell[]): string {
  return cells
    .map((cell) => {
      const header = headers.get(cell.column);
      return header === undefined ? cell.text : `${header}: ${cell.text}`;
    })
    .join(CELL_SEPARATOR);
}

interface StreamHandlers {
  open(name: string, attributes: Readonly<Record<string, string>>): void;
  text(data: string): void;
  close(name: string): void;
}

const dropPrefix = (name: string) => name.slice(name.indexOf(':') + 1);

/** Element by element, without a tree: a sheet of a million cells is one string and its rows. */
function parseStream(xml: string, handlers: StreamHandlers): void {
  refuseEntities(xml);
  const parser = new Parser(
    {
      onopentag: (name, attributes) => handlers.open(dropPrefix(name), attributes),
      ontext: (data) => handlers.text(data),
      onclosetag: (name) => handlers.close(dropPrefix(name)),
    },
    { xmlMode: true },
  );
  parser.end(xml);
}
