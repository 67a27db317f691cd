import { z } from 'zod';
import type { DatabaseExecutor } from '#db/executor.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { invalidInput } from '#lib/domain/errors.ts';
import { type BaseHeader, readBaseHeader } from '#lib/lora/base/read-base-header.ts';
import { areBaseWeightsReady } from '#lib/lora/base/weight-cache.ts';
import { estimateWithin } from '#lib/lora/train/estimate.ts';
import { planSteps } from '#lib/lora/train/plan-steps.ts';
import { type TrainConfig, trainConfigSchema } from '#lib/lora/train/train-config.ts';
import type { FindBase, LocalBase } from '#lib/registry/find-base.ts';
import type { RuntimeClient } from '#lib/runtime/runtime-port.ts';
import { adviseTraining, type TrainingAdvice } from './advise-training.ts';
import type { DataSetSource, FrozenDataSet } from './data-set-source.ts';
import { findBlockers, type TrainingBlocker } from './find-blockers.ts';
import { type MatrixRate, readMatrixRate } from './matrix-rate-file.ts';
import { profileRows, type RowProfile, toExamples } from './profile-rows.ts';
import { createMemory } from './remember.ts';
import type { TrainingForecast } from './training-record.ts';
import { countCores } from './training-threads.ts';

export interface ForecastDeps {
  readonly db: DatabaseExecutor;
  readonly dataSets: DataSetSource;
  readonly findBase: FindBase;
  readonly runtime: Pick<RuntimeClient, 'countTokens'>;
  readonly weightCacheDir: string;
  readonly matrixRateFile: string;
}

export interface ForecastInput {
  readonly dataSetVersionId: string;
  /** Checked here; shape `trainConfigSchema`. */
  readonly config: unknown;
  readonly threads: number;
}

export interface ForecastView {
  readonly forecast: TrainingForecast;
  readonly advice: readonly TrainingAdvice[];
  /** A start is refused while there are any. */
  readonly blockers: readonly TrainingBlocker[];
  /** Good questions for the samples: the last ones of rows that are not trained on. */
  readonly questions: readonly string[];
}

/** What training needs of a request, checked. */
export interface CheckedRequest {
  readonly base: LocalBase;
  readonly header: BaseHeader;
  readonly dataSet: FrozenDataSet;
  readonly config: TrainConfig;
  readonly threads: number;
}

/** Versions never change; a form asks for a forecast with every change of a field. */
const rememberProfile = createMemory<RowProfile>(8);

/**
 * @throws AppError `input.invalid` naming the option, what was expected and what came; `dataset.not-found`, `model.*`,
 *   `training.nothing-to-learn`
 */
export async function checkTrainingRequest(
  deps: Pick<ForecastDeps, 'dataSets' | 'findBase'>,
  access: Authorized<'dataset.read'>,
  input: ForecastInput,
): Promise<CheckedRequest> {
  const parsed = trainConfigSchema.safeParse(input.config);
  if (!parsed.success) throw invalidInput(`the training options: ${z.prettifyError(parsed.error)}`);
  const config = parsed.data;
  const dataSet = await deps.dataSets.find(access, input.dataSetVersionId);
  const base = await deps.findBase();
  const header = await readBaseHeader(base.path);
  const { layerCount, contextTokens } = header.config;
  if (config.lora.topLayers !== null && config.lora.topLayers > layerCount)
    throw invalidInput(`top layers: the base has ${layerCount} layers, ${config.lora.topLayers} were asked for`);
  if (config.sequenceTokens > contextTokens)
    throw invalidInput(
      `sequence length: the base reads ${contextTokens} tokens, ${config.sequenceTokens} were asked for`,
    );
  if (input.threads < 1 || input.threads > countCores())
    throw invalidInput(`threads: this machine has ${countCores()} cores, ${input.threads} threads were asked for`);
  if (dataSet.rowCounts.train === 0)
    throw invalidInput(`version ${dataSet.number} of ${dataSet.name} has no training rows`);
  return { base, header, dataSet, config, threads: input.threads };
}

/** Rates of other thread counts follow in proportion: products of this size scale nearly so. */
const rateFor = (rate: MatrixRate, threads: number) => (rate.flopsPerSecond * threads) / rate.threads;

/**
 * Time, memory and steps of a run, and what speaks for and against it, before anything is started. About right: tokens of
 * most rows are taken from their characters; the trainer counts again.
 * @throws as {@link checkTrainingRequest}; AppError `runtime.unavailable` when nobody can count tokens
 */
export async function forecastTraining(
  deps: ForecastDeps,
  access: Authorized<'dataset.read'>,
  input: ForecastInput,
): Promise<ForecastView> {
  const { base, header, dataSet, config, threads } = await checkTrainingRequest(deps, access, input);
  const profile = await rememberProfile(`${dataSet.versionId} ${base.sha256}`, () =>
    profileRows(deps.dataSets.readRows(access, dataSet.versionId), (texts) => deps.runtime.countTokens(texts)),
  );
  const examples = toExamples(profile, config.sequenceTokens);
  const steps = planSteps(examples, examples.length === 0 ? { ...config, maxSteps: null } : config);
  const rate = await readMatrixRate(deps.matrixRateFile);
  const availableBytes = process.availableMemory();
  const estimate = estimateWithin(header, config, steps, rate === null ? 1 : rateFor(rate, threads), availableBytes);
  return {
    forecast: {
      usedRows: examples.length,
      leftOutRows: profile.lengths.length - examples.length,
      steps: estimate.steps,
      tokens: estimate.tokens,
      seconds: rate === null ? null : estimate.seconds,
      memoryBytes: estimate.memoryBytes,
      weightBytes: estimate.weightBytes,
      areWeightsReady: await areBaseWeightsReady(base.sha256, deps.weightCacheDir),
      availableBytes,
    },
    blockers: await findBlockers(deps, access, dataSet),
    advice: adviseTraining(profile, config, { contextTokens: header.config.contextTokens, steps: estimate.steps }),
    questions: profile.questions,
  };
}
