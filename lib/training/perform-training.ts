import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseExecutor } from '#db/executor.ts';
import {
  appendTrainingLog,
  findTrainingRun,
  listTrainingSamples,
  saveTrainingPoints,
  type TrainingRun,
  updateTrainingRun,
} from '#db/repositories/training-runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { AdapterMetrics } from '#lib/domain/adapter.ts';
import { AppError, assertNever, notFound } from '#lib/domain/errors.ts';
import type { RunContext } from '#lib/jobs/perform-run.ts';
import { readAbortCause } from '#lib/jobs/perform-run.ts';
import { writeWholeFile } from '#lib/lora/files/write-whole-file.ts';
import { trainConfigSchema } from '#lib/lora/train/train-config.ts';
import { ADAPTER_FILE, CHECKPOINTS_DIR } from '#lib/lora/train/training-run.ts';
import { type RegisterDeps, registerAdapterVersion } from '#lib/registry/register-version.ts';
import { checkAdapter } from './check-adapter.ts';
import type { DataSetSource, FrozenRow } from './data-set-source.ts';
import { type SampleDeps, sampleAnswers, sampleCheckpoint } from './sample-answers.ts';
import type { StartTrainer, TrainerProcess } from './trainer-process.ts';
import {
  DATA_DIR,
  REQUEST_FILE,
  SAMPLES_DIR,
  splitFiles,
  type TrainerMessage,
  type TrainerRequest,
  type TrainingPlan,
  type TrainingRunResult,
  trainingPlanSchema,
} from './trainer-protocol.ts';
import { choosePrompts, PROMPTS_FILE, type TrainingPrompts, trainingPromptsSchema } from './training-prompts.ts';

export interface PerformTrainingDeps extends RegisterDeps, SampleDeps {
  readonly db: DatabaseExecutor;
  readonly dataSets: DataSetSource;
  readonly runtime: SampleDeps['runtime'] & { readStatus: RuntimeStatusReader };
  readonly startTrainer: StartTrainer;
  /** One directory a run, by the training run's id. */
  readonly trainingDir: string;
}
type RuntimeStatusReader = (options?: {
  readonly signal?: AbortSignal;
}) => Promise<{ readonly baseModel: { readonly sha256: string | null } | null }>;

export interface TrainingAccess {
  readonly data: Authorized<'dataset.read'>;
  readonly adapters: Authorized<'adapter.write'>;
}

/** A worker that is told to stop has little time; the checkpoint before is never far. */
const SHUTDOWN_PATIENCE_MS = 1500;
/** A micro-batch of long sequences takes its time before the checkpoint is written. */
const CANCEL_PATIENCE_MS = 90_000;

type Log = (message: string, level?: 'info' | 'warn' | 'error') => Promise<void>;

function trainingFailed(reason: string, code: string, isRetryable = false): AppError {
  return new AppError({ code, message: reason, userMessage: reason, isRetryable });
}

/**
 * One delivery of a training run: data and request on disk, trainer at work, its course in the database, then the canary and
 * the registration as a version. Everything is done again from where it stands when a delivery before was cut off.
 * @throws AppError `training.*`, `adapter.*`, and the trainer's own
 */
export async function performTraining(
  deps: PerformTrainingDeps,
  access: TrainingAccess,
  context: RunContext,
): Promise<Readonly<Record<string, unknown>>> {
  const found = await findTrainingRun(deps.db, access.adapters, context.run.subjectId);
  if (found === undefined) throw notFound('training');
  const { training } = found;
  const log: Log = (message, level = 'info') =>
    appendTrainingLog(deps.db, access.adapters, training.id, { level, message });
  try {
    await log(context.run.attempt > 1 ? `Attempt ${context.run.attempt} begins.` : 'The run begins.');
    return await perform(deps, access, context, training, log);
  } catch (error) {
    await log(...describeEnd(error, context.signal));
    throw error;
  }
}

