import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { invalidInput } from '#lib/domain/errors.ts';
import { targetModules } from '#lib/lora/architectures/architecture.ts';
import { type TrainConfig, trainConfigSchema } from '#lib/lora/train/train-config.ts';
import { parseNumber } from './parse-number.ts';

/** Options of the trainer as flags. A flag that is not given leaves the configuration file's value, or the default. */
export interface TrainingOptions {
  readonly config?: string;
  readonly rank?: number;
  readonly alpha?: number;
  readonly rankStabilised?: true;
  readonly dropout?: number;
  readonly targetModules?: readonly string[];
  readonly topLayers?: number;
  readonly learningRate?: number;
  readonly schedule?: string;
  readonly warmupShare?: number;
  readonly weightDecay?: number;
  readonly maxGradientNorm?: number;
  readonly epochs?: number;
  readonly maxSteps?: number;
  readonly sequenceTokens?: number;
  readonly packing?: boolean;
  readonly microBatch?: number;
  readonly accumulation?: number;
  readonly learnAllTokens?: true;
  readonly seed?: number;
  readonly validationInterval?: number;
  readonly patience?: number;
  readonly checkpointInterval?: number;
}

const defaults = trainConfigSchema.parse({});

function numberOption(flag: string, description: string, value: number | null): Option {
  return new Option(flag, `${description}${value === null ? '' : ` (default: ${value})`}`).argParser(parseNumber);
}

export function withTrainingOptions(command: Command): Command {
  const { lora } = defaults;
  const options = [
    new Option('--config <json file>', 'all options in one file, by the names that run.json uses; flags win over it'),
    numberOption('--rank <n>', 'inner dimension of the factors; multiples of 16 are fastest', lora.rank),
    numberOption('--alpha <n>', 'the update is scaled by alpha / rank', lora.alpha),
    new Option('--rank-stabilised', 'scale by alpha / √rank instead'),
    numberOption('--dropout <share>', 'share of inputs of A set to zero while training', lora.dropout),
    new Option('--target-modules <names>', 'comma-separated')
      .argParser((text) => text.split(','))
      .default(undefined, targetModules.join(',')),
    numberOption('--top-layers <n>', 'adapt the uppermost layers only', null),
    numberOption('--learning-rate <rate>', 'peak learning rate', defaults.learningRate),
    new Option('--schedule <name>', `how the learning rate falls (default: ${defaults.schedule})`).choices([
      'cosine',
      'linear',
      'constant',
    ]),
    numberOption('--warmup-share <share>', 'share of the steps in which the learning rate rises', defaults.warmupShare),
    numberOption('--weight-decay <n>', 'decoupled weight decay', defaults.weightDecay),
    numberOption(
      '--max-gradient-norm <n>',
      'gradients beyond are scaled down; 0 for no limit',
      defaults.maxGradientNorm,
    ),
    numberOption('--epochs <n>', 'passes over the data', defaults.epochs),
    numberOption('--max-steps <n>', 'steps, instead of epochs', null),
    numberOption('--sequence-tokens <n>', 'tokens of a sequence; a longer row is left out', defaults.sequenceTokens),
    new Option('--no-packing', 'one example a sequence'),
    numberOption('--micro-batch <n>', 'sequences computed together', defaults.microBatch),
    numberOption('--accumulation <n>', 'micro-batches of a step', defaults.accumulation),
    new Option('--learn-all-tokens', 'learn the questions too, not only what the assistant says'),
    numberOption('--seed <n>', 'of everything random', defaults.seed),
    numberOption(
      '--validation-interval <steps>',
      'steps between validations; 0 for the end alone',
      defaults.validationInterval,
    ),
    numberOption(
      '--patience <n>',
      'validations without progress after which training ends; 0 for never',
      defaults.patience,
    ),
    numberOption(
      '--checkpoint-interval <steps>',
      'steps between checkpoints; 0 for the end alone',
      defaults.checkpointInterval,
    ),
  ];
  for (const option of options) command.addOption(option);
  return command;
}

/** Without what is undefined, so that it does not hide a value of the file. */
function given(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

const fileSchema = z.looseObject({ lora: z.looseObject({}).default({}) });

async function readConfigFile(file: string | undefined): Promise<z.infer<typeof fileSchema>> {
  if (file === undefined) return { lora: {} };
  const text = await readFile(file, 'utf8');
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch (error) {
    throw invalidInput(`--config ${file}: ${error instanceof z.ZodError ? z.prettifyError(error) : String(error)}`);
  }
}

/** @throws AppError `input.invalid` naming the option, what was expected and what came */
export async function readTrainConfig(options: TrainingOptions): Promise<TrainConfig> {
  const file = await readConfigFile(options.config);
  const flags = given({
    learningRate: options.learningRate,
    schedule: options.schedule,
    warmupShare: options.warmupShare,
    weightDecay: options.weightDecay,
    maxGradientNorm: options.maxGradientNorm,
    epochs: options.epochs,
    maxSteps: options.maxSteps,
    sequenceTokens: options.sequenceTokens,
    // Commander makes `true` of an absent --no-packing.
    isPacked: options.packing === false ? false : undefined,
    microBatch: options.microBatch,
    accumulation: options.accumulation,
    isLossOnAssistantOnly: options.learnAllTokens === true ? false : undefined,
    seed: options.seed,
    validationInterval: options.validationInterval,
    patience: options.patience,
    checkpointInterval: options.checkpointInterval,
  });
  const lora = given({
    rank: options.rank,
    alpha: options.alpha,
    isRankStabilised: options.rankStabilised,
    dropout: options.dropout,
    modules: options.targetModules,
    topLayers: options.topLayers,
  });
  const parsed = trainConfigSchema.safeParse({ ...file, ...flags, lora: { ...file.lora, ...lora } });
  if (parsed.success) return parsed.data;
  throw invalidInput(`the training options: ${z.prettifyError(parsed.error)}`);
}

/** One core stays free for serving. */
export function chooseThreads(wanted: number | undefined): number {
  return wanted ?? Math.max(1, os.availableParallelism() - 1);
}

/** @param text a file, or `name=file` */
export function collectValidation(
  text: string,
  before: readonly { readonly name: string; readonly path: string }[],
): readonly { readonly name: string; readonly path: string }[] {
  const [, name, file] = /^([\w-]+)=(.+)$/.exec(text) ?? [];
  const entry =
    name !== undefined && file !== undefined
      ? { name, path: file }
      : { name: `validation-${before.length + 1}`, path: text };
  if (before.some((other) => other.name === entry.name))
    throw new InvalidArgumentError(`two sets are called ${entry.name}.`);
  return [...before, entry];
}
