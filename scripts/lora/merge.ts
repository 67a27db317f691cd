import process from 'node:process';
import { type Command, Option } from 'commander';
import { readAdapter } from '#lib/lora/adapter/read-adapter.ts';
import { type WrittenTypeName, writtenTypes } from '#lib/lora/gguf/quantise.ts';
import { mergeAdapter } from '#lib/lora/merge/merge-adapter.ts';
import { describeFile, identifyFile } from './adapter-output.ts';
import { type CommandContext, defineCommand, type OutputOptions, printResult } from './command-line.ts';
import { type OutputPathOptions, prepareOutputPath, withOutputPath } from './output-path.ts';
import { parseCount, parseNumber } from './parse-number.ts';
import { createProgressLine } from './progress-line.ts';
import { resolveBase, withBaseOption } from './resolve-base.ts';
import { chooseThreads } from './training-options.ts';

interface MergeCommandOptions extends OutputOptions, OutputPathOptions {
  readonly base?: string;
  readonly type: WrittenTypeName;
  readonly scale: number;
  readonly threads?: number;
}

async function merge(source: string, options: MergeCommandOptions, { env, signal }: CommandContext): Promise<void> {
  const startedMs = performance.now();
  const base = await resolveBase(options.base, env);
  const adapter = await readAdapter(source, base);
  const target = await prepareOutputPath(options, [source, base.path]);
  const { adaptedTensors, tensors } = await mergeAdapter(base.path, adapter, target, {
    type: options.type,
    scale: options.scale,
    threads: chooseThreads(options.threads),
    onProgress: createProgressLine(process.stderr, 'merging'),
    signal,
  });
  const file = await identifyFile(target);
  const seconds = (performance.now() - startedMs) / 1000;
  printResult(
    { base: base.id, baseSha256: base.sha256, type: options.type, adaptedTensors, tensors, seconds, ...file },
    [`${adaptedTensors} of ${tensors} tensors updated in ${seconds.toFixed(1)} s`, describeFile(file)],
    options,
  );
}

export function registerMerge(program: Command, context: CommandContext): void {
  const command = withBaseOption(
    defineCommand(program, 'merge', 'write base and adapter as one model that needs no adapter'),
  ).argument('<adapter>', 'GGUF file or PEFT directory');
  withOutputPath(command, '<file>', 'GGUF file to write')
    .addOption(new Option('--type <type>', 'number type of the matrices').choices(writtenTypes).default('Q8_0'))
    .option('--scale <n>', 'factor of the whole update', parseNumber, 1)
    .option('--threads <n>', 'threads of the matrix products (default: one core stays free)', parseCount)
    .action((source: string, options: MergeCommandOptions) => merge(source, options, context));
}