function describeEnd(error: unknown, signal: AbortSignal): [string, 'info' | 'warn' | 'error'] {
  switch (readAbortCause(signal)) {
    case 'cancelled':
      return ['Cancelled. The newest checkpoint is kept; trying again goes on from it.', 'warn'];
    case 'shutdown':
      return ['The worker stops; the run goes on from the newest checkpoint when it is back.', 'warn'];
    case 'claim-lost':
      return ['Another worker has taken over.', 'warn'];
    case null:
      return [
        AppError.isInstance(error) ? error.userMessage : 'Something inside failed; the log has the cause.',
        'error',
      ];
  }
}

async function perform(
  deps: PerformTrainingDeps,
  access: TrainingAccess,
  context: RunContext,
  training: TrainingRun,
  log: Log,
): Promise<Readonly<Record<string, unknown>>> {
  const directory = path.join(deps.trainingDir, training.id);
  await context.report({ stage: 'preparing', done: 0, total: 0 });
  await requireServingBase(deps, training, context.signal);
  const prompts = await writeInputs(deps, access, training, directory);
  const course = await watchTrainer(deps, access, context, { training, directory, prompts, log });
  const { result } = course;

  if (result.outcome === 'diverged') {
    await updateTrainingRun(deps.db, access.adapters, training.id, { outcome: { result, canary: null } });
    throw trainingFailed(
      `The loss ran away after step ${result.steps}, so there is nothing worth keeping. Try a lower learning rate, or a gradient limit.`,
      'training.diverged',
    );
  }
  if (result.outcome === 'stopped')
    throw trainingFailed('The trainer was told to stop by somebody else.', 'training.stopped', true);
  if (result.outcome === 'early') await log('Ended early: the validation loss did not fall any more.');
  return finishTraining(deps, access, context, { training, directory, prompts, log }, course);
}

/** The canary and every sample are answered by the runtime, so its base has to be the one that is trained. */
async function requireServingBase(deps: PerformTrainingDeps, training: TrainingRun, signal: AbortSignal) {
  const { baseModel } = await deps.runtime.readStatus({ signal });
  if (baseModel?.sha256 === training.baseSha256) return;
  if (baseModel === null)
    throw trainingFailed('The runtime has no base model yet; training waits for it.', 'training.base-missing', true);
  throw trainingFailed(
    `The runtime serves another base than this run is for (${baseModel.sha256 ?? 'one of another server'}, expected ${training.baseSha256}). Start a new run, or choose the former base with BASE_MODEL.`,
    'training.base-changed',
  );
}

const toLine = ({ messages }: FrozenRow) => `${JSON.stringify({ messages })}\n`;

/** Data, request and prompts of a run, once: `request.json` is written last and says that all of it is there. */
async function writeInputs(
  deps: PerformTrainingDeps,
  access: TrainingAccess,
  training: TrainingRun,
  directory: string,
): Promise<TrainingPrompts> {
  const promptsFile = path.join(directory, PROMPTS_FILE);
  const requestFile = path.join(directory, REQUEST_FILE);
  const isThere = await stat(requestFile).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    const rows: FrozenRow[] = [];
    for await (const row of deps.dataSets.readRows(access.data, training.dataSetVersionId)) rows.push(row);
    await mkdir(path.join(directory, DATA_DIR), { recursive: true, mode: 0o700 });
    const has = { train: false, validation: false, 'held-out': false };
    for (const split of ['train', 'validation', 'held-out'] as const) {
      const own = rows.filter((row) => row.split === split);
      has[split] = own.length > 0;
      await writeWholeFile(path.join(directory, DATA_DIR, splitFiles[split]), (handle) =>
        handle.writeFile(own.map(toLine).join('')),
      );
    }
    const chosen = choosePrompts(rows, training.questions);
    await writeWholeFile(promptsFile, (handle) => handle.writeFile(JSON.stringify(chosen)));
    const request: TrainerRequest = {
      base: { id: training.baseModel, sha256: training.baseSha256 },
      config: trainConfigSchema.parse(training.config),
      threads: training.threads,
      device: 'cpu',
      hasValidation: has.validation,
      hasHeldOut: has['held-out'],
      wantsSamples: training.questions.length > 0,
    };
    await writeWholeFile(requestFile, (handle) => handle.writeFile(JSON.stringify(request)));
  }
  return trainingPromptsSchema.parse(JSON.parse(await readFile(promptsFile, 'utf8')));
}

