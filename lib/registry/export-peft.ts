import { readGgufAdapter } from '#lib/lora/adapter/gguf-adapter.ts';
import { writePeftAdapter } from '#lib/lora/adapter/peft-adapter.ts';
import type { LocalBase } from './find-base.ts';

/**
 * Write an artifact as the directory that PEFT and vLLM load. Its configuration is written last: a directory with one is whole.
 * @throws AppError `adapter.invalid`, `gguf.*`
 */
export async function exportPeft(artifactPath: string, base: LocalBase, directory: string): Promise<void> {
  const adapter = await readGgufAdapter(artifactPath, base.config);
  await writePeftAdapter(directory, adapter, base.config, { baseName: base.id, dropout: 0 });
}
