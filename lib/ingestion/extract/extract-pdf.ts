import { createRequire } from 'node:module';
import path from 'node:path';
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
  limits: Pick<DocumentLimits, 'maxPages' | 'maxCharacters' | 'recognitionMs'>,
  onProgress: (progress: PdfProgress) => void = () => undefined,
): Promise<ExtractedPage[]> {
  // pdf.js takes over the bytes that it is given.
  const again = limits.recognitionMs > 0 ? bytes.slice() : null;
  // Whether a page shows pictures is all that is asked: none is decoded.
  const task = openPdf(bytes, 1);
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
    const recognised = new Set<number>();
    if (again && picturePages.size > 0) {
      for await (const { pageNumber, lines } of recognisePages(again, picturePages, limits.recognitionMs)) {
        onProgress({ done: pageNumber, total: pdf.numPages });
        if (lines.length === 0) continue;
        for (const line of lines) characters += line.text.length;
        if (characters > limits.maxCharacters) throw tooMuchText(limits.maxCharacters);
        pages[pageNumber - 1] = lines;
        picturePages.delete(pageNumber);
        recognised.add(pageNumber);
      }
    }
    const kept = dropRunningLines(pages);
    const bodySize = findBodySize(kept);
    const headingSizes = findHeadingSizes(kept, bodySize);
    return kept.map((lines, index) => ({
      ...composePage(lines, { bodySize, headingSizes }, index + 1, labels?.[index] ?? null),
      ...(picturePages.has(index + 1) && { isPicture: true }),
      ...(recognised.has(index + 1) && { isRecognised: true }),
    }));
  } finally {
    await task.destroy();
  }
}

/** @param maxImageSize pixels of the largest picture that is decoded */
function openPdf(data: Uint8Array, maxImageSize: number) {
  return getDocument({
    data,
    verbosity: VerbosityLevel.ERRORS,
    disableFontFace: true,
    useSystemFonts: false,
    // No font, map or image is ever fetched from anywhere.
    useWorkerFetch: false,
    isOffscreenCanvasSupported: false,
    isImageDecoderSupported: false,
    maxImageSize,
    stopAtErrors: false,
    // Decoders of JBIG2 and JPEG 2000, which scanners write.
    wasmUrl:
      path.join(path.dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json')), 'wasm') + path.sep,
  });
}

/** A page of A3 at 600 dots an inch. */
const MAX_PICTURE_PIXELS = 70_000_000;

/** Lines of pages that are pictures, as a text recogniser reads them; what the time does not suffice for is left out. */
async function* recognisePages(
  bytes: Uint8Array,
  pageNumbers: ReadonlySet<number>,
  withinMs: number,
): AsyncGenerator<{ readonly pageNumber: number; readonly lines: Line[] }> {
  const [{ openTextRecogniser }, { readPagePictures }] = await Promise.all([
    import('./recognise-text.ts'),
    import('./read-page-pictures.ts'),
  ]);
  const deadline = performance.now() + withinMs;
  const recogniser = await openTextRecogniser();
  const task = openPdf(bytes, MAX_PICTURE_PIXELS);
  try {
    const pdf = await task.promise;
    for (const pageNumber of pageNumbers) {
      if (performance.now() > deadline) return;
      const page = await pdf.getPage(pageNumber);
      const pictures = await readPagePictures(page);
      yield { pageNumber, lines: pictures.flatMap((picture) => joinLines(recogniser.recognise(picture))) };
      page.cleanup();
    }
  } finally {
    await task.destroy();
    recogniser.close();
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
