import { assertNever } from '#lib/domain/errors.ts';
import { EPUB, EXCEL, MAIL, type MediaType, POWERPOINT, SUBTITLES, WORD } from '../formats.ts';
import { type DocumentLimits, defaultDocumentLimits } from './document-limits.ts';
import type { ExtractedPage, LeftOutPart } from './extracted-page.ts';

/**
 * Pages of a document. Readers are loaded when first needed: a Markdown file does not pay for pdf.js.
 * @param bytes belongs to the callee afterwards
 * @throws AppError `document.unreadable`, `document.too-complex`
 */
export async function extractBytes(
  bytes: Uint8Array,
  mediaType: MediaType,
  options: {
    /** Default {@link defaultDocumentLimits}. */
    readonly limits?: DocumentLimits;
    readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
    /** Told of each part of the file that becomes no page. */
    readonly onLeftOut?: (part: LeftOutPart) => void;
  } = {},
): Promise<ExtractedPage[]> {
  const { limits = defaultDocumentLimits, onProgress, onLeftOut } = options;
  switch (mediaType) {
    case 'application/pdf': {
      const { extractPdf } = await import('./extract-pdf.ts');
      return await extractPdf(bytes, limits, onProgress);
    }
    case WORD: {
      const { extractDocx } = await import('./extract-docx.ts');
      return await extractDocx(bytes, limits);
    }
    case POWERPOINT: {
      const { extractPptx } = await import('./extract-pptx.ts');
      return await extractPptx(bytes, limits);
    }
    case EXCEL: {
      const { extractXlsx } = await import('./extract-xlsx.ts');
      return await extractXlsx(bytes, limits);
    }
    case EPUB: {
      const { extractEpub } = await import('./extract-epub.ts');
      return await extractEpub(bytes, limits);
    }
    case MAIL: {
      const { extractMail } = await import('./extract-mail.ts');
      return await extractMail(bytes, onLeftOut);
    }
    case SUBTITLES: {
      const { extractSrt } = await import('./extract-srt.ts');
      const { decodeText } = await import('./extract-text.ts');
      return extractSrt(decodeText(bytes));
    }
    case 'text/html': {
      const { extractHtml } = await import('./extract-html.ts');
      const { decodeText } = await import('./extract-text.ts');
      return extractHtml(decodeText(bytes));
    }
    case 'text/markdown': {
      const { extractMarkdown } = await import('./extract-markdown.ts');
      const { decodeText } = await import('./extract-text.ts');
      return extractMarkdown(decodeText(bytes));
    }
    case 'text/csv': {
      const { extractCsv } = await import('./extract-csv.ts');
      const { decodeText } = await import('./extract-text.ts');
      return await extractCsv(decodeText(bytes));
    }
    case 'text/plain': {
      const { decodeText, extractPlainText } = await import('./extract-text.ts');
      return extractPlainText(decodeText(bytes));
    }
    default:
      return assertNever(mediaType);
  }
}
