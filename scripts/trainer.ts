/**
 * The trainer as a process: performs one training run in its directory (`perform <directory>`) and ends, or measures how fast
 * this machine multiplies matrices (`measure`). A child of the worker at the lowest priority; it says what it does as JSON
 * lines (lib/training/trainer-protocol.ts), stops on SIGTERM with a checkpoint, and ends when its parent is gone.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { exitWithParent } from '#lib/config/exit-with-parent.ts';
import { type ProcessLock, tryLock } from '#lib/config/process-lock.ts';
import { takeLowestPriority } from '#lib/config/take-lowest-priority.ts';
import { AppError } from '#lib/domain/errors.ts';
import { writeGgufAdapter } from '#lib/lora/adapter/gguf-adapter.ts';
import { readAdapter } from '#lib/lora/adapter/read-adapter.ts';
import { prepareBaseWeights } from '#lib/lora/base/weight-cache.ts';
import { readDataset } from '#lib/lora/data/read-dataset.ts';
import { measureMatrixRate } from '#lib/lora/graph/matrix-rate.ts';
import { readCheckpointAdapter } from '#lib/lora/train/checkpoint-adapter.ts';
import { compareWithBase, type LikelihoodComparison } from '#lib/lora/train/compare-with-base.ts';
import {
  ADAPTER_FILE,
  createRun,
  type PreparedRun,
  performRun,
  prepareRun,
  RUN_FILE,
  type RunDeps,
  reopenRun,
  requireMemory,
} from '#lib/lora/train/training-run.ts';
import { chatTemplateHints } from '#lib/runtime/chat-template.ts';
import { writeMatrixRate } from '#lib/training/matrix-rate-file.ts';
import {
  DATA_DIR,
  REQUEST_FILE,
  SAMPLES_DIR,
  splitFiles,
  type TrainerMessage,
  type TrainerRequest,
  trainerRequestSchema,
} from '#lib/training/trainer-protocol.ts';
import { openBaseTokenizer } from './lora/base-tokenizer.ts';
import { resolveBase } from './lora/resolve-base.ts';
import { exportSamples } from './trainer/export-samples.ts';

const DEVICE_POLL_MS = 500;
const PROBLEMS_SENT = 20;

exitWithParent();
// Chat is served from the same cores, and goes first.
takeLowestPriority();
const env = loadEnv();
const layout = describeDataDir(env.dataDir);
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());

const say = (message: TrainerMessage) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** Null: told to stop while another run was at work. */
async function waitForDevice(): Promise<ProcessLock | null> {
  let hasSaidSo = false;
  while (!stopping.signal.aborted) {
    const attempt = await tryLock(layout.trainingLockFile, 'training');
    if ('lock' in attempt) return attempt.lock;
    if (!hasSaidSo) say({ event: 'device-wait' });
    hasSaidSo = true;
    await delay(DEVICE_POLL_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
  return null;
}

const deps: RunDeps = {
  weightCacheDir: layout.weightCacheDir,
  openTokenizer: ({ path: file, templateHint }) =>
    openBaseTokenizer({ path: file, templateHint: chatTemplateHints.find((hint) => hint === templateHint) }),
};

async function prepare(directory: string, request: TrainerRequest): Promise<PreparedRun> {
  const base = await resolveBase(request.base.id, env);
  if (base.sha256 !== request.base.sha256)
    throw new AppError({
      code: 'training.base-changed',
      message: `the base ${base.id} has SHA-256 ${base.sha256}, the run was made for ${request.base.sha256}`,
      userMessage: 'The base model is not the one that this run was made for. Start a new run.',
    });
  if (existsSync(path.join(directory, RUN_FILE))) return reopenRun(directory, deps);
  const file = (name: string) => path.join(directory, DATA_DIR, name);
  const prepared = await prepareRun(
    {
      base: { id: base.id, path: base.path, sha256: base.sha256, templateHint: base.templateHint },
      dataPath: file(splitFiles.train),
      validation: request.hasValidation ? [{ name: 'validation', path: file(splitFiles.validation) }] : [],
      config: request.config,
      threads: request.threads,
      device: request.device,
    },
    deps,
  );
  requireMemory(prepared.estimate, request.config, process.availableMemory());
  await createRun(directory, prepared.spec);
  return prepared;
}

/** A message for each hundredth of the way is enough. */
function createProgressSayer(): (doneBytes: number, totalBytes: number) => void {
  let said = -1;
  return (doneBytes, totalBytes) => {
    const percent = Math.floor((doneBytes / totalBytes) * 100);
    if (percent === said) return;
    said = percent;
    say({ event: 'weights-prepare', doneBytes, totalBytes });
  };
}

function announce({ datasets, estimate, spec }: PreparedRun, resumedStep: number | null): void {
  say({
    event: 'run-prepare',
    resumedStep,
    plan: {
      dataSets: datasets.map(({ problems, ...summary }) => ({
        ...summary,
        problemCount: problems.length,
        problems: problems.slice(0, PROBLEMS_SENT).map(({ line, reason }) => ({ line, reason })),
      })),
      estimate,
      templateSha256: spec.templateSha256,
    },
  });
}

/** On rows that neither base nor adapter was trained on. Null: none of them fits into a sequence. */
async function scoreHeldOut(directory: string, { spec, header }: PreparedRun): Promise<LikelihoodComparison | null> {
  say({ event: 'score-start' });
  const tokenizer = await deps.openTokenizer(spec.base);
  const file = path.join(directory, DATA_DIR, splitFiles['held-out']);
  const dataset = await readDataset(file, tokenizer, spec.config).catch((error: unknown) => {
    if (AppError.isInstance(error) && error.code === 'dataset.empty') return null;
    throw error;
  });
  await tokenizer.close();
  if (dataset === null) return null;
  const { signal } = stopping;
  const weights = await prepareBaseWeights(spec.base.path, spec.base.sha256, layout.weightCacheDir, { signal });
  const adapter = await readAdapter(path.join(directory, ADAPTER_FILE), { ...header, sha256: spec.base.sha256 });
  return compareWithBase({ ...header, weights }, adapter, dataset.examples, {
    sequenceTokens: spec.config.sequenceTokens,
    threads: spec.threads,
    device: spec.device,
    signal,
  });
}

async function perform(directory: string): Promise<void> {
  const request = trainerRequestSchema.parse(JSON.parse(await readFile(path.join(directory, REQUEST_FILE), 'utf8')));
  const lock = await waitForDevice();
  if (lock === null) return;
  try {
    const prepared = await prepare(directory, request);
    announce(prepared, (await readCheckpointAdapter(directory, prepared))?.step ?? null);
    const samples = exportSamples(request.wantsSamples ? path.join(directory, SAMPLES_DIR) : null, {
      read: () => readCheckpointAdapter(directory, prepared),
      write: writeGgufAdapter,
      onReady: (step, filePath) => say({ event: 'sample-ready', step, filePath }),
    });
    const sayProgress = createProgressSayer();
    const report = await performRun(directory, prepared, deps, {
      signal: stopping.signal,
      onEvent(event) {
        if (event.event === 'weights-prepare') return sayProgress(event.doneBytes, event.totalBytes);
        say(event);
        if (event.event === 'checkpoint-write') samples.request();
      },
    });
    await samples.finish();
    const isToScore = request.hasHeldOut && (report.outcome === 'finished' || report.outcome === 'early');
    const heldOut = isToScore ? await scoreHeldOut(directory, prepared) : null;
    const { outcome, steps, totalSteps, tokens, seconds, baseLoss, bestLoss, adapterStep } = report;
    say({
      event: 'run-finish',
      result: { outcome, steps, totalSteps, tokens, seconds, baseLoss, bestLoss, adapterStep, heldOut },
    });
  } finally {
    await lock.release();
  }
}

function sayFailure(error: unknown): void {
  if (AppError.isInstance(error)) {
    const { code, message, userMessage, isRetryable } = error;
    say({ event: 'run-fail', code, message, userMessage, isRetryable });
  } else {
    console.error(error);
    process.exitCode = 1;
  }
}

const program = new Command('trainer').description('Perform a training run. Started by the worker.');
program
  .command('perform')
  .argument('<directory>', 'of the run')
  .action((directory: string) =>
    perform(path.resolve(directory)).catch((error: unknown) => {
      // Told to stop in the middle of something that throws then: the checkpoints are there.
      if (!stopping.signal.aborted) sayFailure(error);
    }),
  );
program
  .command('measure')
  .description('measure the rate of matrix products, for estimates')
  .requiredOption('--threads <n>', 'threads', Number)
  .action(async ({ threads }: { readonly threads: number }) =>
    writeMatrixRate(layout.matrixRateFile, { threads, flopsPerSecond: await measureMatrixRate(threads, 'cpu') }),
  );
await program.parseAsync();
process.exit();
