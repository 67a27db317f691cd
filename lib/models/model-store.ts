import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { type ModelEntry, type ModelFile, type ModelKind, modelCatalog, requireModel } from './catalog.ts';
import { hashFile, readChecksum, rememberChecksum } from './checksum.ts';
import { checksumMismatch, modelFileUnreadable, modelNotDownloaded, notGguf } from './model-errors.ts';

/** A model whose files are on this machine. */
export interface ResolvedModel {
  /** Catalog id, or the absolute path of a GGUF. */
  readonly id: string;
  /** Null for a GGUF given by path: the setting that names it says what it is. */
  readonly kind: ModelKind | null;
  /** In catalog order: the first holds the weights. Paths are absolute. */
  readonly files: readonly {
    readonly name: string;
    readonly path: string;
    readonly sizeBytes: number;
    readonly sha256: string;
  }[];
  /** Of the weights: identifies the model wherever a result says what produced it. */
  readonly sha256: string;
  /** Null for a GGUF given by path. */
  readonly entry: ModelEntry | null;
}

export interface ModelState {
  readonly entry: ModelEntry;
  readonly state: 'present' | 'partial' | 'absent';
  /** Bytes on this machine, partial downloads not counted. */
  readonly presentBytes: number;
}

/** Settings name a model by catalog id or by path; a path has a separator or ends in `.gguf`. */
export function isModelPath(idOrPath: string): boolean {
  return idOrPath.endsWith('.gguf') || idOrPath.includes('/') || idOrPath.includes(path.sep);
}

export function modelFilePath(modelsDir: string, entry: ModelEntry, file: ModelFile): string {
  return path.join(modelsDir, entry.id, file.name);
}

/** Whether these are the bytes that the catalog pins, in any of the forms it accepts. */
export function isPinned(file: ModelFile, sha256: string): boolean {
  return file.sha256 === sha256 || (file.equivalents ?? []).some((form) => form.sha256 === sha256);
}

export function isPinnedSize(file: ModelFile, sizeBytes: number): boolean {
  return file.sizeBytes === sizeBytes || (file.equivalents ?? []).some((form) => form.sizeBytes === sizeBytes);
}

/** The first four bytes of every GGUF file. */
const GGUF_MAGIC = 'GGUF';

async function resolveGguf(file: string, modelsDir: string): Promise<ResolvedModel> {
  const absolute = path.resolve(file);
  let sizeBytes: number;
  let magic: string;
  try {
    const handle = await open(absolute, 'r');
    try {
      sizeBytes = (await handle.stat()).size;
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
      magic = buffer.toString('latin1', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw modelFileUnreadable(absolute, error);
  }
  if (magic !== GGUF_MAGIC) throw notGguf(absolute);
  const sha256 = await readChecksum(absolute, modelsDir);
  return {
    id: absolute,
    kind: null,
    files: [{ name: path.basename(absolute), path: absolute, sizeBytes, sha256 }],
    sha256,
    entry: null,
  };
}

/**
 * Find a model on this machine by catalog id or by the path of a GGUF. Never downloads.
 * @throws model.unknown, model.not-downloaded, model.checksum-mismatch, model.file-unreadable, model.not-gguf
 */
export async function resolveModel(
  idOrPath: string,
  modelsDir: string,
  catalog: readonly ModelEntry[] = modelCatalog,
): Promise<ResolvedModel> {
  if (isModelPath(idOrPath)) return resolveGguf(idOrPath, modelsDir);
  const entry = requireModel(idOrPath, catalog);
  const files = [];
  for (const file of entry.files) {
    const target = path.resolve(modelFilePath(modelsDir, entry, file));
    const found = await stat(target).catch(() => null);
    if (found === null) throw modelNotDownloaded(entry.id, file.name);
    const sha256 = await readChecksum(target, modelsDir);
    if (!isPinned(file, sha256)) throw damaged(entry, file, sha256);
    files.push({ name: file.name, path: target, sizeBytes: found.size, sha256 });
  }
  const weights = files[0];
  if (weights === undefined) throw modelNotDownloaded(entry.id, 'its weights');
  return { id: entry.id, kind: entry.kind, files, sha256: weights.sha256, entry };
}

function damaged(entry: ModelEntry, file: ModelFile, actual: string): Error {
  return checksumMismatch({ id: entry.id, file: file.name, expected: file.sha256, actual, source: 'this disk' });
}

/** What is on this machine of every catalog entry, by file size only. */
export async function listModels(
  modelsDir: string,
  catalog: readonly ModelEntry[] = modelCatalog,
): Promise<readonly ModelState[]> {
  return Promise.all(
    catalog.map(async (entry) => {
      const sizes = await Promise.all(
        entry.files.map(async (file) => {
          const found = await stat(modelFilePath(modelsDir, entry, file)).catch(() => null);
          return found !== null && isPinnedSize(file, found.size) ? found.size : 0;
        }),
      );
      const presentCount = sizes.filter((size) => size > 0).length;
      const state = presentCount === entry.files.length ? 'present' : presentCount > 0 ? 'partial' : 'absent';
      return { entry, state, presentBytes: sizes.reduce((sum, size) => sum + size, 0) };
    }),
  );
}

/**
 * Hash every byte of a downloaded model again, remembered checksums aside.
 * @throws model.unknown, model.not-downloaded, model.checksum-mismatch
 */
export async function verifyModel(
  id: string,
  modelsDir: string,
  catalog: readonly ModelEntry[] = modelCatalog,
): Promise<ResolvedModel> {
  const entry = requireModel(id, catalog);
  for (const file of entry.files) {
    const target = modelFilePath(modelsDir, entry, file);
    if ((await stat(target).catch(() => null)) === null) throw modelNotDownloaded(entry.id, file.name);
    const sha256 = await hashFile(target);
    if (!isPinned(file, sha256)) throw damaged(entry, file, sha256);
    await rememberChecksum(target, modelsDir, sha256);
  }
  return resolveModel(id, modelsDir, catalog);
}
