import path from 'node:path';
import process from 'node:process';
import { isDeepStrictEqual } from 'node:util';
import { type Command, Option } from 'commander';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { takeLowestPriority } from '#lib/config/take-lowest-priority.ts';
import { AppError } from '#lib/domain/errors.ts';
import { formatBytes } from '#lib/domain/format-bytes.ts';
import type { TrainConfig } from '#lib/lora/train/train-config.ts';
import {
  ADAPTER_FILE,
  createRun,
  type DatasetSummary,
  type PreparedRun,
  performRun,
  prepareRun,
  type RunDeps,
  type RunEvent,
  type RunReport,
  reopenRun,
  requireMemory,
} from '#lib/lora/train/training-run.ts';
import { chatTemplateHints } from '#lib/runtime/chat-template.ts';
import { openBaseTokenizer } from './base-tokenizer.ts';
import { type CommandContext, defineCommand, exitCodes, type OutputOptions, printResult } from './command-line.ts';
import { parseCount } from './parse-number.ts';
import { type ResolvedBase, resolveBase, withBaseOption } from './resolve-base.ts';
import {
  chooseThreads,
  collectValidation,
  readTrainConfig,
  type TrainingOptions,
  withTrainingOptions,
} from './training-options.ts';

interface RunOptions extends OutputOptions {
  readonly out: string;
}

interface TrainOptions extends RunOptions, TrainingOptions {
  readonly base?: string;
  readonly data: string;
  readonly validation: readonly { readonly name: string; readonly path: string }[];
  readonly threads?: number;
  readonly device: 'cpu' | 'cuda';
  readonly estimate?: true;
}

const PROBLEMS_SHOWN = 10;
const PERCENT = 100;

export function createRunDeps({ env }: CommandContext): RunDeps {
  return {
    weightCacheDir: describeDataDir(env.dataDir).weightCacheDir,
    openTokenizer: ({ path: file, templateHint }) =>
      openBaseTokenizer({ path: file, templateHint: chatTemplateHints.find((hint) => hint === templateHint) }),
  };
}

const formatDuration = (seconds: number) =>
  seconds < 90
    ? `${Math.round(seconds)} s`
    : seconds < 5400
      ? `${Math.round(seconds / 60)} min`
      : `${(seconds / 3600).toFixed(1)} h`;

function describeDataset({ name, rows, examples, tokens, problems }: DatasetSummary): string[] {
  const left = problems.length === 0 ? '' : `, ${problems.length} left out`;
  const shown = problems.slice(0, PROBLEMS_SHOWN).map(({ line, reason }) => `  line ${line} ${reason}`);
  const more = problems.length > PROBLEMS_SHOWN ? [`  and ${problems.length - PROBLEMS_SHOWN} more`] : [];
  return [`${name}: ${examples} of ${rows} rows, ${tokens} tokens${left}`, ...shown, ...more];
}

function describeEstimate({ estimate, spec }: PreparedRun): string {
  const { steps, tokens, seconds, memoryBytes, weightBytes, recomputed } = estimate;
  return (
    `${steps} steps, ${tokens} tokens, about ${formatDuration(seconds)} on ${spec.threads} thread${spec.threads === 1 ? '' : 's'} at the speed that this machine has now, ` +
    `${formatBytes(memoryBytes)} of memory beside ${formatBytes(weightBytes)} of mapped weights` +
    (recomputed === 'blocks' ? '; memory is short, so every block is computed twice' : '')
  );
}

function describeEvent(event: RunEvent): string | null {
  switch (event.event) {
    case 'weights-prepare':
      return null;
    case 'step-finish':
      return (
        `step ${event.step}/${event.totalSteps}  loss ${event.loss.toFixed(3)}  gradient ${event.gradientNorm.toFixed(2)}  ` +
        `rate ${event.learningRate.toExponential(1)}  ${event.tokensPerSecond.toFixed(0)} tokens/s  ${formatDuration(event.etaSeconds)} left`
      );
    case 'validation-finish': {
      const sets = Object.entries(event.sets).map(([name, loss]) => `${name} ${loss.toFixed(3)}`);
      return `validation after step ${event.step}: ${event.loss.toFixed(3)}${event.isBest ? ' (best)' : ''}${sets.length > 1 ? `  ${sets.join('  ')}` : ''}`;
    }
    case 'checkpoint-write':
      return `checkpoint of step ${event.step} written`;
  }
}

/** Progress on standard error for people, on standard output as JSON lines for programs. */
function createReporter({ json }: OutputOptions): (event: RunEvent) => void {
  let shownPercent = -1;
  return (event) => {
    if (event.event === 'weights-prepare') {
      const percent = Math.floor((event.doneBytes / event.totalBytes) * PERCENT);
      if (percent === shownPercent) return;
      shownPercent = percent;
      if (json) console.log(JSON.stringify(event));
      else if (process.stderr.isTTY)
        process.stderr.write(`\rpreparing the base's weights: ${percent} %${percent === PERCENT ? '\n' : ''}`);
      else if (percent % 20 === 0) console.error(`preparing the base's weights: ${percent} %`);
      return;
    }
    if (json) console.log(JSON.stringify(event));
    else console.error(describeEvent(event));
  };
}

