import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError } from '#lib/domain/errors.ts';
import { invalidAdapter } from '#lib/lora/adapter/adapter.ts';
import { writeGgufAdapter } from '#lib/lora/adapter/gguf-adapter.ts';
import { openAdapter, readAdapter } from '#lib/lora/adapter/read-adapter.ts';
import { hashFile } from '#lib/models/checksum.ts';
import { type RegisterDeps, type RegisteredVersion, registerAdapterVersion } from './register-version.ts';

export interface ImportInput {
  readonly fileName: string;
  readonly stream: AsyncIterable<Uint8Array>;
  /** Of the adapter; a new one, or one that gets another version. */
  readonly name: string;
  /** Default {@link MAX_IMPORT_BYTES}. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** An adapter of rank 64 for a model of 8 billion parameters in F32 has 670 MB. */
export const MAX_IMPORT_BYTES = 2_000_000_000;

/** What PEFT writes, and what we add to it; nothing else is unpacked. */
const peftFiles = ['adapter_config.json', 'adapter_model.safetensors', 'lorehouse.json'] as const;
const MAX_ARCHIVE_ENTRIES = 1000;

/**
 * Take in an adapter from a stranger, a GGUF file or a ZIP archive of a PEFT directory. Every byte is read and checked against
 * the base, and the file that is stored is written by us from the numbers: nothing else of the upload ever reaches llama.cpp.
 * @throws AppError `adapter.invalid`, `adapter.base-mismatch` with both hashes, `gguf.*`, `upload.too-large`, `input.invalid`, `model.*`
 */
export async function importAdapter(
  deps: RegisterDeps,
  access: Authorized<'adapter.write'>,
  input: ImportInput,
): Promise<RegisteredVersion> {
  const base = await deps.findBase();
  await mkdir(deps.artifacts.directory, { recursive: true, mode: 0o700 });
  const directory = await mkdtemp(path.join(deps.artifacts.directory, '.incoming-'));
  try {
    const upload = path.join(directory, 'upload');
    await storeUpload(upload, input);
    const source = (await isArchive(upload)) ? await unpackPeft(upload, path.join(directory, 'peft')) : upload;
    const file = await openAdapter(source);
    await file.close();
    const adapter = await readAdapter(source, base);
    const precision = file.factors.every(({ storedAs }) => storedAs === 'F16') ? 'F16' : 'F32';
    const written = path.join(directory, 'written.gguf');
    const templateSha256 = file.trainedOn.templateSha256;
    await writeGgufAdapter(written, { ...adapter, trainedOn: { baseSha256: base.sha256, templateSha256 } }, precision);
    return await registerAdapterVersion(deps, access, {
      adapter: { name: input.name },
      filePath: written,
      origin: 'imported',
      baseSha256: base.sha256,
      templateSha256,
      lineage: {
        importedFrom: {
          fileName: (path.basename(input.fileName) || 'upload').slice(0, 255).toWellFormed(),
          format: file.format,
          sha256: await hashFile(upload),
          baseName: file.baseName,
        },
      },
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function storeUpload(
  target: string,
  { stream, maxBytes = MAX_IMPORT_BYTES, signal }: ImportInput,
): Promise<void> {
  async function* count() {
    let sizeBytes = 0;
    for await (const part of stream) {
      sizeBytes += part.byteLength;
      if (sizeBytes > maxBytes) {
        throw new AppError({
          code: 'upload.too-large',
          message: `the upload exceeds ${maxBytes} bytes`,
          userMessage: `This file is larger than ${Math.floor(maxBytes / 1_000_000)} MB, the most that an adapter may have.`,
        });
      }
      yield part;
    }
  }
  await pipeline(
    Readable.from(count()),
    createWriteStream(target, { mode: 0o600 }),
    signal === undefined ? {} : { signal },
  );
}

async function isArchive(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.toString('latin1') === 'PK\u0003\u0004';
  } finally {
    await handle.close();
  }
}

/**
 * The known files of a PEFT directory, wherever in the archive they lie. Names of the archive never become paths, and unpacked
 * bytes are counted, whatever the archive claims.
 */
async function unpackPeft(archivePath: string, directory: string): Promise<string> {
  await mkdir(directory);
  const found = new Set<string>();
  try {
    const archive = await yauzl.openPromise(archivePath, {
      lazyEntries: true,
      validateEntrySizes: true,
      autoClose: false,
    });
    try {
      if (archive.entryCount > MAX_ARCHIVE_ENTRIES) {
        throw invalidAdapter(`the archive holds ${archive.entryCount} files, more than ${MAX_ARCHIVE_ENTRIES}`);
      }
      let unpackedBytes = 0;
      for await (const entry of archive.eachEntry()) {
        const name = peftFiles.find((known) => entry.fileName === known || entry.fileName.endsWith(`/${known}`));
        if (name === undefined) continue;
        if (found.has(name)) throw invalidAdapter(`the archive holds ${name} twice`);
        if (entry.isEncrypted()) throw invalidAdapter(`${name} in the archive is encrypted`);
        found.add(name);
        const parts = await archive.openReadStreamPromise(entry);
        async function* count() {
          for await (const part of parts) {
            unpackedBytes += Buffer.byteLength(part);
            if (unpackedBytes > MAX_IMPORT_BYTES)
              throw invalidAdapter(`the archive unpacks to more than ${MAX_IMPORT_BYTES} bytes`);
            yield part;
          }
        }
        await pipeline(Readable.from(count()), createWriteStream(path.join(directory, name), { mode: 0o600 }));
      }
    } finally {
      archive.close();
    }
  } catch (cause) {
    if (AppError.isInstance(cause)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw invalidAdapter('the archive is damaged or no ZIP file; expected a ZIP of a PEFT directory', { why });
  }
  const missing = peftFiles.slice(0, 2).find((name) => !found.has(name));
  if (missing !== undefined) throw invalidAdapter(`the archive has no ${missing}; expected a ZIP of a PEFT directory`);
  return directory;
}
