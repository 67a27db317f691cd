import type { DatabaseExecutor } from '#db/executor.ts';
import {
  countTrainingsAhead,
  findTrainingRun,
  listTrainingLog,
  listTrainingPoints,
  listTrainingRuns,
  listTrainingSamples,
  type TrainingPoint,
  type TrainingWithRun,
} from '#db/repositories/training-runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { notFound } from '#lib/domain/errors.ts';
import { type RunView, viewRun } from '#lib/jobs/manage-runs.ts';
import { type TrainConfig, trainConfigSchema } from '#lib/lora/train/train-config.ts';
import { type TrainingPlan, trainingPlanSchema } from './trainer-protocol.ts';
import {
  type TrainingForecast,
  type TrainingOutcome,
  trainingForecastSchema,
  trainingOutcomeSchema,
} from './training-record.ts';

export interface TrainingSummary {
  readonly id: string;
  readonly adapterName: string;
  readonly dataSetVersionId: string;
  readonly baseModel: string;
  readonly preset: 'quick' | 'balanced' | 'thorough' | 'custom';
  readonly run: RunView;
  readonly resultVersionId: string | null;
  readonly outcome: TrainingOutcome | null;
  /** Training runs of this device that come first; null when it does not wait. */
  readonly queue: { readonly ahead: number } | null;
}

export interface CurvePoint {
  readonly step: number;
  /** Nats a predicted token. */
  readonly loss: number;
  readonly learningRate: number | null;
  readonly gradientNorm: number | null;
  readonly tokensPerSecond: number | null;
}

export interface SampleView {
  /** 0: the base alone. */
  readonly step: number;
  readonly answer: string;
  /** False: it was cut at the limit of tokens. */
  readonly hasEnded: boolean;
}

export interface TrainingView extends TrainingSummary {
  readonly notes: string;
  readonly baseSha256: string;
  readonly config: TrainConfig;
  readonly threads: number;
  readonly forecast: TrainingForecast | null;
  readonly plan: TrainingPlan | null;
  readonly artifactSha256: string | null;
  /** Seconds to the last step, by the speed of the newest steps; null when it does not train. */
  readonly etaSeconds: number | null;
  /** In order of steps; thinned out evenly beyond some hundreds. */
  readonly steps: readonly CurvePoint[];
  readonly validations: readonly { readonly step: number; readonly loss: number }[];
  /** One for each question, samples in order of steps. */
  readonly samples: readonly { readonly question: string; readonly answers: readonly SampleView[] }[];
  /** Newest first. */
  readonly log: readonly {
    readonly id: string;
    readonly level: 'info' | 'warn' | 'error';
    readonly message: string;
    readonly at: string;
  }[];
}

/** Points of a curve that a page draws; more cannot be told apart. */
const MAX_POINTS = 600;
const LOG_SHOWN = 200;
/** Newest steps whose pace tells the time to the end. */
const PACE_STEPS = 8;

async function summarise(
  db: DatabaseExecutor,
  access: Authorized<'adapter.read'>,
  { training, run }: TrainingWithRun,
): Promise<TrainingSummary> {
  return {
    id: training.id,
    adapterName: training.adapterName,
    dataSetVersionId: training.dataSetVersionId,
    baseModel: training.baseModel,
    preset: training.preset,
    run: viewRun(run),
    resultVersionId: training.resultVersionId,
    outcome: trainingOutcomeSchema.nullable().parse(training.outcome),
    queue: run.state === 'queued' ? { ahead: await countTrainingsAhead(db, access, run) } : null,
  };
}

/** Newest first. */
export async function listTrainings(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'adapter.read'>,
  limit: number,
): Promise<TrainingSummary[]> {
  const summaries: TrainingSummary[] = [];
  for (const found of await listTrainingRuns(deps.db, access, limit))
    summaries.push(await summarise(deps.db, access, found));
  return summaries;
}

/** Every n-th point, and the last. */
export function thinOut<T>(points: readonly T[], limit: number): readonly T[] {
  if (points.length <= limit) return points;
  const stride = Math.ceil(points.length / (limit - 1));
  return points.filter((_, index) => index % stride === 0 || index === points.length - 1);
}

function estimateSeconds(steps: readonly TrainingPoint[], totalSteps: number): number | null {
  const newest = steps.slice(-PACE_STEPS);
  const [first, last] = [newest[0], newest.at(-1)];
  if (first === undefined || last === undefined || last.step <= first.step) return null;
  const secondsPerStep = (last.createdAt.getTime() - first.createdAt.getTime()) / 1000 / (last.step - first.step);
  return secondsPerStep * Math.max(0, totalSteps - last.step);
}

/** @throws AppError `training.not-found` */
export async function readTraining(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'adapter.read'>,
  id: string,
): Promise<TrainingView> {
  const found = await findTrainingRun(deps.db, access, id);
  if (found === undefined) throw notFound('training');
  const { training, run } = found;
  const [summary, points, samples, log] = await Promise.all([
    summarise(deps.db, access, found),
    listTrainingPoints(deps.db, access, id),
    listTrainingSamples(deps.db, access, id),
    listTrainingLog(deps.db, access, id, LOG_SHOWN),
  ]);
  const steps = points.filter(({ kind }) => kind === 'step');
  return {
    ...summary,
    notes: training.notes,
    baseSha256: training.baseSha256,
    config: trainConfigSchema.parse(training.config),
    threads: training.threads,
    forecast: trainingForecastSchema.nullable().parse(training.forecast),
    plan: trainingPlanSchema.nullable().parse(training.plan),
    artifactSha256: training.artifactSha256,
    etaSeconds: run.state === 'running' && run.stage === 'training' ? estimateSeconds(steps, run.progressTotal) : null,
    steps: thinOut(steps, MAX_POINTS).map(({ step, loss, learningRate, gradientNorm, tokensPerSecond }) => ({
      step,
      loss,
      learningRate,
      gradientNorm,
      tokensPerSecond,
    })),
    validations: points.filter(({ kind }) => kind === 'validation').map(({ step, loss }) => ({ step, loss })),
    samples: training.questions.map((question, index) => ({
      question,
      answers: samples
        .filter((sample) => sample.question === index)
        .map(({ step, answer, finishReason }) => ({ step, answer, hasEnded: finishReason === 'stop' })),
    })),
    log: log.map(({ id: entryId, level, message, at }) => ({ id: entryId, level, message, at: at.toISOString() })),
  };
}
