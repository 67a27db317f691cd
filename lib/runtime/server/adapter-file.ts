import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError, invalidInput } from '#lib/domain/errors.ts';
import { computeFileSha256 } from './file-hash.ts';

/**
 * The real path of an adapter file that may be loaded: content-addressed and with the promised content. llama.cpp caches
 * adapters by path, so a file that could change under its name would go on serving its old content.
 * @throws AppError `input.invalid`, `adapter.artifact-missing`, `adapter.checksum-mismatch`
 */
export type CheckAdapterFile = (filePath: string, sha256: string) => Promise<string>;

/** A file is hashed once, and again whenever anything that the system records of a change is another than it was then. */
export function createAdapterFileCheck(adaptersDir: string | null): CheckAdapterFile {
  const known = new Map<string, string>();
  return async (filePath, sha256) => {
    const real = await locateAdapterFile(filePath, sha256, adaptersDir);
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(real, { bigint: true });
    const fingerprint = [dev, ino, size, mtimeNs, ctimeNs].join(':');
    if (known.get(real) === fingerprint) return real;
    known.delete(real);
    const actual = await computeFileSha256(real);
    if (actual !== sha256) {
      throw new AppError({
        code: 'adapter.checksum-mismatch',
        message: `${real} has SHA-256 ${actual}; its name promises ${sha256}`,
        userMessage: 'The adapter file is damaged.',
        details: { expected: sha256, actual },
      });
    }
    known.set(real, fingerprint);
    return real;
  };
}

async function locateAdapterFile(filePath: string, sha256: string, adaptersDir: string | null): Promise<string> {
  if (adaptersDir === null) throw invalidInput('this inference server was started without an adapters directory');
  if (path.basename(filePath) !== `${sha256}.gguf`) {
    throw invalidInput(`lora_path must end in ${sha256}.gguf, the SHA-256 given as lora_name`);
  }
  const missing = (cause: unknown) =>
    new AppError({
      code: 'adapter.artifact-missing',
      message: `no adapter file at ${filePath}`,
      userMessage: 'The file of this adapter is missing from the server.',
      cause,
    });
  const [real, allowed] = await Promise.all([
    realpath(filePath).catch((cause: unknown) => {
      throw missing(cause);
    }),
    realpath(adaptersDir).catch((cause: unknown) => {
      throw missing(cause);
    }),
  ]);
  if (path.dirname(real) !== allowed) {
    throw invalidInput(`lora_path must lie in the adapters directory ${allowed}, not in ${path.dirname(real)}`);
  }
  return real;
}