interface RunFiles {
  readonly training: TrainingRun;
  readonly directory: string;
  readonly prompts: TrainingPrompts;
  readonly log: Log;
}

interface Course {
  readonly result: TrainingRunResult;
  readonly plan: TrainingPlan;
}

/** The trainer from its start to its end; its messages become rows. */
async function watchTrainer(
  deps: PerformTrainingDeps,
  access: TrainingAccess,
  context: RunContext,
  files: RunFiles,
): Promise<Course> {
  const sampler = createSampler(deps, access, context.signal, files);
  await sampler.sampleBase();
  const trainer = deps.startTrainer(files.directory);
  const onAbort = () => trainer.stop();
  context.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const recorder = createRecorder(deps, access, context, files, sampler);
    const watched = (async () => {
      for await (const message of trainer.messages) await recorder.record(message);
      const reason = await trainer.ended;
      if (reason !== null && recorder.failure === null) recorder.failure = trainerLost(reason);
    })();
    await leaveOnAbort(watched, trainer, context.signal);
    context.signal.throwIfAborted();
    if (recorder.failure !== null) throw recorder.failure;
    await sampler.finish();
    const { result, plan } = recorder;
    if (result === null || plan === null) throw trainerLost('ended without a result');
    return { result, plan };
  } finally {
    context.signal.removeEventListener('abort', onAbort);
    // Whatever went wrong here, no trainer may go on unwatched.
    if (!context.signal.aborted) trainer.kill();
  }
}

const trainerLost = (reason: string) =>
  trainingFailed(`The trainer ${reason}. The run goes on from its newest checkpoint.`, 'training.trainer-lost', true);

/** Wait for the trainer's end; after an abort for as long as there is time for its checkpoint. */
async function leaveOnAbort(watched: Promise<void>, trainer: TrainerProcess, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const patience = (async () => {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
      over.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    if (over.signal.aborted) return;
    const ms = readAbortCause(signal) === 'cancelled' ? CANCEL_PATIENCE_MS : SHUTDOWN_PATIENCE_MS;
    await delay(ms, undefined, { signal: over.signal }).catch(() => undefined);
    // Told to stop with the worker, it finishes its step and ends with the pipe.
    if (!over.signal.aborted && readAbortCause(signal) !== 'shutdown') trainer.kill();
  })();
  try {
    await Promise.race([watched.catch(rethrowUnless(signal)), patience]);
  } finally {
    over.abort();
  }
}

/** After an abort, how the messages ended says nothing. */
const rethrowUnless = (signal: AbortSignal) => (error: unknown) => {
  if (!signal.aborted) throw error;
};

interface Recorder {
  record(message: TrainerMessage): Promise<void>;
  failure: AppError | null;
  readonly result: TrainingRunResult | null;
  readonly plan: TrainingPlan | null;
}

const PERCENT = 100;

