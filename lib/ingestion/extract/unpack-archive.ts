import { type DocumentLimits, defaultDocumentLimits } from './document-limits.ts';
import { unreadable } from './extraction-errors.ts';
import { type UnpackMessage, unpackMessageSchema } from './extraction-message.ts';
import { readFailure, runSandboxed, type SandboxLimits } from './run-sandboxed.ts';

export interface UnpackLimits
  extends SandboxLimits,
    Pick<DocumentLimits, 'maxEntries' | 'maxUnpackedBytes' | 'maxCompressionRatio'> {
  /** Of one file in the archive. */
  readonly maxEntryBytes: number;
}

export const defaultUnpackLimits: UnpackLimits = {
  heapMegabytes: 512,
  residentMegabytes: 1024,
  timeoutMs: 10 * 60_000,
  maxEntries: 10_000,
  maxUnpackedBytes: 2_000_000_000,
  maxEntryBytes: 100_000_000,
  maxCompressionRatio: defaultDocumentLimits.maxCompressionRatio,
};

export interface UnpackedFile {
  /** As written in the archive, with `/` between folders. */
  readonly name: string;
  /** Read it to its end, or not at all, before the next file. @throws AppError what is wrong with this file alone */
  readonly content: AsyncGenerator<Uint8Array>;
}

/**
 * The files in a stored ZIP archive, in its order, unpacked in a sandboxed process and held nowhere.
 * @throws AppError `document.too-complex`, `document.unreadable` when the archive as a whole is refused, or from some file on
 */
export async function* unpackArchive(
  filePath: string,
  options: { readonly signal: AbortSignal; readonly limits?: UnpackLimits },
): AsyncGenerator<UnpackedFile> {
  const { signal, limits = defaultUnpackLimits } = options;
  const { maxEntries, maxUnpackedBytes, maxCompressionRatio, maxEntryBytes } = limits;
  const args = [JSON.stringify({ maxEntries, maxUnpackedBytes, maxCompressionRatio, maxEntryBytes })];
  const lines = runSandboxed('unpack-child.ts', filePath, args, { signal, limits });
  let isInEntry = false;
  let failure: { readonly error: unknown } | undefined;
  const next = async (): Promise<UnpackMessage> => {
    // Met inside a file, it is told of that file and of the archive.
    if (failure) throw failure.error;
    try {
      const { done, value } = await lines.next();
      if (done === true) throw unreadable('the unpacking process ended without its last message');
      return unpackMessageSchema.parse(JSON.parse(value));
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  async function* readContent(): AsyncGenerator<Uint8Array> {
    for (let message = await next(); isInEntry; message = await next()) {
      if (message.type === 'data') {
        yield Buffer.from(message.base64, 'base64');
        continue;
      }
      isInEntry = false;
      if (message.type === 'entry-error') throw readFailure(message);
      return;
    }
  }
  try {
    for (let message = await next(); ; message = await next()) {
      if (message.type === 'end') return;
      if (message.type === 'error') throw readFailure(message);
      // What a caller left unread of the file before is passed over.
      if (message.type !== 'entry') continue;
      isInEntry = true;
      yield { name: message.name, content: readContent() };
      isInEntry = false;
    }
  } finally {
    await lines.return(undefined);
  }
}
