import type { DatabaseExecutor } from '#db/executor.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import { findRun, listRuns, type Run, reopenRun, requestRunCancel } from '#db/repositories/runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import type { JobQueue } from './job-queue.ts';

export interface RunView {
  readonly id: string;
  readonly kind: Run['kind'];
  readonly subjectId: string;
  readonly title: string;
  readonly state: Run['state'];
  readonly stage: string | null;
  readonly progressDone: number;
  /** 0: unknown. */
  readonly progressTotal: number;
  readonly attempt: number;
  readonly isCancelRequested: boolean;
  readonly error: { readonly code: string; readonly message: string } | null;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

export function viewRun(run: Run): RunView {
  return {
    id: run.id,
    kind: run.kind,
    subjectId: run.subjectId,
    title: run.title,
    state: run.state,
    stage: run.stage,
    progressDone: run.progressDone,
    progressTotal: run.progressTotal,
    attempt: run.attempt,
    isCancelRequested: run.cancelRequestedAt !== null,
    error: run.errorCode === null ? null : { code: run.errorCode, message: run.errorMessage ?? run.errorCode },
    createdAt: run.createdAt.toISOString(),
    startedAt: run.startedAt?.toISOString() ?? null,
    finishedAt: run.finishedAt?.toISOString() ?? null,
  };
}

/** Newest first. @param page.limit 1 to 200 */
export async function listRunViews(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'run.read'>,
  page: { readonly limit: number; readonly before?: Date; readonly kind?: Run['kind'] },
): Promise<RunView[]> {
  return (await listRuns(deps.db, access, page)).map(viewRun);
}

/**
 * A queued run is cancelled at once, a running one within about a second. A run that is over stays as it is.
 * @throws AppError `run.not-found`
 */
export async function cancelRun(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'run.cancel'>,
  runId: string,
): Promise<RunView> {
  return deps.db.transaction(async (tx) => {
    const run = await requestRunCancel(tx, access, runId);
    if (!run) throw notFound('run');
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'run.cancel',
      targetId: runId,
      details: { kind: run.kind, title: run.title },
    });
    return viewRun(run);
  });
}

/**
 * Put a failed or cancelled run back in line, within the transaction of whoever decides that. What its stages have finished is
 * kept.
 * @param run as the caller found it in this transaction, and in this workspace
 * @returns the run, back in line
 * @throws AppError `run.not-retryable`
 */
export async function requeueRun(
  tx: DatabaseExecutor,
  queue: JobQueue,
  access: Parameters<typeof reopenRun>[1],
  run: Run,
): Promise<Run> {
  const reopened = await reopenRun(tx, access, run.id);
  if (!reopened) {
    throw new AppError({
      code: 'run.not-retryable',
      message: `expected a failed or cancelled run, got one that is ${run.state}`,
      userMessage: `Only a job that failed or was cancelled can go on; this one is ${run.state}.`,
    });
  }
  await queue.enqueue(tx, run.kind, { workspaceId: run.workspaceId, runId: run.id });
  return reopened;
}

/** @throws AppError `run.not-found`, `run.not-retryable` */
export async function retryRun(
  deps: { readonly db: DatabaseExecutor; readonly queue: JobQueue },
  access: Authorized<'run.cancel'>,
  runId: string,
): Promise<RunView> {
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    const found = await findRun(tx, access, runId);
    if (!found) throw notFound('run');
    const run = await requeueRun(tx, deps.queue, access, found);
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'run.retry',
      targetId: runId,
      details: { kind: run.kind, title: run.title },
    });
    return viewRun(run);
  });
}
