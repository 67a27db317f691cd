import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { LoraAdapter } from '#lib/lora/adapter/adapter.ts';
import type { CheckpointAdapter } from '#lib/lora/train/checkpoint-adapter.ts';

export interface SampleExporter {
  /** A checkpoint was written. While one is being exported, the newest that comes meanwhile is next. */
  request(): void;
  /** Wait for what is under way. */
  finish(): Promise<void>;
}

/**
 * Adapters of checkpoints as files that the runtime can load, beside the training that goes on. A sample that cannot be
 * written is left out: it is for looking at, and training does not depend on it.
 * @param directory null: nobody wants any
 */
export function exportSamples(
  directory: string | null,
  deps: {
    readonly read: () => Promise<CheckpointAdapter | null>;
    readonly write: (file: string, adapter: LoraAdapter) => Promise<void>;
    readonly onReady: (step: number, filePath: string) => void;
  },
): SampleExporter {
  let exporting: Promise<void> | null = null;
  let isWanted = false;

  async function exportNewest(into: string): Promise<void> {
    const found = await deps.read();
    if (found === null) return;
    await mkdir(into, { recursive: true });
    const name = `step-${found.step}.gguf`;
    await deps.write(path.join(into, name), found.adapter);
    deps.onReady(found.step, path.join(into, name));
    for (const file of await readdir(into)) if (file !== name) await rm(path.join(into, file), { force: true });
  }

  async function exportAll(into: string): Promise<void> {
    while (isWanted) {
      isWanted = false;
      await exportNewest(into).catch(() => undefined);
    }
    exporting = null;
  }

  return {
    request() {
      if (directory === null) return;
      isWanted = true;
      exporting ??= exportAll(directory);
    },
    async finish() {
      await exporting;
    },
  };
}
