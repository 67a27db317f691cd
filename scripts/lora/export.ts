import type { Command } from 'commander';
import { Option } from 'commander';
import { writePeftAdapter } from '#lib/lora/adapter/peft-adapter.ts';
import { readAdapter } from '#lib/lora/adapter/read-adapter.ts';
import { describeFile, type Precision, precisionOption, writeAdapterFile } from './adapter-output.ts';
import { type CommandContext, defineCommand, type OutputOptions, printResult } from './command-line.ts';
import { type OutputPathOptions, prepareOutputPath, withOutputPath } from './output-path.ts';
import { resolveBase, withBaseOption } from './resolve-base.ts';

interface ExportOptions extends OutputOptions, OutputPathOptions {
  readonly base?: string;
  readonly format: 'peft' | 'gguf';
  readonly precision: Precision;
  readonly baseName?: string;
}

async function exportAdapter(source: string, options: ExportOptions, { env }: CommandContext): Promise<void> {
  const base = await resolveBase(options.base, env);
  const adapter = await readAdapter(source, base);
  const target = await prepareOutputPath(options, [source]);
  if (options.format === 'gguf') {
    const file = await writeAdapterFile(target, adapter, options.precision);
    printResult({ format: 'gguf', ...file }, [describeFile(file)], options);
    return;
  }
  const baseName = options.baseName ?? base.id;
  await writePeftAdapter(target, adapter, base.config, { baseName, dropout: 0 });
  printResult({ format: 'peft', path: target, baseName }, [`${target}  for the base ${baseName}`], options);
}

export function registerExport(program: Command, context: CommandContext): void {
  const command = withBaseOption(
    defineCommand(program, 'export', 'write an adapter for other programs: PEFT’s directory, or a GGUF file'),
  ).argument('<adapter>', 'GGUF file or PEFT directory');
  withOutputPath(command, '<path>', 'directory (peft) or file (gguf) to write')
    .addOption(new Option('--format <name>').choices(['peft', 'gguf']).default('peft'))
    .addOption(precisionOption())
    .option('--base-name <name>', 'what PEFT is told the base is called (default: its catalog id or path)')
    .action((source: string, options: ExportOptions) => exportAdapter(source, options, context));
}
