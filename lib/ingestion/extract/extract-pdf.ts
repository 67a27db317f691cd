import { getDocument, PasswordException, VerbosityLevel } from 'pdfjs-dist/legacy/build/pdf.mjs';
import type { AppError } from '#lib/domain/errors.ts';
import type { DocumentLimits } from './document-limits.ts';
import type { ExtractedPage } from './extracted-page.ts';
import { tooComplex, tooMuchText, unreadable } from './extraction-errors.ts';
import { composePage, dropRunningLines, findBodySize, findHeadingSizes, joinLines, type Line } from './layout-lines.ts';

export interface PdfProgress {
  readonly done: number;
  readonly total: number;
}

/**
 * Pages of a PDF with its text in reading order. Pages without text are kept, empty, so that numbers match the file's.
 * pdf.js is used directly: LangChain's PDFLoader breaks a line wherever two baselines differ by any amount, joins words
 * across items without a gap test, knows no headings, and skips running headers as little as hyphenation.
 * @param bytes handed over to pdf.js, which takes the buffer
 * @throws AppError `document.unreadable` for an encrypted or damaged file, `document.too-complex`
 */
export async function extractPdf(
  bytes: Uint8Array,
  limits: Pick<DocumentLimits, 'maxPages' | 'maxCharacters'>,
  onProgress: (progress: PdfProgress) => void = () => undefined,
): Promise<ExtractedPage[]> {
  const task = getDocument({
    data: bytes,
    verbosity: VerbosityLevel.ERRORS,
    disableFontFace: true,
    useSystemFonts: false,
    // No font, map or image is ever fetched from anywhere.
    useWorkerFetch: false,
    // Whether a page shows pictures is all that is asked: none is ever decoded.
    maxImageSize: 1,
    stopAtErrors: false,
  });
  try {
    const pdf = await task.promise.catch((error: unknown) => {
      throw describeFailure(error);
    });
    if (pdf.numPages > limits.maxPages) {
      throw tooComplex('pages', `has ${pdf.numPages} pages, more than the ${limits.maxPages} that are allowed`);
    }
    let characters = 0;
    const labels = await pdf.getPageLabels().catch(() => null);
    const pages: Line[][] = [];
    const picturePages = new Set<number>();
    for (let pageNumber = 1; pageNumber <= pdf.numPages; pageNumber += 1) {
      try {
        const page = await pdf.getPage(pageNumber);
        const { items } = await page.getTextContent();
        for (const item of items) if ('str' in item) characters += item.str.length;
        const lines = joinLines(
          items.flatMap((item) => {
            if (!('str' in item)) return [];
            const transform: readonly number[] = item.transform;
            const [, , c = 0, d = 0, x = 0, y = 0] = transform;
            return [{ text: item.str, x, y, width: item.width, size: Math.hypot(c, d) }];
          }),
        );
        pages.push(lines);
        if (lines.length === 0 && (await page.getOperatorList()).fnArray.length > 0) picturePages.add(pageNumber);
        page.cleanup();
      } catch (error) {
        throw describeFailure(error, pageNumber);
      }
      if (characters > limits.maxCharacters) throw tooMuchText(limits.maxCharacters);
      onProgress({ done: pageNumber, total: pdf.numPages });
    }
    const kept = dropRunningLines(pages);
    const bodySize = findBodySize(kept);
    const headingSizes = findHeadingSizes(kept, bodySize);
    return kept.map((lines, index) => ({
      ...composePage(lines, { bodySize, headingSizes }, index + 1, labels?.[index] ?? null),
      ...(picturePages.has(index + 1) && { isPicture: true }),
    }));
  } finally {
    await task.destroy();
  }
}

function describeFailure(cause: unknown, pageNumber?: number): AppError {
  if (cause instanceof PasswordException) {
    return unreadable(
      'the PDF is encrypted and asks for a password',
      'This PDF is protected by a password. Save a copy without one and upload that.',
      cause,
    );
  }
  const where = pageNumber === undefined ? '' : ` at page ${pageNumber}`;
  return unreadable(
    `pdf.js could not read the file${where}`,
    `This PDF is damaged${where} and cannot be read. Open it in a viewer, save a fresh copy and upload that.`,
    cause,
  );
}
