import { stat } from 'node:fs/promises';
import type { DecoderConfig } from '../architectures/architecture.ts';
import type { LoraAdapter } from './adapter.ts';
import type { AdapterFile } from './adapter-file.ts';
import { openGgufAdapter, readGgufAdapter } from './gguf-adapter.ts';
import { openPeftAdapter, readPeftAdapter } from './peft-adapter.ts';
import { requireSameBase } from './trained-on.ts';

const isDirectory = async (path: string) => (await stat(path)).isDirectory();

/**
 * Open an adapter in either format: a directory is PEFT's, a file GGUF.
 * @throws AppError `adapter.invalid`, `gguf.*`; the system's error when there is no such path
 */
export async function openAdapter(path: string): Promise<AdapterFile> {
  return (await isDirectory(path)) ? openPeftAdapter(path) : openGgufAdapter(path);
}

/**
 * Read an adapter in either format and check all of it against the base.
 * @param base.sha256 of its GGUF file
 * @throws AppError `adapter.base-mismatch` with both hashes, and as {@link openAdapter} does
 */
export async function readAdapter(
  path: string,
  { config, sha256 }: { readonly config: DecoderConfig; readonly sha256: string },
): Promise<LoraAdapter> {
  const file = await openAdapter(path);
  await file.close();
  requireSameBase(file.trainedOn, sha256);
  return (await isDirectory(path)) ? readPeftAdapter(path, config) : readGgufAdapter(path, config);
}
