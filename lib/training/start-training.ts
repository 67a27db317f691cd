import { v7 as createUuid } from 'uuid';
import { createAuditRepository } from '#db/repositories/audit.ts';
import { insertRun } from '#db/repositories/runs.ts';
import { insertTrainingRun } from '#db/repositories/training-runs.ts';
import { type Authorized, findUserId } from '#lib/domain/access.ts';
import { AppError, invalidInput } from '#lib/domain/errors.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { checkAdapterName } from '#lib/registry/register-version.ts';
import { findBlockers } from './find-blockers.ts';
import { checkTrainingRequest, type ForecastDeps, type ForecastInput, forecastTraining } from './forecast-training.ts';
import { namePreset } from './training-options.ts';
import type { TrainingForecast } from './training-record.ts';

export interface StartTrainingDeps extends ForecastDeps {
  readonly queue: JobQueue;
}

export interface StartTrainingInput extends ForecastInput {
  /** Of the adapter that gets a new version; made when the workspace has none of the name. */
  readonly adapterName: string;
  readonly notes: string;
  /** Asked of base and adapter at every checkpoint. */
  readonly questions: readonly string[];
}

export const MAX_QUESTIONS = 5;
export const MAX_QUESTION_CHARACTERS = 500;
export const MAX_NOTES_CHARACTERS = 2000;

function checkQuestions(given: readonly string[]): string[] {
  const questions = given.map((question) => question.trim()).filter((question) => question !== '');
  if (questions.length > MAX_QUESTIONS || questions.some((question) => question.length > MAX_QUESTION_CHARACTERS))
    throw invalidInput(`at most ${MAX_QUESTIONS} questions of ${MAX_QUESTION_CHARACTERS} characters each`);
  return questions;
}

/** Not known is no reason to refuse: the trainer estimates again and refuses what does not fit. */
async function tryForecast(
  deps: ForecastDeps,
  access: Authorized<'dataset.read'>,
  input: ForecastInput,
): Promise<TrainingForecast | null> {
  try {
    return (await forecastTraining(deps, access, input)).forecast;
  } catch (error) {
    if (AppError.isInstance(error) && error.isRetryable) return null;
    throw error;
  }
}

/**
 * Put a training run in line.
 * @param access to read data sets and to write adapters
 * @throws AppError as `checkTrainingRequest`; `input.invalid` for name, notes and questions; `training.overlaps-suite`,
 *   `training.sources-deleted`
 */
export async function startTraining(
  deps: StartTrainingDeps,
  access: { readonly data: Authorized<'dataset.read'>; readonly adapters: Authorized<'adapter.write'> },
  input: StartTrainingInput,
): Promise<{ readonly trainingRunId: string; readonly runId: string }> {
  const adapterName = checkAdapterName(input.adapterName);
  const notes = input.notes.trim();
  if (notes.length > MAX_NOTES_CHARACTERS) throw invalidInput(`notes: at most ${MAX_NOTES_CHARACTERS} characters`);
  const questions = checkQuestions(input.questions);
  const { base, dataSet, config, threads } = await checkTrainingRequest(deps, access.data, input);
  const [blocker] = await findBlockers(deps, access.data, dataSet);
  if (blocker !== undefined)
    throw new AppError({ code: blocker.code, message: blocker.text, userMessage: blocker.text });
  const forecast = await tryForecast(deps, access.data, input);
  if (forecast !== null && forecast.usedRows === 0)
    throw invalidInput(`no row fits into a sequence of ${config.sequenceTokens} tokens; raise the sequence length`);
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    const id = createUuid();
    const createdBy = findUserId(access.adapters);
    const run = await insertRun(tx, access.adapters, {
      kind: 'adapter.train',
      subjectId: id,
      title: `${adapterName} on ${dataSet.name}, version ${dataSet.number}`,
      createdBy,
    });
    await insertTrainingRun(tx, access.adapters, {
      id,
      runId: run.id,
      adapterName,
      notes,
      dataSetVersionId: dataSet.versionId,
      baseModel: base.id,
      baseSha256: base.sha256,
      preset: namePreset(config),
      config,
      threads,
      questions,
      forecast: forecast === null ? null : { ...forecast },
      createdBy,
    });
    await deps.queue.enqueue(tx, run.kind, { workspaceId: run.workspaceId, runId: run.id });
    await recordAudit({ audit: createAuditRepository(tx) }, access.adapters.actor, {
      workspaceId: access.adapters.workspaceId,
      action: 'training.start',
      targetId: id,
      details: { adapterName, dataSet: dataSet.name, dataSetVersion: dataSet.number, baseModel: base.id },
    });
    return { trainingRunId: id, runId: run.id };
  });
}
