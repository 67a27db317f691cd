import { createHash } from 'node:crypto';
import { createReadStream, type ReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { sha256Schema } from '#lib/domain/adapter.ts';
import { AppError } from '#lib/domain/errors.ts';
import { writeWholeFile } from '#lib/lora/files/write-whole-file.ts';
import { hashFile } from '#lib/models/checksum.ts';

/**
 * Adapters as `<sha256>.gguf` in the data directory (docs/decisions/0005). A file appears whole and on disk, under the hash of
 * its bytes, and never changes; llama.cpp caches adapters by path and would go on serving an old file under a reused name.
 */
export interface ArtifactStore {
  readonly directory: string;
  /** Absolute path of an artifact; it may not exist. */
  locate(sha256: string): string;
  /** Absolute path of the same adapter as a PEFT directory, which servers other than ours load; it may not exist. */
  locatePeft(sha256: string): string;
  /** Copy a GGUF file into the store. What is there already is not written again. */
  add(filePath: string): Promise<StoredArtifact>;
  /** Null: no such artifact. */
  measure(sha256: string): Promise<number | null>;
  /**
   * Hash the file again.
   * @returns its path
   * @throws AppError `adapter.artifact-missing`, `adapter.checksum-mismatch`
   */
  verify(sha256: string): Promise<string>;
  read(sha256: string): ReadStream;
  remove(sha256: string): Promise<void>;
  /** Artifacts stored more than `ageMs` ago. */
  listOlderThan(ageMs: number): Promise<string[]>;
}

export interface StoredArtifact {
  readonly sha256: string;
  readonly sizeBytes: number;
}

const ENDING = '.gguf';

export function artifactMissing(sha256: string, cause?: unknown): AppError {
  return new AppError({
    code: 'adapter.artifact-missing',
    message: `no artifact ${sha256}${ENDING} in the adapters directory`,
    userMessage: 'The file of this adapter is missing from the server. Import it again, or roll back.',
    details: { sha256 },
    cause,
  });
}

export function createArtifactStore(directory: string): ArtifactStore {
  // The name becomes a path: nothing but a hash may ever reach it.
  const locate = (sha256: string) => path.join(directory, `${sha256Schema.parse(sha256)}${ENDING}`);

  const locatePeft = (sha256: string) => path.join(directory, 'peft', sha256Schema.parse(sha256));

  async function measure(sha256: string): Promise<number | null> {
    const found = await stat(locate(sha256)).catch(() => null);
    return found?.isFile() ? found.size : null;
  }

  return {
    directory,
    locate,
    locatePeft,
    measure,
    async add(filePath) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const sha256 = await hashFile(filePath);
      const target = locate(sha256);
      const known = await measure(sha256);
      // A damaged file under the right name is replaced by the bytes that the name promises.
      if (known === null || (await hashFile(target)) !== sha256) {
        const copied = createHash('sha256');
        await writeWholeFile(target, async (handle) => {
          for await (const part of createReadStream(filePath)) {
            copied.update(part);
            await handle.writeFile(part);
          }
          if (copied.digest('hex') !== sha256) throw new Error(`${filePath} changed while it was copied`);
        });
      }
      // Renews its age, which keeps it from a sweep until a version names it.
      const now = new Date();
      await utimes(target, now, now);
      return { sha256, sizeBytes: (await stat(target)).size };
    },
    async verify(sha256) {
      const file = locate(sha256);
      const handle = await open(file, 'r').catch((cause: unknown) => {
        throw artifactMissing(sha256, cause);
      });
      await handle.close();
      const actual = await hashFile(file);
      if (actual === sha256) return file;
      throw new AppError({
        code: 'adapter.checksum-mismatch',
        message: `${file} has SHA-256 ${actual}; its name promises ${sha256}`,
        userMessage: 'The file of this adapter is damaged. Import it again, or roll back.',
        details: { expected: sha256, actual },
      });
    },
    read: (sha256) => createReadStream(locate(sha256)),
    async remove(sha256) {
      await rm(locate(sha256), { force: true });
      await rm(locatePeft(sha256), { recursive: true, force: true });
    },
    async listOlderThan(ageMs) {
      const names = await readdir(directory).catch(() => []);
      const old: string[] = [];
      for (const name of names) {
        if (!name.endsWith(ENDING) || !sha256Schema.safeParse(name.slice(0, -ENDING.length)).success) continue;
        const found = await stat(path.join(directory, name)).catch(() => null);
        if (found !== null && found.mtimeMs < Date.now() - ageMs) old.push(name.slice(0, -ENDING.length));
      }
      return old;
    },
  };
}
