import mammoth from 'mammoth';
import { AppError } from '#lib/domain/errors.ts';
import { extractHtml } from './extract-html.ts';
import type { ExtractedPage } from './extracted-page.ts';

/**
 * Sections of a Word file. Word knows pages only after layout, so sections stand for them. Goes by way of HTML, which keeps
 * headings, lists and tables; LangChain's DocxLoader gives the raw text alone.
 * @throws AppError `document.unreadable`
 */
export async function extractDocx(bytes: Uint8Array): Promise<ExtractedPage[]> {
  try {
    const { value } = await mammoth.convertToHtml(
      { buffer: Buffer.from(bytes) },
      { convertImage: mammoth.images.imgElement(() => Promise.resolve({ src: '' })), externalFileAccess: false },
    );
    return extractHtml(value);
  } catch (cause) {
    throw new AppError({
      code: 'document.unreadable',
      message: 'mammoth could not read the DOCX file',
      userMessage: 'This Word file is damaged or protected and cannot be read. Save a fresh copy and upload that.',
      cause,
    });
  }
}
