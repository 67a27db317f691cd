import mammoth from 'mammoth';
import { AppError } from '#lib/domain/errors.ts';
import type { DocumentLimits } from './document-limits.ts';
import { extractHtml } from './extract-html.ts';
import { decodeText } from './extract-text.ts';
import type { ExtractedPage } from './extracted-page.ts';
import { unreadable } from './extraction-errors.ts';
import { openPackedDocument } from './open-archive.ts';
import { refuseEntities } from './read-xml.ts';

/**
 * Sections of a Word file. Word knows pages only after layout, so sections stand for them. Goes by way of HTML, which keeps
 * headings, lists and tables; LangChain's DocxLoader gives the raw text alone.
 * @throws AppError `document.unreadable`, `document.too-complex`
 */
export async function extractDocx(bytes: Uint8Array, limits: DocumentLimits): Promise<ExtractedPage[]> {
  try {
    await checkParts(bytes, limits);
    const { value } = await mammoth.convertToHtml(
      { buffer: Buffer.from(bytes) },
      { convertImage: mammoth.images.imgElement(() => Promise.resolve({ src: '' })), externalFileAccess: false },
    );
    return extractHtml(value);
  } catch (cause) {
    if (AppError.isInstance(cause)) throw cause;
    throw unreadable(
      'mammoth could not read the DOCX file',
      'This Word file is damaged or protected and cannot be read. Save a fresh copy and upload that.',
      cause,
    );
  }
}

/** mammoth unpacks without limits, so every part is unpacked once, counted, before it may. */
async function checkParts(bytes: Uint8Array, limits: DocumentLimits): Promise<void> {
  const document = await openPackedDocument(bytes, limits);
  for (const name of document.names) {
    const part = await document.read(name);
    if (part && /\.(?:xml|rels)$/i.test(name)) refuseEntities(decodeText(part));
  }
}
