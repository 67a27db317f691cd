import { AppError } from '#lib/domain/errors.ts';
import type { MediaType } from '../formats.ts';
import { type DocumentLimits, defaultDocumentLimits } from './document-limits.ts';
import type { ExtractedPage, LeftOutPart } from './extracted-page.ts';
import { tooComplex, tooMuchText, unreadable } from './extraction-errors.ts';
import { extractionMessageSchema } from './extraction-message.ts';
import { readFailure, runSandboxed, type SandboxLimits } from './run-sandboxed.ts';

export interface ExtractionLimits extends SandboxLimits {
  readonly document: DocumentLimits;
}

export const defaultExtractionLimits: ExtractionLimits = {
  heapMegabytes: 1024,
  residentMegabytes: 2048,
  timeoutMs: 5 * 60_000,
  document: defaultDocumentLimits,
};

/** The limits under the installation's settings. */
export function chooseExtractionLimits(settings: { readonly isTextRecognised: boolean }): ExtractionLimits {
  if (settings.isTextRecognised) return defaultExtractionLimits;
  return { ...defaultExtractionLimits, document: { ...defaultDocumentLimits, recognitionMs: 0 } };
}

/**
 * Pages of a stored file, read in a sandboxed process. Whatever the file does to it, the caller gets an error in words.
 * @throws AppError `document.unreadable`, `document.no-text`, `document.too-complex`; the signal's reason when aborted
 */
export async function runExtraction(
  filePath: string,
  mediaType: MediaType,
  options: {
    readonly signal: AbortSignal;
    readonly limits?: ExtractionLimits;
    readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
    /** Told of each part of the file that becomes no page. */
    readonly onLeftOut?: (part: LeftOutPart) => void;
  },
): Promise<ExtractedPage[]> {
  const { signal, limits = defaultExtractionLimits, onProgress, onLeftOut } = options;
  const args = [mediaType, JSON.stringify(limits.document)];
  const pages: ExtractedPage[] = [];
  let characters = 0;
  let isComplete = false;
  const { recognitionMs } = limits.document;
  const timeoutMs = limits.timeoutMs + (mediaType === 'application/pdf' ? recognitionMs : 0);
  const sandbox = { signal, limits: { ...limits, timeoutMs } };
  for await (const line of runSandboxed('extraction-child.ts', filePath, args, sandbox)) {
    const message = extractionMessageSchema.parse(JSON.parse(line));
    if (message.type === 'progress') onProgress?.(message);
    else if (message.type === 'left-out') onLeftOut?.(message.part);
    else if (message.type === 'page') {
      characters += message.page.text.length;
      if (characters > limits.document.maxCharacters) throw tooMuchText(limits.document.maxCharacters);
      pages.push(message.page);
      if (pages.length > limits.document.maxPages) throw tooManyPages(limits.document.maxPages);
    } else if (message.type === 'end') isComplete = message.pageCount === pages.length;
    else throw readFailure(message);
  }
  if (!isComplete) throw unreadable('the extraction process ended without its last message');
  if (pages.every((page) => page.text.trim() === '')) throw noText(mediaType, recognitionMs > 0);
  return pages;
}

function tooManyPages(maxPages: number): AppError {
  return tooComplex('pages', `has more than the ${maxPages} pages that are allowed`);
}

function noText(mediaType: MediaType, isRecognised: boolean): AppError {
  return new AppError({
    code: 'document.no-text',
    message: `no text on any page of a ${mediaType}`,
    userMessage:
      mediaType === 'application/pdf'
        ? `This PDF holds pictures of pages and no text, as a scanner makes them. ${
            isRecognised
              ? 'Text recognition (OCR) found nothing on them that can be read.'
              : 'Text recognition (OCR) is switched off here (LOREHOUSE_OCR). Run it over the file and upload the result.'
          }`
        : 'This file holds no text.',
  });
}
