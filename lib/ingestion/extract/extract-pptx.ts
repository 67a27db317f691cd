import type { CheerioAPI } from 'cheerio';
import type { DocumentLimits } from './document-limits.ts';
import { CELL_SEPARATOR } from './extract-html.ts';
import { cleanText, composeBlocks, type ExtractedPage, type TextBlock } from './extracted-page.ts';
import { tooComplex, unreadable } from './extraction-errors.ts';
import { openPackedDocument, type PackedDocument } from './open-archive.ts';
import { findMainPart, readRelationships, readXmlPart } from './read-xml.ts';

const TITLE_PLACEHOLDERS = new Set(['title', 'ctrTitle']);
/** Placeholders of the page's frame: date, footer, slide number. */
const FRAME_PLACEHOLDERS = new Set(['dt', 'ftr', 'sldNum', 'hdr', 'sldImg']);

/**
 * Slides of a PowerPoint file, each a page with its title as heading, its texts, tables and notes. LangChain's PPTXLoader
 * makes one text of the whole file, so that no answer could name a slide.
 * @throws AppError `document.unreadable`, `document.too-complex`
 */
export async function extractPptx(bytes: Uint8Array, limits: DocumentLimits): Promise<ExtractedPage[]> {
  const document = await openPackedDocument(bytes, limits);
  const main = await findMainPart(document);
  const presentation = await readXmlPart(document, main);
  const relationships = await readRelationships(document, main);
  const slides = presentation('p\\:sldIdLst > p\\:sldId')
    .toArray()
    .map((element) => relationships.get(element.attribs['r:id'] ?? ''))
    .filter((relationship) => relationship?.kind === 'slide');
  if (slides.length === 0) throw unreadable('the presentation lists no slides');
  if (slides.length > limits.maxPages) {
    throw tooComplex('pages', `has ${slides.length} slides, more than the ${limits.maxPages} that are allowed`);
  }
  const pages: ExtractedPage[] = [];
  for (const [index, slide] of slides.entries()) {
    const blocks = slide ? await readSlide(document, slide.partName) : [];
    pages.push({ pageNumber: index + 1, label: `Slide ${index + 1}`, ...composeBlocks(blocks) });
  }
  return pages;
}

async function readSlide(document: PackedDocument, partName: string): Promise<TextBlock[]> {
  const blocks = readShapes(await readXmlPart(document, partName));
  const relationships = [...(await readRelationships(document, partName)).values()];
  const notesPart = relationships.find(({ kind }) => kind === 'notesSlide')?.partName;
  if (notesPart !== undefined) {
    const notes = readShapes(await readXmlPart(document, notesPart)).map((block) => block.text);
    if (notes.length > 0) blocks.push({ text: `Notes: ${notes.join('\n')}` });
  }
  return blocks;
}

/** Texts and tables in the order of the file, which is the order in which screen readers read; titles first. */
function readShapes($: CheerioAPI): TextBlock[] {
  const titles: TextBlock[] = [];
  const blocks: TextBlock[] = [];
  for (const element of $('p\\:sp, a\\:tbl').toArray()) {
    const shape = $(element);
    if (element.name === 'a:tbl') {
      const rows = shape
        .children('a\\:tr')
        .toArray()
        .map((row) =>
          $(row)
            .children('a\\:tc')
            .toArray()
            .map((cell) => readParagraphs($, $(cell)).replaceAll('\n', ' '))
            .join(CELL_SEPARATOR),
        );
      blocks.push({ text: rows.join('\n') });
      continue;
    }
    const placeholder = shape.find('p\\:nvPr > p\\:ph').first().attr('type');
    if (placeholder !== undefined && FRAME_PLACEHOLDERS.has(placeholder)) continue;
    const text = readParagraphs($, shape);
    if (text === '') continue;
    if (placeholder !== undefined && TITLE_PLACEHOLDERS.has(placeholder)) {
      titles.push({ text: text.replaceAll('\n', ' '), headingLevel: 1 });
    } else blocks.push({ text });
  }
  return [...titles, ...blocks];
}

/** One line a paragraph. */
function readParagraphs($: CheerioAPI, shape: ReturnType<CheerioAPI>): string {
  return shape
    .find('a\\:p')
    .toArray()
    .map((paragraph) =>
      $(paragraph)
        .find('a\\:t, a\\:br, a\\:tab')
        .toArray()
        .map((run) => (run.name === 'a:t' ? $(run).text() : ' '))
        .join(''),
    )
    .map((line) => cleanText(line).replaceAll(/\s+/g, ' ').trim())
    .filter((line) => line !== '')
    .join('\n');
}
