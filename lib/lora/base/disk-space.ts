import { statfs } from 'node:fs/promises';
import { AppError } from '#lib/domain/errors.ts';
import { formatBytes } from '#lib/domain/format-bytes.ts';

/** Left free on the disk after a large file is written. */
const DISK_RESERVE_BYTES = 512 * 1024 * 1024;

/**
 * Ask for room before hours or gigabytes are spent.
 * @param directory where the file will lie; it exists
 * @param what the file holds, for the message: "the merged model"
 * @throws AppError `disk.full` with the numbers
 */
export async function requireDiskSpace(directory: string, neededBytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes + DISK_RESERVE_BYTES) return;
  throw new AppError({
    code: 'disk.full',
    message: `${what}: ${formatBytes(neededBytes)} to write, and ${directory} has ${formatBytes(freeBytes)} free, of which ${formatBytes(DISK_RESERVE_BYTES)} stay in reserve; free some space or choose another disk`,
    details: { neededBytes, freeBytes },
  });
}