function createRecorder(
  deps: PerformTrainingDeps,
  access: TrainingAccess,
  context: RunContext,
  { training, log }: RunFiles,
  sampler: Sampler,
): Recorder {
  let totalSteps = 0;
  // After an abort the trainer still says what it writes last; `report` would throw.
  const report = (stage: string, done: number, total: number) =>
    context.signal.aborted ? Promise.resolve() : context.report({ stage, done, total });
  const recorder: { -readonly [K in keyof Recorder]: Recorder[K] } = {
    failure: null,
    result: null,
    plan: null,
    async record(message) {
      switch (message.event) {
        case 'device-wait':
          await report('waiting for the other training run', 0, 0);
          return log('Another training run of this machine is at work; waiting for it.');
        case 'run-prepare':
          recorder.plan = message.plan;
          totalSteps = message.plan.estimate.steps;
          await updateTrainingRun(deps.db, access.adapters, training.id, { plan: message.plan });
          await logPlan(message.plan, log);
          if (message.resumedStep !== null) await log(`Goes on from the checkpoint of step ${message.resumedStep}.`);
          return report('loading the base', message.resumedStep ?? 0, totalSteps);
        case 'weights-prepare':
          return report(
            "unpacking the base's weights",
            Math.floor((message.doneBytes / message.totalBytes) * PERCENT),
            PERCENT,
          );
        case 'step-finish': {
          const { step, loss, learningRate, gradientNorm, tokensPerSecond } = message;
          await saveTrainingPoints(deps.db, access.adapters, training.id, [
            { kind: 'step', step, loss, learningRate, gradientNorm, tokensPerSecond },
          ]);
          return report('training', step, message.totalSteps);
        }
        case 'validation-finish': {
          const { step, loss, isBest } = message;
          await saveTrainingPoints(deps.db, access.adapters, training.id, [
            { kind: 'validation', step, loss, learningRate: null, gradientNorm: null, tokensPerSecond: null },
          ]);
          return log(
            step === 0
              ? `Validation before the first step, the base alone: ${loss.toFixed(3)}.`
              : `Validation after step ${step}: ${loss.toFixed(3)}${isBest ? ', the best so far' : ''}.`,
          );
        }
        case 'checkpoint-write':
          return log(`Checkpoint of step ${message.step} written.`);
        case 'sample-ready':
          return sampler.offer(message.step, message.filePath);
        case 'score-start':
          return report('comparing on held-out rows', totalSteps, totalSteps);
        case 'run-finish':
          recorder.result = message.result;
          return;
        case 'run-fail': {
          const { code, message: text, userMessage, isRetryable } = message;
          recorder.failure = new AppError({ code, message: text, userMessage, isRetryable });
          return;
        }
        default:
          return assertNever(message);
      }
    },
  };
  return recorder;
}

const REASONS_LOGGED = 3;

async function logPlan({ dataSets, estimate }: TrainingPlan, log: Log): Promise<void> {
  for (const { name, examples, rows, tokens, problemCount, problems } of dataSets) {
    const reasons = problems.slice(0, REASONS_LOGGED).map(({ line, reason }) => `line ${line} ${reason}`);
    await log(
      problemCount === 0
        ? `${name}: ${rows} rows, ${tokens} tokens.`
        : `${name}: ${examples} of ${rows} rows, ${tokens} tokens; ${problemCount} left out: ${reasons.join('; ')}.`,
      problemCount === 0 ? 'info' : 'warn',
    );
  }
  await log(`${estimate.steps} steps planned, ${estimate.tokens} tokens in all.`);
}

interface Sampler {
  /** Once a run. */
  sampleBase(): Promise<void>;
  /** Returns at once; while one checkpoint answers, the newest that comes meanwhile is next. */
  offer(step: number, filePath: string): void;
  finish(): Promise<void>;
}

/** Samples are for looking at: one that fails is told and stops nothing. */
function createSampler(
  deps: PerformTrainingDeps,
  access: TrainingAccess,
  signal: AbortSignal,
  { training, prompts, log }: RunFiles,
): Sampler {
  let next: { readonly step: number; readonly filePath: string } | null = null;
  let sampling: Promise<void> | null = null;
  const tell = async (error: unknown) => {
    if (signal.aborted) return;
    const reason = AppError.isInstance(error) ? error.userMessage : String(error);
    await log(`The samples could not be taken: ${reason}`, 'warn');
  };
  const drain = async () => {
    while (next !== null) {
      const checkpoint = { ...next, trainingRunId: training.id };
      next = null;
      await sampleCheckpoint(deps, access.adapters, checkpoint, prompts.questions, signal).catch(tell);
    }
    sampling = null;
  };
  return {
    async sampleBase() {
      const taken = await listTrainingSamples(deps.db, access.adapters, training.id);
      if (taken.filter(({ step }) => step === 0).length >= prompts.questions.length) return;
      const target = { trainingRunId: training.id, step: 0, adapterSha256: null };
      await sampleAnswers(deps, access.adapters, target, prompts.questions, signal).catch(tell);
    },
    offer(step, filePath) {
      next = { step, filePath };
      sampling ??= drain();
    },
    async finish() {
      await sampling;
    },
  };
}

