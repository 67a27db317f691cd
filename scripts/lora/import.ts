import type { Command } from 'commander';
import { readAdapter } from '#lib/lora/adapter/read-adapter.ts';
import { describeFile, type Precision, precisionOption, writeAdapterFile } from './adapter-output.ts';
import { type CommandContext, defineCommand, type OutputOptions, printResult } from './command-line.ts';
import { type OutputPathOptions, prepareOutputPath, withOutputPath } from './output-path.ts';
import { resolveBase, withBaseOption } from './resolve-base.ts';

interface ImportOptions extends OutputOptions, OutputPathOptions {
  readonly base?: string;
  readonly precision: Precision;
}

async function importAdapter(source: string, options: ImportOptions, { env }: CommandContext): Promise<void> {
  const base = await resolveBase(options.base, env);
  const adapter = await readAdapter(source, base);
  const target = await prepareOutputPath(options, [source]);
  const file = await writeAdapterFile(target, adapter, options.precision);
  const tensors = adapter.factors.length;
  printResult(
    { base: base.id, tensors, alpha: adapter.alpha, ...file },
    [`${tensors} adapted layers, all of which fit ${base.id}`, describeFile(file)],
    options,
  );
}

export function registerImport(program: Command, context: CommandContext): void {
  const command = withBaseOption(
    defineCommand(program, 'import', 'check an adapter of unknown origin against the base and write it as GGUF'),
  ).argument('<adapter>', 'GGUF file or PEFT directory');
  withOutputPath(command, '<file>', 'GGUF file to write')
    .addOption(precisionOption())
    .action((source: string, options: ImportOptions) => importAdapter(source, options, context));
}
