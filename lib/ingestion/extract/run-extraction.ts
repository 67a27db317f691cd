import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import PQueue from 'p-queue';
import { AppError } from '#lib/domain/errors.ts';
import type { MediaType } from '../formats.ts';
import { type DocumentLimits, defaultDocumentLimits } from './document-limits.ts';
import type { ExtractedPage, LeftOutPart } from './extracted-page.ts';
import { tooComplex, tooMuchText, unreadable } from './extraction-errors.ts';
import { type ExtractionRequest, extractionMessageSchema } from './extraction-message.ts';
import { takeReader } from './extraction-readers.ts';
import { readFailure, readLines, type Sandbox, type SandboxLimits } from './run-sandboxed.ts';

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

export interface ExtractionOptions {
  readonly signal: AbortSignal;
  readonly limits?: ExtractionLimits;
  /** Files of one owner may be read by one process, one after another. Default: a process for this file alone. */
  readonly owner?: string;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  /** Told of each part of the file that becomes no page. */
  readonly onLeftOut?: (part: LeftOutPart) => void;
}

/** Files that this process has read at once; each may take {@link defaultExtractionLimits} of memory. */
const FILES_AT_ONCE = 2;
const slots = new PQueue({ concurrency: FILES_AT_ONCE });

/**
 * Pages of a stored file, read in a sandboxed process as soon as one may be had. Whatever the file does to it, the caller gets an error in words.
 * @throws AppError `document.unreadable`, `document.no-text`, `document.too-complex`; the signal's reason when aborted
 */
export function runExtraction(
  filePath: string,
  mediaType: MediaType,
  options: ExtractionOptions,
): Promise<ExtractedPage[]> {
  return slots.add(() => readFile(filePath, mediaType, options), { signal: options.signal });
}

async function readFile(filePath: string, mediaType: MediaType, options: ExtractionOptions): Promise<ExtractedPage[]> {
  const { signal, limits = defaultExtractionLimits, owner, onProgress, onLeftOut } = options;
  signal.throwIfAborted();
  const pages: ExtractedPage[] = [];
  let characters = 0;
  let isComplete = false;
  const { recognitionMs } = limits.document;
  const timeoutMs = limits.timeoutMs + (mediaType === 'application/pdf' ? recognitionMs : 0);
  const reader = takeReader(limits, mediaType, owner);
  try {
    const sent = sendFile(reader.sandbox, filePath, { mediaType, limits: limits.document });
    for await (const line of readLines(reader.sandbox, signal, timeoutMs)) {
      const message = extractionMessageSchema.parse(JSON.parse(line));
      if (message.type === 'progress') onProgress?.(message);
      else if (message.type === 'left-out') onLeftOut?.(message.part);
      else if (message.type === 'page') {
        characters += message.page.text.length;
        if (characters > limits.document.maxCharacters) throw tooMuchText(limits.document.maxCharacters);
        pages.push(message.page);
        if (pages.length > limits.document.maxPages) throw tooManyPages(limits.document.maxPages);
      } else if (message.type === 'end') {
        isComplete = message.pageCount === pages.length;
        break;
      } else throw readFailure(message);
    }
    const unsent = await sent;
    if (unsent !== null) throw unsent;
  } finally {
    reader.release(isComplete);
  }
  if (!isComplete) throw unreadable('the extraction process ended without its last message');
  if (pages.every((page) => page.text.trim() === '')) throw noText(mediaType, recognitionMs > 0);
  return pages;
}

/**
 * Hand a file to the process. It is killed when the file cannot be read; that it ended before it had all is seen by what it says.
 * @returns why the file could not be read, or null
 */
async function sendFile(
  sandbox: Sandbox,
  filePath: string,
  request: Omit<ExtractionRequest, 'sizeBytes'>,
): Promise<unknown> {
  try {
    const { size: sizeBytes } = await stat(filePath);
    sandbox.input.write(`${JSON.stringify({ ...request, sizeBytes } satisfies ExtractionRequest)}\n`);
    for await (const part of createReadStream(filePath)) {
      if (sandbox.input.destroyed) break;
      if (!sandbox.input.write(part)) await waitForRoom(sandbox.input);
    }
    return null;
  } catch (error) {
    if (sandbox.hasEnded()) return null;
    sandbox.kill();
    return error;
  }
}

/** Not `pipeline`, which leaves its listeners on an input that stays open: a process reads up to hundreds of files. */
function waitForRoom(input: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      input.off('drain', settle).off('close', settle);
      resolve();
    };
    input.on('drain', settle).on('close', settle);
  });
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