const outcomes: Readonly<Record<RunReport['outcome'], string>> = {
  finished: 'done',
  early: 'ended early: the validation loss did not fall any more',
  stopped: 'stopped; go on with `npm run lora -- resume`',
  diverged: 'stopped: the loss ran away. The adapter holds the last good state; try a lower learning rate',
};

async function perform(
  directory: string,
  prepared: PreparedRun,
  context: CommandContext,
  options: OutputOptions,
): Promise<RunReport> {
  // Chat is served from the same cores, and goes first.
  takeLowestPriority();
  const report = await performRun(directory, prepared, createRunDeps(context), {
    signal: context.signal,
    onEvent: createReporter(options),
  });
  const { outcome, baseLoss, bestLoss } = report;
  if (outcome === 'stopped') process.exitCode = exitCodes.interrupted;
  if (outcome === 'diverged') process.exitCode = exitCodes.refused;
  printResult(
    { event: 'run-finish', directory, ...report },
    [
      outcomes[outcome],
      `${report.steps} of ${report.totalSteps} steps, ${report.tokens} tokens in ${formatDuration(report.seconds)}`,
      ...(baseLoss === null || bestLoss === null
        ? []
        : [
            `validation loss ${baseLoss.toFixed(3)} for the base, ${bestLoss.toFixed(3)} with the adapter of step ${report.adapterStep}`,
          ]),
      ...(outcome === 'stopped'
        ? []
        : [`adapter: ${path.join(directory, ADAPTER_FILE)}, and ${path.join(directory, 'peft')} for PEFT`]),
    ],
    options,
  );
  return report;
}

function announce(prepared: PreparedRun, { json }: OutputOptions): void {
  const { datasets, estimate } = prepared;
  if (json) console.log(JSON.stringify({ event: 'run-prepare', datasets, estimate }));
  else for (const line of [...datasets.flatMap(describeDataset), describeEstimate(prepared)]) console.error(line);
}

interface RunStart {
  readonly base: ResolvedBase;
  readonly dataPath: string;
  readonly validation: readonly { readonly name: string; readonly path: string }[];
  readonly config: TrainConfig;
  readonly threads: number | undefined;
  readonly device?: 'cpu' | 'cuda';
}

function prepare({ base, dataPath, validation, config, threads, device }: RunStart, context: CommandContext) {
  return prepareRun(
    {
      base: { id: base.id, path: base.path, sha256: base.sha256, templateHint: base.templateHint },
      dataPath: path.resolve(dataPath),
      validation: validation.map(({ name, path: file }) => ({ name, path: path.resolve(file) })),
      config,
      threads: chooseThreads(threads),
      device: device ?? 'cpu',
    },
    createRunDeps(context),
  );
}

/** Make a run in a directory and perform it. @throws AppError as `prepareRun`, `requireMemory` and `createRun` do */
export async function startRun(
  directory: string,
  start: RunStart,
  context: CommandContext,
  options: OutputOptions,
): Promise<RunReport> {
  const prepared = await prepare(start, context);
  announce(prepared, options);
  requireMemory(prepared.estimate, start.config, process.availableMemory());
  await createRun(directory, prepared.spec);
  return perform(directory, prepared, context, options);
}

/**
 * Go on with the run in a directory.
 * @param expected refuse a run of another configuration
 * @throws AppError `training.input-changed`, and those of `reopenRun` and `requireMemory`
 */
export async function resumeRun(
  directory: string,
  context: CommandContext,
  options: OutputOptions,
  expected?: TrainConfig,
): Promise<RunReport> {
  const prepared = await reopenRun(directory, createRunDeps(context));
  const { config } = prepared.spec;
  if (expected !== undefined && !isDeepStrictEqual(config, expected))
    throw new AppError({
      code: 'training.input-changed',
      message: `the run in ${directory} was started with another configuration; choose another directory`,
    });
  requireMemory(prepared.estimate, config, process.availableMemory());
  return perform(directory, prepared, context, options);
}

export function registerTrain(program: Command, context: CommandContext): void {
  const command = withBaseOption(
    defineCommand(program, 'train', 'train an adapter on chat logs or texts')
      .requiredOption('--data <file>', 'JSON lines with "messages" or "text", or a plain text')
      .requiredOption('--out <directory>', 'where the run and its adapter go; must not hold a run yet')
      .option(
        '--validation <file>',
        'measured during training; name=file gives it a name; may be repeated',
        collectValidation,
        [],
      ),
  );
  withTrainingOptions(command)
    .option('--threads <n>', 'threads of the matrix products (default: one core stays free)', parseCount)
    .addOption(new Option('--device <name>', 'where to compute').choices(['cpu', 'cuda']).default('cpu'))
    .option('--estimate', 'print time and memory, and end')
    .action(async (options: TrainOptions) => {
      const start = {
        base: await resolveBase(options.base, context.env),
        dataPath: options.data,
        validation: options.validation,
        config: await readTrainConfig(options),
        threads: options.threads,
        device: options.device,
      };
      if (options.estimate) announce(await prepare(start, context), options);
      else await startRun(options.out, start, context, options);
    });
}

export function registerResume(program: Command, context: CommandContext): void {
  defineCommand(program, 'resume', 'go on with a training run that was stopped or killed')
    .requiredOption('--out <directory>', 'of the run')
    .action(async (options: RunOptions) => {
      await resumeRun(options.out, context, options);
    });
}
