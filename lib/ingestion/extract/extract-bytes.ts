import { assertNever } from '#lib/domain/errors.ts';
import type { MediaType } from '../media-type.ts';
import type { ExtractedPage } from './extracted-page.ts';

/**
 * Pages of a document. Readers are loaded when first needed: a Markdown file does not pay for pdf.js.
 * @param bytes belongs to the callee afterwards
 * @throws AppError `document.unreadable`
 */
export async function extractBytes(
  bytes: Uint8Array,
  mediaType: MediaType,
  onProgress?: (progress: { readonly done: number; readonly total: number }) => void,
): Promise<ExtractedPage[]> {
  switch (mediaType) {
    case 'application/pdf': {
      const { extractPdf } = await import('./extract-pdf.ts');
      return await extractPdf(bytes, onProgress);
    }
    case 'application/vnd.openxmlformats-officedocument.wordprocessingml.document': {
      const { extractDocx } = await import('./extract-docx.ts');
      return await extractDocx(bytes);
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
