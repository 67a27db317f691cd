import { appendFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { z } from 'zod';
import { tryLock } from '#lib/config/process-lock.ts';
import { AppError } from '#lib/domain/errors.ts';
import { formatBytes } from '#lib/domain/format-bytes.ts';
import { writeGgufAdapter } from '../adapter/gguf-adapter.ts';
import { writePeftAdapter } from '../adapter/peft-adapter.ts';
import { markTrainedOn } from '../adapter/trained-on.ts';
import { type BaseHeader, readBaseHeader } from '../base/read-base-header.ts';
import { prepareBaseWeights } from '../base/weight-cache.ts';
import { type RowProblem, readDataset, type TokenizedDataset } from '../data/read-dataset.ts';
import type { BaseTokenizer } from '../data/tokenizer.ts';
import { writeWholeFile } from '../files/write-whole-file.ts';
import { measureMatrixRate } from '../graph/matrix-rate.ts';
import { listFactors } from '../graph/training-graph.ts';
import { openCheckpoints } from './checkpoint.ts';
import { estimateTraining, estimateWithin, type TrainingEstimate } from './estimate.ts';
import { planSteps } from './plan-steps.ts';
import { runTraining, type TrainingEvent, type TrainingResult } from './run-training.ts';
import type { NamedExamples } from './score.ts';
import { type TrainConfig, trainConfigSchema } from './train-config.ts';

/**
 * A training run is a directory: `run.json` says what is trained from what and never changes, `checkpoints/` holds where it
 * stands, and at the end `adapter.gguf`, `peft/` and `report.json` are there. Whatever kills the process, performing the
 * directory again goes on from the newest checkpoint.
 */
const dataFileSchema = z.object({
  /** For people, and in events; `train` for the training data. */
  name: z.string().min(1),
  path: z.string(),
  /** Of the file when the run was made; other bytes are refused later. */
  sha256: z.string(),
});

const runSpecSchema = z.object({
  base: z.object({
    /** Catalog id or path. */
    id: z.string(),
    path: z.string(),
    sha256: z.string(),
    templateHint: z.string().nullable(),
  }),
  /** Of the chat template that made the token ids. */
  templateSha256: z.string(),
  data: dataFileSchema,
  validation: z.array(dataFileSchema),
  config: trainConfigSchema,
  threads: z.number().int().min(1),
  /** What the backward pass computes again; fixed for a run, because it may round differently. */
  recomputed: z.enum(['nothing', 'probabilities', 'blocks']).default('probabilities'),
  device: z.enum(['cpu', 'cuda']),
});
export type RunSpec = z.infer<typeof runSpecSchema>;

/** What a run is made of before its files were read. */
export type RunRequest = Omit<RunSpec, 'templateSha256' | 'data' | 'validation' | 'recomputed'> & {
  readonly dataPath: string;
  /** Absent: what memory allows. */
  readonly recomputed?: RunSpec['recomputed'];
  readonly validation: readonly { readonly name: string; readonly path: string }[];
};

export interface RunDeps {
  openTokenizer(base: RunSpec['base']): Promise<BaseTokenizer & { close(): Promise<void> }>;
  /** Where dequantised bases are kept. */
  readonly weightCacheDir: string;
}

export interface DatasetSummary {
  readonly name: string;
  readonly rows: number;
  readonly examples: number;
  readonly tokens: number;
  readonly problems: readonly RowProblem[];
}

/** A run whose inputs have been read and checked; nothing has been written or loaded yet. */
export interface PreparedRun {
  readonly spec: RunSpec;
  readonly header: BaseHeader;
  readonly datasets: readonly DatasetSummary[];
  readonly estimate: TrainingEstimate;
  readonly examples: TokenizedDataset['examples'];
  readonly validation: readonly NamedExamples[];
}

export type RunEvent =
  | TrainingEvent
  | { readonly event: 'weights-prepare'; readonly doneBytes: number; readonly totalBytes: number };

export interface RunReport {
  readonly outcome: TrainingResult['outcome'];
  readonly base: RunSpec['base'];
  readonly templateSha256: string;
  readonly data: RunSpec['data'];
  readonly config: RunSpec['config'];
  readonly threads: number;
  readonly steps: number;
  readonly totalSteps: number;
  readonly tokens: number;
  readonly seconds: number;
  /** In nats a token; null without a validation set. */
  readonly baseLoss: number | null;
  readonly bestLoss: number | null;
  /** Step whose factors the adapter holds. */
  readonly adapterStep: number;
}

const TRAINING_SET = 'train';
export const RUN_FILE = 'run.json';
const REPORT_FILE = 'report.json';
const EVENTS_FILE = 'events.jsonl';
export const CHECKPOINTS_DIR = 'checkpoints';
export const ADAPTER_FILE = 'adapter.gguf';

function writeJson(file: string, value: object): Promise<void> {
  return writeWholeFile(file, (handle) => handle.writeFile(`${JSON.stringify(value, null, 2)}\n`));
}

function refuseChanged(what: string, expected: string, came: string): void {
  if (expected === came) return;
  throw new AppError({
    code: 'training.input-changed',
    message: `${what} is not what this run was started with (SHA-256 ${came}, expected ${expected}); start a new run`,
  });
}

async function readFiles(
  request: Pick<RunRequest, 'base' | 'config' | 'dataPath' | 'validation'>,
  deps: RunDeps,
): Promise<{ readonly templateSha256: string; readonly train: TokenizedDataset; readonly sets: readonly NamedSet[] }> {
  const tokenizer = await deps.openTokenizer(request.base);
  try {
    const train = await readDataset(request.dataPath, tokenizer, request.config);
    const sets: NamedSet[] = [];
    for (const { name, path: file } of request.validation)
      sets.push({ name, path: file, dataset: await readDataset(file, tokenizer, request.config) });
    return { templateSha256: tokenizer.templateSha256, train, sets };
  } finally {
    await tokenizer.close();
  }
}

interface NamedSet {
  readonly name: string;
  readonly path: string;
  readonly dataset: TokenizedDataset;
}

function summarise(name: string, dataset: TokenizedDataset): DatasetSummary {
  return {
    name,
    rows: dataset.rowCount,
    examples: dataset.examples.length,
    tokens: dataset.examples.reduce((sum, { tokens }) => sum + tokens.length, 0),
    problems: dataset.problems,
  };
}

/** Positions that a base never met have rotary angles that it cannot read. */
function requireContext({ config: { contextTokens } }: BaseHeader, { sequenceTokens }: TrainConfig): void {
  if (sequenceTokens <= contextTokens) return;
  throw new AppError({
    code: 'training.sequence-too-long',
    message: `the sequence length is ${sequenceTokens} tokens, the base was made for ${contextTokens}; set the sequence length to ${contextTokens} or less`,
    details: { sequenceTokens, contextTokens },
  });
}

/**
 * Read and check everything that a run needs, before any weight is loaded. Where memory is short for the fastest way, the
 * backward pass computes whole blocks again; `estimate` says which way was chosen.
 * @param availableBytes memory that this machine can still give
 * @throws AppError `training.sequence-too-long`, `dataset.empty`, `gguf.*`, `adapter.architecture-unsupported`,
 * `training.nothing-to-learn`
 */
export async function prepareRun(
  request: RunRequest,
  deps: RunDeps,
  availableBytes = process.availableMemory(),
): Promise<PreparedRun> {
  const { base, config, threads, device } = request;
  const header = await readBaseHeader(base.path);
  requireContext(header, config);
  const { templateSha256, train, sets } = await readFiles(request, deps);
  const steps = planSteps(train.examples, config);
  const rate = await measureMatrixRate(threads, device);
  const estimate = request.recomputed
    ? estimateTraining(header, config, steps, rate, request.recomputed)
    : estimateWithin(header, config, steps, rate, availableBytes);
  return {
    spec: {
      base,
      templateSha256,
      data: { name: TRAINING_SET, path: request.dataPath, sha256: train.sha256 },
      validation: sets.map(({ name, path: file, dataset }) => ({ name, path: file, sha256: dataset.sha256 })),
      config,
      threads,
      recomputed: estimate.recomputed,
      device,
    },
    datasets: [summarise(TRAINING_SET, train), ...sets.map(({ name, dataset }) => summarise(name, dataset))],
    header,
    estimate,
    examples: train.examples,
    validation: sets.map(({ name, dataset }) => ({ name, examples: dataset.examples })),
  };
}

/**
 * @param availableBytes memory that this machine can still give
 * @throws AppError `training.memory-short` with the numbers, when the run cannot fit
 */
export function requireMemory(estimate: TrainingEstimate, config: TrainConfig, availableBytes: number): void {
  if (estimate.memoryBytes <= availableBytes) return;
  throw new AppError({
    code: 'training.memory-short',
    message:
      `training would take about ${formatBytes(estimate.memoryBytes)} of memory beside the base's weights${estimate.recomputed === 'blocks' ? ', even if it computed every block twice' : ''}, and ${formatBytes(availableBytes)} are free; ` +
      `lower the sequence length (${config.sequenceTokens} tokens), the micro-batch (${config.microBatch}) or the number of adapted layers (${config.lora.topLayers ?? 'all'})`,
    details: { neededBytes: estimate.memoryBytes, availableBytes },
  });
}

/**
 * Make the directory of a run.
 * @throws AppError `training.run-exists` when it holds one
 */
export async function createRun(directory: string, spec: RunSpec): Promise<void> {
  await mkdir(directory, { recursive: true });
  if ((await readdir(directory)).includes(RUN_FILE))
    throw new AppError({
      code: 'training.run-exists',
      message: `${directory} holds a training run already; resume it, or name another directory`,
    });
  await writeJson(path.join(directory, RUN_FILE), spec);
}

/**
 * Read a run's directory and its inputs again.
 * @throws AppError `training.run-absent`, `training.input-changed`, and those of {@link prepareRun}
 */
export async function reopenRun(directory: string, deps: RunDeps): Promise<PreparedRun> {
  const file = path.join(directory, RUN_FILE);
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null)
    throw new AppError({
      code: 'training.run-absent',
      message: `${directory} holds no training run (there is no ${RUN_FILE})`,
    });
  const spec = parseSpec(file, text);
  const request = { ...spec, dataPath: spec.data.path };
  const prepared = await prepareRun(request, deps);
  refuseChanged('the chat template of the base', spec.templateSha256, prepared.spec.templateSha256);
  for (const [i, expected] of [spec.data, ...spec.validation].entries()) {
    const came = [prepared.spec.data, ...prepared.spec.validation][i];
    refuseChanged(expected.path, expected.sha256, came?.sha256 ?? 'none');
  }
  return prepared;
}

