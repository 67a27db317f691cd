import type { Readable } from 'node:stream';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { AppError } from '#lib/domain/errors.ts';
import { formatBytes } from '#lib/domain/format-bytes.ts';
import { type DocumentLimits, RATIO_FREE_BYTES } from './document-limits.ts';
import { tooComplex, unreadable } from './extraction-errors.ts';

export type ArchiveLimits = Pick<DocumentLimits, 'maxEntries' | 'maxUnpackedBytes' | 'maxCompressionRatio'>;

/** A file inside an archive. Its name is never a path on our disk. */
export interface ArchiveEntry {
  /** As written in the archive, with `/` between folders. */
  readonly name: string;
  readonly isFolder: boolean;
  readonly isEncrypted: boolean;
  /** As the archive claims. */
  readonly packedBytes: number;
  /** Unpacked bytes in parts; each is counted against the limits. @throws AppError `document.too-complex`, `document.unreadable` */
  stream(): AsyncGenerator<Buffer>;
}

/**
 * The table of contents of a ZIP archive. Nothing is unpacked yet, and no number in it is believed: parts are counted while
 * they are unpacked, over all entries together, which also stops archives whose entries share their packed bytes.
 * @throws AppError `document.too-complex`, `document.unreadable`
 */
export async function openArchive(source: Uint8Array | string, limits: ArchiveLimits): Promise<ArchiveEntry[]> {
  const options = { lazyEntries: true, decodeStrings: false, validateEntrySizes: true, autoClose: false };
  const budget = { unpackedBytes: 0 };
  try {
    const archive =
      typeof source === 'string'
        ? await yauzl.openPromise(source, options)
        : await yauzl.fromBufferPromise(Buffer.from(source.buffer, source.byteOffset, source.byteLength), options);
    checkEntryCount(archive.entryCount, limits);
    const entries: ArchiveEntry[] = [];
    for await (const entry of archive.eachEntry()) entries.push(describeEntry(archive, entry, limits, budget));
    return entries;
  } catch (error) {
    throw asArchiveError(error);
  }
}

function checkEntryCount(entryCount: number, { maxEntries }: ArchiveLimits): void {
  if (entryCount > maxEntries) {
    throw tooComplex('entries', `holds ${entryCount} files, more than the ${maxEntries} that are allowed`);
  }
}

function describeEntry(
  archive: ZipFile,
  entry: Entry,
  limits: ArchiveLimits,
  budget: { unpackedBytes: number },
): ArchiveEntry {
  const name = yauzl
    .getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true)
    .replaceAll('\\', '/');
  async function* stream(): AsyncGenerator<Buffer> {
    if (entry.isEncrypted()) throw protectedEntry(name);
    let unpackedBytes = 0;
    try {
      const parts = await archive.openReadStreamPromise(entry);
      for await (const part of readBuffers(parts)) {
        unpackedBytes += part.length;
        budget.unpackedBytes += part.length;
        if (budget.unpackedBytes > limits.maxUnpackedBytes) {
          throw tooComplex('unpacked-size', `unpacks to more than ${formatBytes(limits.maxUnpackedBytes)}`);
        }
        if (unpackedBytes > RATIO_FREE_BYTES && unpackedBytes > entry.compressedSize * limits.maxCompressionRatio) {
          throw tooComplex(
            'compression-ratio',
            `unpacks to more than ${limits.maxCompressionRatio} times its size, as files made to fill a disk do`,
          );
        }
        yield part;
      }
    } catch (error) {
      throw asArchiveError(error);
    }
  }
  return {
    name,
    isFolder: name.endsWith('/'),
    isEncrypted: entry.isEncrypted(),
    packedBytes: entry.compressedSize,
    stream,
  };
}

async function* readBuffers(stream: Readable): AsyncGenerator<Buffer> {
  for await (const part of stream) {
    if (!Buffer.isBuffer(part)) throw new TypeError('an archive entry gave something else than bytes');
    yield part;
  }
}

function protectedEntry(name: string): AppError {
  return unreadable(
    `${name} is encrypted`,
    'This file is protected by a password. Save a copy without one and upload that.',
  );
}

function asArchiveError(error: unknown): unknown {
  return AppError.isInstance(error) ? error : unreadable('the archive is damaged', undefined, error);
}

/** The files inside one document, each read whole by its name. The first of several with one name counts, as it does for Office. */
export interface PackedDocument {
  readonly names: readonly string[];
  /** @returns null when there is no such file */
  read(name: string): Promise<Buffer | null>;
}

/** @throws AppError `document.too-complex`, `document.unreadable` */
export async function openPackedDocument(bytes: Uint8Array, limits: ArchiveLimits): Promise<PackedDocument> {
  const entries = new Map<string, ArchiveEntry>();
  for (const entry of await openArchive(bytes, limits)) {
    const name = entry.name.replace(/^\/+/, '');
    if (!entry.isFolder && !entries.has(name)) entries.set(name, entry);
  }
  return {
    names: [...entries.keys()],
    async read(name) {
      const entry = entries.get(name.replace(/^\/+/, ''));
      if (!entry) return null;
      const parts: Buffer[] = [];
      for await (const part of entry.stream()) parts.push(part);
      return Buffer.concat(parts);
    },
  };
}
