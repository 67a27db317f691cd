import type { DocumentLimits } from './document-limits.ts';
import { readHtmlBlocks } from './extract-html.ts';
import { decodeText } from './extract-text.ts';
import { type ExtractedPage, paginateSections, type Section } from './extracted-page.ts';
import { tooComplex, unreadable } from './extraction-errors.ts';
import { openPackedDocument, type PackedDocument } from './open-archive.ts';
import { parseXml, readXmlPart, refuseEntities, resolvePartName } from './read-xml.ts';

/** Ways to scramble fonts, which hide no text. */
const FONT_SCRAMBLING = /^http:\/\/(?:www\.idpf\.org\/2008\/embedding|ns\.adobe\.com\/pdf\/enc#RC)/;

/**
 * Chapters of a book in its reading order, named as its table of contents names them. LangChain's EPubLoader asks for the
 * package epub2, which writes the book's files to disk and makes one text of every chapter.
 * @see EPUB 3.3, https://www.w3.org/TR/epub-33/
 * @throws AppError `document.unreadable`, `document.too-complex`
 */
export async function extractEpub(bytes: Uint8Array, limits: DocumentLimits): Promise<ExtractedPage[]> {
  const book = await openPackedDocument(bytes, limits);
  await refuseCopyProtection(book);
  const container = await readXmlPart(book, 'META-INF/container.xml');
  const packagePart = container('rootfile').first().attr('full-path');
  if (packagePart === undefined) throw unreadable('the book names no package document');
  const $ = await readXmlPart(book, packagePart);
  const items = new Map(
    $('manifest > item')
      .toArray()
      .map(({ attribs }) => [
        attribs['id'] ?? '',
        {
          partName: resolvePartName(packagePart, decodeName(attribs['href'] ?? '')),
          mediaType: attribs['media-type'] ?? '',
          properties: attribs['properties'] ?? '',
        },
      ]),
  );
  const chapters = $('spine > itemref')
    .toArray()
    .map(({ attribs }) => items.get(attribs['idref'] ?? ''))
    .filter((item) => item !== undefined && item.mediaType.includes('html'));
  if (chapters.length > limits.maxPages) {
    throw tooComplex('pages', `has ${chapters.length} chapters, more than the ${limits.maxPages} that are allowed`);
  }
  const contents = [...items.values()].find(
    ({ properties, mediaType }) => properties.split(' ').includes('nav') || mediaType === 'application/x-dtbncx+xml',
  );
  const labels = contents ? await readContents(book, contents.partName) : new Map<string, string>();
  const sections: Section[] = [];
  const seen = new Set<string>();
  for (const chapter of chapters) {
    // A spine that lists one file a thousand times is no longer book.
    if (!chapter || seen.has(chapter.partName)) continue;
    seen.add(chapter.partName);
    const part = await book.read(chapter.partName);
    if (!part) continue;
    const html = decodeText(part);
    refuseEntities(html);
    const blocks = readHtmlBlocks(html, 'xhtml');
    const heading = blocks.find((block) => block.headingLevel !== undefined)?.text;
    sections.push({ label: labels.get(chapter.partName) ?? heading ?? null, blocks });
  }
  return paginateSections(sections);
}

/** @throws AppError `document.unreadable` */
async function refuseCopyProtection(book: PackedDocument): Promise<void> {
  const part = await book.read('META-INF/encryption.xml');
  if (!part) return;
  const $ = parseXml(part);
  const algorithms = $('[Algorithm]')
    .toArray()
    .map((element) => $(element).attr('Algorithm') ?? '');
  if (algorithms.some((algorithm) => !FONT_SCRAMBLING.test(algorithm))) {
    throw unreadable(
      'the book is encrypted',
      'This book is copy-protected, so its text cannot be read. Upload a copy without protection.',
    );
  }
}

/** Titles by file: from the navigation page of EPUB 3, or the NCX of EPUB 2. The first title of a file counts. */
async function readContents(book: PackedDocument, partName: string): Promise<ReadonlyMap<string, string>> {
  const labels = new Map<string, string>();
  const part = await book.read(partName);
  if (!part) return labels;
  const $ = parseXml(part);
  const add = (reference: string | undefined, title: string) => {
    const name = resolvePartName(partName, decodeName(reference ?? ''));
    const label = title.replaceAll(/\s+/g, ' ').trim();
    if (label !== '' && !labels.has(name)) labels.set(name, label);
  };
  for (const link of $('nav a').toArray()) add(link.attribs['href'], $(link).text());
  for (const point of $('navPoint').toArray()) {
    add($(point).children('content').attr('src'), $(point).children('navLabel').text());
  }
  return labels;
}

function decodeName(reference: string): string {
  try {
    return decodeURIComponent(reference);
  } catch {
    return reference;
  }
}