function parseSpec(file: string, text: string): RunSpec {
  try {
    return runSpecSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError({
      code: 'training.run-malformed',
      message: `${file} is not a description of a training run: ${cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause)}`,
      cause,
    });
  }
}

/**
 * Perform a run in its directory, from its newest checkpoint when there is one. One process at a time may.
 * @throws AppError `training.run-busy` when another process performs it; `disk.full`
 */
export async function performRun(
  directory: string,
  prepared: PreparedRun,
  deps: RunDeps,
  options: { readonly signal: AbortSignal; readonly onEvent: (event: RunEvent) => void },
): Promise<RunReport> {
  const attempt = await tryLock(path.join(directory, 'lock'), 'training');
  if ('holder' in attempt)
    throw new AppError({
      code: 'training.run-busy',
      message: `process ${attempt.holder.pid} is at work in ${directory}`,
    });
  const events = await open(path.join(directory, EVENTS_FILE), 'a');
  try {
    return await perform(directory, prepared, deps, {
      signal: options.signal,
      onEvent(event) {
        options.onEvent(event);
        if (event.event !== 'weights-prepare') appendFileSync(events.fd, `${JSON.stringify(event)}\n`);
      },
    });
  } finally {
    await events.close();
    await attempt.lock.release();
  }
}

