import { AppError } from '#lib/domain/errors.ts';
import type { BlobStore, StoredBlob } from './blob-store.ts';
import { cleanText } from './extract/extracted-page.ts';
import type { ARCHIVE, MediaType } from './formats.ts';
import { detectMediaType } from './media-type.ts';

export const DEFAULT_MAX_UPLOAD_BYTES = 100_000_000;

const MAX_FILE_NAME_CHARACTERS = 255;

export interface UploadInput {
  /** As on the uploader's machine. */
  readonly fileName: string;
  /**
   * Keep the folders of `fileName` in the document's name, so that two files of one name in two folders stay two documents.
   * Default: a path is cut to its last part.
   */
  readonly keepsFolders?: boolean;
  readonly stream: AsyncIterable<Uint8Array>;
  /** Default {@link DEFAULT_MAX_UPLOAD_BYTES}. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** An upload whose bytes are in the blob store. No row names it yet; without one it is removed by the worker's sweep. */
export interface StoredUpload {
  /** Cleaned, at most 255 characters. */
  readonly fileName: string;
  readonly blob: StoredBlob;
  readonly mediaType: MediaType | typeof ARCHIVE;
}

/**
 * Store an upload's bytes and find out what they are.
 * @throws AppError `document.too-large`, `document.empty`, `document.unsupported`, `document.unreadable`, `document.name-missing`
 */
export async function storeUpload(blobs: BlobStore, input: UploadInput): Promise<StoredUpload> {
  const fileName = normaliseFileName(input.fileName, input.keepsFolders ?? false);
  const blob = await blobs.put(input.stream, {
    maxBytes: input.maxBytes ?? DEFAULT_MAX_UPLOAD_BYTES,
    ...(input.signal && { signal: input.signal }),
  });
  return { fileName, blob, mediaType: await detectMediaType(blobs.locate(blob.sha256), fileName) };
}

/** @throws AppError `document.name-missing` */
function normaliseFileName(given: string, keepsFolders: boolean): string {
  const path = normalisePath(given);
  const name = path.split('/').at(-1);
  if (!name) {
    throw new AppError({
      code: 'document.name-missing',
      message: 'expected a file name, got an empty one',
      userMessage: 'The upload has no file name.',
    });
  }
  return keepsFolders ? shortenPath(path) : shortenName(name);
}

/** The name of a document from an archive: the archive's own, then the way inside it. */
export function nameArchiveEntry(archiveName: string, entryName: string): string {
  return shortenPath(`${archiveName}/${normalisePath(entryName)}`);
}

/** The steps of a path that name something, with `/` between them. */
function normalisePath(given: string): string {
  return cleanText(given.normalize('NFC'))
    .replaceAll(/[\n\t\f\u202A-\u202E\u2066-\u2069]/g, ' ')
    .split(/[/\\]/)
    .map((step) => step.trim())
    .filter((step) => !/^\.*$/.test(step))
    .join('/');
}

function shortenName(name: string): string {
  if (name.length <= MAX_FILE_NAME_CHARACTERS) return name;
  const ending = /\.[^.]{1,10}$/.exec(name)?.[0] ?? '';
  return name.slice(0, MAX_FILE_NAME_CHARACTERS - ending.length).toWellFormed() + ending;
}

/** The end of a path says more than its beginning, and two files of one folder differ there. */
function shortenPath(path: string): string {
  return path.length <= MAX_FILE_NAME_CHARACTERS ? path : `…${path.slice(1 - MAX_FILE_NAME_CHARACTERS)}`.toWellFormed();
}
