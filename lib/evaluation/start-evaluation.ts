import { randomUUID } from 'node:crypto';
import type { DatabaseExecutor } from '#db/executor.ts';
import { findAdapterVersion } from '#db/repositories/adapters.ts';
import { readActiveAnswerConfig } from '#db/repositories/answer-configs.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import { readChampion } from '#db/repositories/champions.ts';
import { findEvaluation, insertEvaluation } from '#db/repositories/evaluations.ts';
import { insertRun, requestRunCancel } from '#db/repositories/runs.ts';
import { listSuites } from '#db/repositories/suites.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { invalidInput, notFound } from '#lib/domain/errors.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import { requeueRun } from '#lib/jobs/manage-runs.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { type RunSettings, runSettingsSchema } from './run-settings.ts';

export interface StartDeps {
  readonly db: DatabaseExecutor;
  readonly queue: JobQueue;
}

export interface StartedEvaluation {
  readonly evaluationId: string;
  readonly runId: string;
}

/**
 * Compare a version with what serves now, on the current revisions of these suites. The work is a run; this returns at once.
 * @param input.versionId null: the base; against itself where it serves, which measures the noise
 * @throws AppError `adapter.not-found`, `suite.not-found`, `input.invalid`
 */
export async function startEvaluation(
  deps: StartDeps,
  access: Authorized<'evaluation.run'>,
  input: {
    readonly versionId: string | null;
    readonly suiteIds: readonly string[];
    readonly settings?: Partial<RunSettings> | undefined;
  },
): Promise<StartedEvaluation> {
  const settings = runSettingsSchema.parse(input.settings ?? {});
  const wanted = [...new Set(input.suiteIds)];
  if (wanted.length === 0) throw invalidInput('choose at least one suite');
  await deps.queue.open();
  const active = await readActiveAnswerConfig(deps.db, access);
  return deps.db.transaction(async (tx) => {
    const version = input.versionId === null ? null : await findAdapterVersion(tx, access, input.versionId);
    const suites = (await listSuites(tx, access)).filter(({ suite }) => wanted.includes(suite.id));
    if (suites.length !== wanted.length) throw notFound('suite');
    const championVersionId = await readChampion(tx, access);
    const champion = championVersionId === null ? null : await findAdapterVersion(tx, access, championVersionId);
    // A key acts for the person who made it.
    const createdBy = access.actor.kind === 'system' ? null : access.actor.userId;
    const evaluationId = randomUUID();
    const name = version === null ? 'Base' : `${version.adapterName} ${version.number}`;
    const run = await insertRun(tx, access, {
      kind: 'evaluation.run',
      subjectId: evaluationId,
      title: `${name} on ${suites.map(({ suite }) => suite.name).join(', ')}`.slice(0, 200),
      createdBy,
    });
    await insertEvaluation(tx, access, {
      id: evaluationId,
      runId: run.id,
      versionId: version?.id ?? null,
      adapterSha256: version?.sha256 ?? null,
      championVersionId,
      championSha256: champion?.sha256 ?? null,
      answerConfigId: active.id,
      settings: { ...settings },
      createdBy,
      revisionIds: suites.map(({ revision }) => revision.id),
    });
    await deps.queue.enqueue(tx, 'evaluation.run', { workspaceId: access.workspaceId, runId: run.id });
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'evaluation.start',
      targetId: evaluationId,
      details: { version: version?.id ?? null, suites: suites.map(({ suite }) => suite.name) },
    });
    return { evaluationId, runId: run.id };
  });
}

/**
 * Stop an evaluation; what it has answered stays.
 * @throws AppError `evaluation.not-found`
 */
export async function cancelEvaluation(
  deps: Pick<StartDeps, 'db'>,
  access: Authorized<'evaluation.run'>,
  evaluationId: string,
): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const { run } = await findEvaluation(tx, access, evaluationId);
    await requestRunCancel(tx, access, run.id);
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'evaluation.cancel',
      targetId: evaluationId,
      details: {},
    });
  });
}

/**
 * Go on with an evaluation that was cancelled or has failed, behind the last answer that is stored.
 * @throws AppError `evaluation.not-found`, `run.not-retryable`
 */
export async function resumeEvaluation(
  deps: StartDeps,
  access: Authorized<'evaluation.run'>,
  evaluationId: string,
): Promise<void> {
  await deps.queue.open();
  await deps.db.transaction(async (tx) => {
    const { run } = await findEvaluation(tx, access, evaluationId);
    await requeueRun(tx, deps.queue, access, run);
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'evaluation.resume',
      targetId: evaluationId,
      details: {},
    });
  });
}
