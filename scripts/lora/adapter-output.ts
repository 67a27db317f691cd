import { stat } from 'node:fs/promises';
import { Option } from 'commander';
import { formatBytes } from '#lib/domain/format-bytes.ts';
import type { LoraAdapter } from '#lib/lora/adapter/adapter.ts';
import { writeGgufAdapter } from '#lib/lora/adapter/gguf-adapter.ts';
import { hashFile } from '#lib/models/checksum.ts';

export type Precision = 'F32' | 'F16';

/** `--precision` of adapters written as GGUF. */
export function precisionOption(): Option {
  return new Option('--precision <type>', 'number type; F16 halves the file').choices(['F32', 'F16']).default('F32');
}

export interface WrittenFile {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

export async function identifyFile(path: string): Promise<WrittenFile> {
  return { path, sha256: await hashFile(path), sizeBytes: (await stat(path)).size };
}

export async function writeAdapterFile(path: string, adapter: LoraAdapter, precision: Precision): Promise<WrittenFile> {
  await writeGgufAdapter(path, adapter, precision);
  return identifyFile(path);
}

export function describeFile({ path, sha256, sizeBytes }: WrittenFile): string {
  return `${path}  ${formatBytes(sizeBytes)}  sha256 ${sha256}`;
}
