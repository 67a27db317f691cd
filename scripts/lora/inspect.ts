import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { formatBytes } from '#lib/domain/format-bytes.ts';
import { openAdapter } from '#lib/lora/adapter/read-adapter.ts';
import { openGguf } from '#lib/lora/gguf/read-gguf.ts';
import { hashFile } from '#lib/models/checksum.ts';
import { alignColumns, type CommandContext, defineCommand, type OutputOptions, printResult } from './command-line.ts';
import { describeAdapter, findMisfit, printAdapter } from './describe-adapter.ts';
import { describeBase, printBase } from './describe-base.ts';
import { resolveBase, withBaseOption } from './resolve-base.ts';

interface InspectOptions extends OutputOptions {
  readonly base?: string;
}

/** The file that holds the numbers: what is hashed, and what identifies the adapter. */
async function findWeights(target: string): Promise<string> {
  return (await stat(target)).isDirectory() ? path.join(target, 'adapter_model.safetensors') : target;
}

async function inspectAdapter(target: string, { env, signal }: CommandContext, options: InspectOptions): Promise<void> {
  const file = await openAdapter(target);
  try {
    const base = options.base === undefined ? null : await resolveBase(options.base, env);
    const misfit = base === null ? null : findMisfit(file, base);
    const adapter = await describeAdapter(file, signal);
    const weights = await findWeights(target);
    const sha256 = await hashFile(weights, signal);
    const { size: sizeBytes } = await stat(weights);
    printResult(
      { path: target, sha256, sizeBytes, base: base && { id: base.id, fits: misfit === null, misfit }, ...adapter },
      [
        `Adapter ${target}`,
        ...alignColumns([
          ['size', formatBytes(sizeBytes)],
          ['SHA-256', sha256],
        ]),
        ...printAdapter(adapter),
        ...(base === null ? [] : ['', misfit === null ? `Fits ${base.id}.` : `Does not fit ${base.id}: ${misfit}`]),
      ],
      options,
    );
  } finally {
    await file.close();
  }
}

async function inspectFile(target: string, context: CommandContext, options: InspectOptions): Promise<void> {
  const gguf = await openGguf(target);
  try {
    if (gguf.metadata.get('general.type') === 'adapter') return await inspectAdapter(target, context, options);
    const base = describeBase(gguf);
    const sha256 = await hashFile(target, context.signal);
    printResult({ path: target, sha256, ...base }, [`Base model ${target}`, ...printBase(base, sha256)], options);
  } finally {
    await gguf.close();
  }
}

export function registerInspect(program: Command, context: CommandContext): void {
  withBaseOption(
    defineCommand(program, 'inspect', 'what an adapter or a base model holds'),
    'say whether the adapter fits this base: catalog id or GGUF file',
  )
    .argument('<path>', 'a GGUF file, or a PEFT directory')
    .action(async (target: string, options: InspectOptions) => {
      const isDirectory = (await stat(target)).isDirectory();
      await (isDirectory ? inspectAdapter(target, context, options) : inspectFile(target, context, options));
    });
}
