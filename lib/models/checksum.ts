import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

/** Reads of 1 MiB: hashing 300 MB in default 64 KiB steps spends a third of its time between them. */
const READ_BYTES = 1 << 20;

/** SHA-256 of a file as 64 hexadecimal digits. */
export async function hashFile(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const options = { highWaterMark: READ_BYTES, ...(signal === undefined ? {} : { signal }) };
  for await (const chunk of createReadStream(file, options)) hash.update(z.instanceof(Buffer).parse(chunk));
  return hash.digest('hex');
}

const recordSchema = z.object({ path: z.string(), sizeBytes: z.number(), modifiedMs: z.number(), sha256: z.string() });

/** One record a file, so that two processes never write the same one with different news. */
function recordPath(modelsDir: string, file: string): string {
  const key = createHash('sha256').update(path.resolve(file)).digest('hex').slice(0, 32);
  return path.join(modelsDir, 'checksums', `${key}.json`);
}

/**
 * SHA-256 of a file, remembered beside the models by path, size and modification time: hashing gigabytes at every start
 * would take longer than loading them. A file changed without either changing is caught by `npm run models -- verify`.
 */
export async function readChecksum(file: string, modelsDir: string, signal?: AbortSignal): Promise<string> {
  const found = await stat(file);
  const record = recordPath(modelsDir, file);
  try {
    const known = recordSchema.parse(JSON.parse(await readFile(record, 'utf8')));
    if (known.path === path.resolve(file) && known.sizeBytes === found.size && known.modifiedMs === found.mtimeMs) {
      return known.sha256;
    }
  } catch {
    // No record, or one that cannot be read: hash again.
  }
  const sha256 = await hashFile(file, signal);
  await rememberChecksum(file, modelsDir, sha256);
  return sha256;
}

/** Record a checksum that was just computed over the file's bytes. A directory that cannot be written is no error. */
export async function rememberChecksum(file: string, modelsDir: string, sha256: string): Promise<void> {
  const found = await stat(file);
  const record = recordPath(modelsDir, file);
  const draft = `${record}.${process.pid}`;
  try {
    await mkdir(path.dirname(record), { recursive: true });
    await writeFile(
      draft,
      JSON.stringify({ path: path.resolve(file), sizeBytes: found.size, modifiedMs: found.mtimeMs, sha256 }),
    );
    await rename(draft, record);
  } catch {
    // Models may lie on a read-only disk; then every start hashes them.
  }
}
