import process from 'node:process';
import { type Command, Option } from 'commander';
import { invalidInput } from '#lib/domain/errors.ts';
import { readAdapter } from '#lib/lora/adapter/read-adapter.ts';
import type { BlendPart } from '#lib/lora/blend/align-parts.ts';
import { relativeError } from '#lib/lora/blend/approximation.ts';
import {
  type BlendResult,
  blendAdapters,
  blendMethods,
  type LinearBlend,
  type SparseBlend,
} from '#lib/lora/blend/blend-adapters.ts';
import { describeFile, type Precision, precisionOption, writeAdapterFile } from './adapter-output.ts';
import { type CommandContext, defineCommand, type OutputOptions, printResult } from './command-line.ts';
import { type OutputPathOptions, prepareOutputPath, withOutputPath } from './output-path.ts';
import { parseCount, parseNumber, parseNumbers } from './parse-number.ts';
import { createProgressLine } from './progress-line.ts';
import { resolveBase, withBaseOption } from './resolve-base.ts';
import { chooseThreads } from './training-options.ts';

interface BlendCommandOptions extends OutputOptions, OutputPathOptions {
  readonly base?: string;
  readonly weights?: readonly number[];
  readonly method: (typeof blendMethods)[number];
  readonly rank?: number;
  readonly keptShare?: number;
  readonly seed: number;
  readonly precision: Precision;
  readonly threads?: number;
}

/** The papers keep 0.2 and 0.1 of full-size updates; what is compressed to a low rank afterwards bears less dropping. */
const defaultKeptShare = { ties: 0.2, dare: 0.5 } as const;

function readMethod(options: BlendCommandOptions, signal: AbortSignal): LinearBlend | SparseBlend {
  const { method, rank = null, seed, keptShare, threads } = options;
  const shared = { signal, onProgress: createProgressLine(process.stderr, 'blending') };
  if (method === 'linear') {
    if (keptShare !== undefined) throw invalidInput('--kept-share is for --method ties and dare');
    return { ...shared, method, rank };
  }
  if (rank === null) throw invalidInput(`--method ${method} needs --rank: its result is of no low rank by itself`);
  return {
    ...shared,
    method,
    rank,
    seed,
    keptShare: keptShare ?? defaultKeptShare[method],
    threads: chooseThreads(threads),
  };
}

const formatPercent = (share: number) => `${(100 * share).toPrecision(3)} %`;

function describeLoss({ errors }: BlendResult): { readonly relativeError: number | null; readonly line: string } {
  if (errors === null) return { relativeError: null, line: 'exact sum, nothing compressed' };
  const total = relativeError(errors);
  const worst = Math.max(...errors.map((error) => relativeError([error])));
  return {
    relativeError: total,
    line: `compression lost ${formatPercent(total)} of the update (Frobenius norm), ${formatPercent(worst)} of the worst tensor`,
  };
}

async function blend(
  sources: readonly string[],
  options: BlendCommandOptions,
  { env, signal }: CommandContext,
): Promise<void> {
  const weights = options.weights ?? sources.map(() => 1);
  if (weights.length !== sources.length)
    throw invalidInput(`--weights has ${weights.length} numbers for ${sources.length} adapters`);
  const method = readMethod(options, signal);
  const base = await resolveBase(options.base, env);
  const parts: BlendPart[] = [];
  for (const [i, source] of sources.entries())
    parts.push({ adapter: await readAdapter(source, base), weight: weights[i] ?? 0 });
  const target = await prepareOutputPath(options, sources);
  const result = await blendAdapters(parts, method);
  const file = await writeAdapterFile(target, result.adapter, options.precision);
  const loss = describeLoss(result);
  const rank = Math.max(...result.adapter.factors.map((factors) => factors.rank));
  printResult(
    {
      method: options.method,
      rank,
      alpha: result.adapter.alpha,
      relativeError: loss.relativeError,
      errors: result.errors?.map((error) => ({
        layer: error.layer,
        module: error.module,
        relativeError: relativeError([error]),
      })),
      ...file,
    },
    [`rank ${rank}: ${loss.line}`, describeFile(file)],
    options,
  );
}

export function registerBlend(program: Command, context: CommandContext): void {
  const command = withBaseOption(
    defineCommand(program, 'blend', 'one adapter out of several for the same base'),
  ).argument('<adapters...>', 'GGUF files or PEFT directories');
  withOutputPath(command, '<file>', 'GGUF file to write')
    .option('--weights <numbers>', 'one for each adapter, separated by commas (default: 1 each)', parseNumbers)
    .addOption(
      new Option('--method <name>', 'linear is the exact sum; ties and dare pick single values')
        .choices(blendMethods)
        .default('linear'),
    )
    .option('--rank <n>', 'compress the result to this rank; needed by ties and dare', parseCount)
    .option(
      '--kept-share <share>',
      'share of values that stay: ties the largest (0.2), dare random ones (0.5)',
      parseNumber,
    )
    .option('--seed <n>', 'of what dare drops', parseNumber, 0)
    .addOption(precisionOption())
    .option('--threads <n>', 'threads of the matrix products (default: one core stays free)', parseCount)
    .action((sources: readonly string[], options: BlendCommandOptions) => blend(sources, options, context));
}