/** From the finished artifact to a version. */
async function finishTraining(
  deps: PerformTrainingDeps,
  access: TrainingAccess,
  context: RunContext,
  { training, directory, prompts, log }: RunFiles,
  { result, plan }: Course,
): Promise<Readonly<Record<string, unknown>>> {
  await context.report({ stage: 'checking the adapter', done: result.totalSteps, total: result.totalSteps });
  const filePath = path.join(directory, ADAPTER_FILE);
  const { sha256 } = await deps.artifacts.add(filePath);
  await updateTrainingRun(deps.db, access.adapters, training.id, {
    artifactSha256: sha256,
    outcome: { result, canary: null },
  });
  await deps.runtime.loadAdapter({ sha256, filePath: deps.artifacts.locate(sha256) }, { signal: context.signal });
  await log('The runtime has loaded the adapter; it answers beside the base.');
  const canary = await checkAdapter(deps.runtime, sha256, prompts.canary, result.heldOut, context.signal);
  await updateTrainingRun(deps.db, access.adapters, training.id, { outcome: { result, canary } });
  if (canary.reasons.length > 0) {
    await deps.runtime.unloadAdapter(sha256).catch(() => undefined);
    throw trainingFailed(
      `The adapter was trained but may not become a version. ${canary.reasons.join(' ')}`,
      'training.canary-failed',
    );
  }
  await log(
    `Checked: ${canary.changed} of ${canary.prompts} answers differ from the base's, ${canary.endedByAdapter} ended by themselves, none gives away the prompt or loops more than the base's.`,
  );
  context.signal.throwIfAborted();
  const version = await register(deps, access, training, filePath, { result, plan });
  await updateTrainingRun(deps.db, access.adapters, training.id, { resultVersionId: version.id });
  await log(`Registered as version ${version.number} of ${training.adapterName}.`);
  // The version has the bytes; what is left is the story: request, plan, events and report.
  for (const name of [CHECKPOINTS_DIR, SAMPLES_DIR, 'peft', ADAPTER_FILE])
    await rm(path.join(directory, name), { recursive: true, force: true });
  return { adapterVersionId: version.id, adapterSha256: sha256 };
}

async function register(
  deps: PerformTrainingDeps,
  access: TrainingAccess,
  training: TrainingRun,
  filePath: string,
  { result, plan }: Course,
): Promise<{ readonly id: string; readonly number: number }> {
  const dataSet = await deps.dataSets.find(access.data, training.dataSetVersionId);
  const sources = await deps.dataSets.readSources(access.data, training.dataSetVersionId);
  const { version } = await registerAdapterVersion(deps, access.adapters, {
    adapter: { name: training.adapterName },
    filePath,
    origin: 'trained',
    baseSha256: training.baseSha256,
    templateSha256: trainingPlanSchema.parse(plan).templateSha256,
    lineage: {
      dataSet: {
        versionId: dataSet.versionId,
        name: `${dataSet.name}, version ${dataSet.number}`,
        sha256: dataSet.sha256,
      },
      trainingRunId: training.id,
      options: { ...training.config, preset: training.preset, threads: training.threads },
      documents: [...sources.documents],
      conversationIds: [...sources.conversationIds],
    },
    metrics: collectMetrics(result),
    notes: training.notes,
  });
  return version;
}

function collectMetrics({ baseLoss, bestLoss, heldOut, steps, tokens, seconds }: TrainingRunResult): AdapterMetrics {
  return {
    'training-steps': steps,
    'training-tokens': tokens,
    'training-seconds': Math.round(seconds),
    ...(baseLoss !== null && { 'validation-nll-base': baseLoss }),
    ...(bestLoss !== null && { 'validation-nll': bestLoss }),
    ...(heldOut !== null && { 'held-out-nll-base': heldOut.baseLoss, 'held-out-nll': heldOut.adapterLoss }),
  };
}
