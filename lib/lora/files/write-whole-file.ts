import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { isProcessAlive } from '#lib/config/process-lock.ts';

const MARK = '.partial-';

/** What processes that were killed while they wrote `target` have left behind; gigabytes, for a base's weights. */
async function removeAbandoned(target: string): Promise<void> {
  const directory = path.dirname(target);
  const prefix = `${path.basename(target)}${MARK}`;
  for (const name of await readdir(directory)) {
    const writer = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
    if (Number.isInteger(writer) && !isProcessAlive(writer)) await rm(path.join(directory, name), { force: true });
  }
}

/**
 * Write a file that appears under its name when it is whole and on disk, or not at all.
 * @param target in a directory that exists
 */
export async function writeWholeFile(target: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  await removeAbandoned(target);
  const partial = `${target}${MARK}${process.pid}`;
  const handle = await open(partial, 'w');
  try {
    await write(handle);
    await handle.sync();
    await handle.close();
    await rename(partial, target);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(partial, { force: true });
    throw error;
  }
}
