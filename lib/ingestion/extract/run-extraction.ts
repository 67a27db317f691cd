import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { AppError } from '#lib/domain/errors.ts';
import type { MediaType } from '../media-type.ts';
import type { ExtractedPage } from './extracted-page.ts';
import { extractionMessageSchema } from './extraction-message.ts';

export interface ExtractionLimits {
  /** Heap of the extraction process. */
  readonly heapMegabytes: number;
  /** Resident memory, buffers outside the heap included; watched where the system tells it (Linux). */
  readonly residentMegabytes: number;
  readonly timeoutMs: number;
  /** Characters of text over all pages: a small file may unpack to gigabytes. */
  readonly maxCharacters: number;
}

export const defaultExtractionLimits: ExtractionLimits = {
  heapMegabytes: 1024,
  residentMegabytes: 2048,
  timeoutMs: 5 * 60_000,
  maxCharacters: 50_000_000,
};

const CHILD = fileURLToPath(new URL('./extraction-child.ts', import.meta.url));
const PROJECT_DIR = path.resolve(path.dirname(CHILD), '../../..');
const MEMORY_CHECK_INTERVAL_MS = 500;
const MAX_LOG_CHARACTERS = 4000;

/**
 * Pages of a stored file, read in a process of its own that may see the project's code and this one file, start nothing and
 * write nothing. Whatever the file does to it, the caller gets an error in words.
 * @throws AppError `document.unreadable`, `document.no-text`, `document.too-complex`; the signal's reason when aborted
 */
export async function runExtraction(
  filePath: string,
  mediaType: MediaType,
  options: {
    readonly signal: AbortSignal;
    readonly limits?: ExtractionLimits;
    readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  },
): Promise<ExtractedPage[]> {
  const { signal, limits = defaultExtractionLimits, onProgress } = options;
  signal.throwIfAborted();
  const child = spawn(
    process.execPath,
    [
      `--max-old-space-size=${limits.heapMegabytes}`,
      '--permission',
      `--allow-fs-read=${PROJECT_DIR}`,
      `--allow-fs-read=${filePath}`,
      '--disable-warning=SecurityWarning',
      CHILD,
      filePath,
      mediaType,
    ],
    // Next to no environment: no database address, no token, no NODE_OPTIONS.
    { stdio: ['ignore', 'pipe', 'pipe'], env: { NODE_ENV: 'production' } },
  );
  let stopCause: 'aborted' | 'timeout' | 'memory' | 'size' | undefined;
  const stop = (cause: typeof stopCause) => {
    stopCause ??= cause;
    child.kill('SIGKILL');
  };
  const onAbort = () => stop('aborted');
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => stop('timeout'), limits.timeoutMs);
  const checkMemory = async () => {
    if ((await readResidentMegabytes(child.pid)) > limits.residentMegabytes) stop('memory');
  };
  const memoryTimer = setInterval(() => {
    void checkMemory();
  }, MEMORY_CHECK_INTERVAL_MS);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-MAX_LOG_CHARACTERS);
  });
  const closed = new Promise<void>((resolve, reject) => {
    child.once('close', () => resolve());
    child.once('error', reject);
  });
  const pages: ExtractedPage[] = [];
  let characters = 0;
  let isComplete = false;
  let failure: AppError | undefined;
  try {
    for await (const line of createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (stopCause) break;
      const message = extractionMessageSchema.parse(JSON.parse(line));
      if (message.type === 'progress') onProgress?.(message);
      else if (message.type === 'page') {
        characters += message.page.text.length;
        if (characters > limits.maxCharacters) stop('size');
        pages.push(message.page);
      } else if (message.type === 'end') isComplete = message.pageCount === pages.length;
      else failure = readFailure(message);
    }
    await closed;
  } finally {
    clearTimeout(timer);
    clearInterval(memoryTimer);
    signal.removeEventListener('abort', onAbort);
    child.kill('SIGKILL');
  }
  signal.throwIfAborted();
  if (stopCause === 'timeout' || stopCause === 'memory' || stopCause === 'size') throw tooComplex(stopCause, limits);
  if (failure) throw failure;
  if (!isComplete) {
    if (/heap out of memory/i.test(log)) throw tooComplex('memory', limits);
    throw unreadable(`the extraction process ended early (${child.signalCode ?? child.exitCode}): ${log}`);
  }
  if (pages.every((page) => page.text.trim() === '')) throw noText(mediaType);
  return pages;
}

async function readResidentMegabytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '');
  const PAGE_BYTES = 4096;
  return (Number(status.split(' ')[1] ?? 0) * PAGE_BYTES) / 1_048_576;
}

function readFailure(message: { code: string; message: string; userMessage: string }): AppError {
  if (message.userMessage === '') return unreadable(message.message);
  return new AppError(message);
}

function unreadable(message: string): AppError {
  return new AppError({
    code: 'document.unreadable',
    message,
    userMessage: 'This file cannot be read; it may be damaged. Save a fresh copy and upload that.',
  });
}

function noText(mediaType: MediaType): AppError {
  return new AppError({
    code: 'document.no-text',
    message: `no text on any page of a ${mediaType}`,
    userMessage:
      mediaType === 'application/pdf'
        ? 'This PDF holds pictures of pages and no text, as a scanner makes them. Run text recognition (OCR) over it and upload the result.'
        : 'This file holds no text.',
  });
}

function tooComplex(cause: 'timeout' | 'memory' | 'size', limits: ExtractionLimits): AppError {
  const what = {
    timeout: `took more than ${Math.round(limits.timeoutMs / 1000)} seconds to read`,
    memory: `needed more than ${limits.residentMegabytes} MB of memory to read`,
    size: `holds more than ${Math.round(limits.maxCharacters / 1_000_000)} million characters of text`,
  }[cause];
  return new AppError({
    code: 'document.too-complex',
    message: `extraction stopped: the file ${what}`,
    userMessage: `This file ${what}. Split it into smaller documents and upload those.`,
    details: { cause },
  });
}