async function perform(
  directory: string,
  { spec, header, examples, validation }: PreparedRun,
  deps: RunDeps,
  { signal, onEvent }: Parameters<typeof performRun>[3],
): Promise<RunReport> {
  const { config: decoder, frequencyFactors } = header;
  const weights = await prepareBaseWeights(spec.base.path, spec.base.sha256, deps.weightCacheDir, {
    signal,
    onProgress: (doneBytes, totalBytes) => onEvent({ event: 'weights-prepare', doneBytes, totalBytes }),
  });
  const { config } = spec;
  const result = await runTraining({
    base: { config: decoder, weights, frequencyFactors },
    config,
    threads: spec.threads,
    recomputed: spec.recomputed,
    device: spec.device,
    examples,
    validation,
    checkpoints: openCheckpoints(path.join(directory, CHECKPOINTS_DIR), listFactors(decoder, config.lora)),
    signal,
    onEvent,
  });
  const { progress } = result;
  const report: RunReport = {
    outcome: result.outcome,
    base: spec.base,
    templateSha256: spec.templateSha256,
    data: spec.data,
    config,
    threads: spec.threads,
    steps: progress.step,
    totalSteps: result.totalSteps,
    tokens: progress.tokens,
    seconds: progress.seconds,
    baseLoss: progress.baseLoss,
    bestLoss: progress.best?.loss ?? null,
    adapterStep: result.adapterStep,
  };
  // A stopped run has a checkpoint and no result: it is to be resumed.
  if (result.outcome === 'stopped') return report;
  const adapter = markTrainedOn(result.adapter, {
    baseSha256: spec.base.sha256,
    templateSha256: spec.templateSha256,
  });
  await writeGgufAdapter(path.join(directory, ADAPTER_FILE), adapter);
  await writePeftAdapter(path.join(directory, 'peft'), adapter, decoder, {
    baseName: spec.base.id,
    dropout: config.lora.dropout,
  });
  await writeJson(path.join(directory, REPORT_FILE), report);
  return report;
}
