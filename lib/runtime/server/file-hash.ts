import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** Large reads: hashing a model of some hundred megabytes is part of the start-up time. */
const READ_BYTES = 4 * 1024 * 1024;

export async function computeFileSha256(filePath: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(filePath, { highWaterMark: READ_BYTES }), hash);
  return hash.digest('hex');
}
