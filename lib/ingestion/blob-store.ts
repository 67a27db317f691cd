import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, type ReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '#lib/domain/errors.ts';

/**
 * Files by the SHA-256 of their bytes, so equal uploads are one file and a file never changes. A file stands at its final
 * name only when it is complete and on the disk: bytes go to `.incoming-…` beside it, are flushed and then renamed.
 */
export interface BlobStore {
  /**
   * Store a stream. Storing what is there already is cheap and renews the file's age, which keeps it from a sweep.
   * @throws AppError `document.too-large`, `document.empty`, `internal.disk-full`
   */
  put(
    stream: AsyncIterable<Uint8Array>,
    limits: { readonly maxBytes: number; readonly signal?: AbortSignal },
  ): Promise<StoredBlob>;
  /** Absolute path of a blob; it may not exist. */
  locate(sha256: string): string;
  /** Size in bytes; null when there is no such blob. */
  measure(sha256: string): Promise<number | null>;
  /** Milliseconds since it was stored or renewed; null when there is no such blob. */
  readAgeMs(sha256: string): Promise<number | null>;
  /** Bytes `start` to `end`, both inclusive and from 0; the whole file without a range. */
  read(sha256: string, range?: { readonly start: number; readonly end: number }): ReadStream;
  remove(sha256: string): Promise<void>;
  /** Blobs that were stored or renewed more than `ageMs` ago. */
  listOlderThan(ageMs: number): Promise<string[]>;
  /** Remove what interrupted uploads left behind more than `ageMs` ago. */
  removeAbandonedUploads(ageMs: number): Promise<void>;
}

export interface StoredBlob {
  readonly sha256: string;
  readonly sizeBytes: number;
}

const INCOMING = '.incoming-';
const SHA256_NAME = /^[0-9a-f]{64}$/;

function checkName(sha256: string): string {
  // The name becomes a path: nothing but a hash may ever reach it.
  if (!SHA256_NAME.test(sha256)) throw new TypeError('a blob is named by 64 hexadecimal digits');
  return sha256;
}

export function createBlobStore(blobsDir: string): BlobStore {
  const locate = (sha256: string) => path.join(blobsDir, checkName(sha256));

  async function measure(sha256: string): Promise<number | null> {
    const found = await stat(locate(sha256)).catch(() => null);
    return found?.isFile() ? found.size : null;
  }

  return {
    locate,
    measure,
    async put(stream, { maxBytes, signal }) {
      await mkdir(blobsDir, { recursive: true, mode: 0o700 });
      const incoming = path.join(blobsDir, `${INCOMING}${randomUUID()}`);
      const hash = createHash('sha256');
      let sizeBytes = 0;
      try {
        const file = await open(incoming, 'wx', 0o600);
        try {
          for await (const part of stream) {
            signal?.throwIfAborted();
            sizeBytes += part.byteLength;
            if (sizeBytes > maxBytes) throw tooLarge(maxBytes);
            hash.update(part);
            await file.writeFile(part);
          }
          if (sizeBytes === 0) throw empty();
          await file.sync();
        } finally {
          await file.close();
        }
        const sha256 = hash.digest('hex');
        await rename(incoming, locate(sha256));
        return { sha256, sizeBytes };
      } catch (error) {
        await rm(incoming, { force: true });
        throw isDiskFull(error) ? diskFull(error) : error;
      }
    },
    async readAgeMs(sha256) {
      const found = await stat(locate(sha256)).catch(() => null);
      return found === null ? null : Date.now() - found.mtimeMs;
    },
    read(sha256, range) {
      return createReadStream(locate(sha256), range);
    },
    async remove(sha256) {
      await rm(locate(sha256), { force: true });
    },
    async listOlderThan(ageMs) {
      const names = await readdir(blobsDir).catch(() => []);
      const old: string[] = [];
      for (const name of names) {
        if (SHA256_NAME.test(name) && (await isOlder(path.join(blobsDir, name), ageMs))) old.push(name);
      }
      return old;
    },
    async removeAbandonedUploads(ageMs) {
      const names = await readdir(blobsDir).catch(() => []);
      for (const name of names) {
        const file = path.join(blobsDir, name);
        if (name.startsWith(INCOMING) && (await isOlder(file, ageMs))) await rm(file, { force: true });
      }
    },
  };
}

async function isOlder(file: string, ageMs: number): Promise<boolean> {
  const found = await stat(file).catch(() => null);
  return found !== null && found.mtimeMs < Date.now() - ageMs;
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

function diskFull(cause: unknown): AppError {
  return new AppError({
    code: 'internal.disk-full',
    message: 'no space left for the upload; free space in LOREHOUSE_DATA_DIR',
    userMessage: 'The server has no space left for this file. Ask its operator to free some, then upload again.',
    cause,
  });
}

function empty(): AppError {
  return new AppError({ code: 'document.empty', message: 'upload of 0 bytes', userMessage: 'This file is empty.' });
}

function tooLarge(maxBytes: number): AppError {
  const megabytes = Math.floor(maxBytes / 1_000_000);
  return new AppError({
    code: 'document.too-large',
    message: `upload exceeds ${maxBytes} bytes`,
    userMessage: `This file is larger than ${megabytes} MB, the most that one document may have. Split it into parts.`,
    details: { maxBytes },
  });
}
