import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { AppError, invalidInput } from '#lib/domain/errors.ts';
import { computeFileSha256 } from './file-hash.ts';

/**
 * The real path of an adapter file that may be loaded: content-addressed and with the promised content. llama.cpp caches
 * adapters by path, so a file that could change under its name would go on serving its old content.
 * @throws AppError `input.invalid`, `adapter.not-found`, `adapter.checksum-mismatch`
 */
export async function checkAdapterFile(filePath: string, sha256: string, adaptersDir: string | null): Promise<string> {
  if (adaptersDir === null) throw invalidInput('this inference server was started without an adapters directory');
  if (path.basename(filePath) !== `${sha256}.gguf`) {
    throw invalidInput(`lora_path must end in ${sha256}.gguf, the SHA-256 given as lora_name`);
  }
  const missing = (cause: unknown) =>
    new AppError({
      code: 'adapter.not-found',
      message: `no adapter file at ${filePath}`,
      userMessage: 'The adapter file does not exist.',
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
  const actual = await computeFileSha256(real);
  if (actual !== sha256) {
    throw new AppError({
      code: 'adapter.checksum-mismatch',
      message: `${real} has SHA-256 ${actual}; its name promises ${sha256}`,
      userMessage: 'The adapter file is damaged.',
      details: { expected: sha256, actual },
    });
  }
  return real;
}
