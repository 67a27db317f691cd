import { and, desc, eq, inArray, isNull, lt, or, sql } from 'drizzle-orm';
import { v7 as createUuid } from 'uuid';
import type { DatabaseExecutor } from '#db/executor.ts';
import { runs } from '#db/schema/runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';

export type Run = typeof runs.$inferSelect;
export type RunKind = Run['kind'];

export interface NewRun {
  readonly kind: RunKind;
  readonly subjectId: string;
  /** For lists: the file's name. */
  readonly title: string;
  /** Null: an API key or the system. */
  readonly createdBy: string | null;
  /** What the run is to do, where `subjectId` does not say all; its outcome takes the place when it succeeds. Default: nothing. */
  readonly details?: Record<string, unknown>;
}

/** A worker's hold on a run. Writes made with a token that is no longer the row's token change nothing. */
export interface Claim {
  readonly workspaceId: string;
  readonly runId: string;
  readonly claimToken: string;
}

const held = (claim: Claim) =>
  and(
    eq(runs.workspaceId, claim.workspaceId),
    eq(runs.id, claim.runId),
    eq(runs.claimToken, claim.claimToken),
    eq(runs.state, 'running'),
  );

export async function insertRun(
  db: DatabaseExecutor,
  access: Authorized<'document.write' | 'adapter.write' | 'evaluation.run' | 'evaluation.write' | 'dataset.write'>,
  run: NewRun,
): Promise<Run> {
  const [row] = await db
    .insert(runs)
    .values({ ...run, workspaceId: access.workspaceId })
    .returning();
  if (!row) throw new Error('insert of a run returned no row');
  return row;
}

export async function findRun(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  runId: string,
): Promise<Run | undefined> {
  const [row] = await db
    .select()
    .from(runs)
    .where(and(eq(runs.workspaceId, access.workspaceId), eq(runs.id, runId)));
  return row;
}

export async function listRuns(
  db: DatabaseExecutor,
  access: Authorized<'run.read'>,
  page: { readonly limit: number; readonly before?: Date; readonly kind?: RunKind },
): Promise<Run[]> {
  return db
    .select()
    .from(runs)
    .where(
      and(
        eq(runs.workspaceId, access.workspaceId),
        page.before === undefined ? undefined : lt(runs.createdAt, page.before),
        page.kind === undefined ? undefined : eq(runs.kind, page.kind),
      ),
    )
    .orderBy(desc(runs.createdAt), desc(runs.id))
    .limit(page.limit);
}

/** Runs of these subjects, newest first. */
export async function listRunsOfSubjects(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  subjectIds: readonly string[],
): Promise<Run[]> {
  if (subjectIds.length === 0) return [];
  return db
    .select()
    .from(runs)
    .where(and(eq(runs.workspaceId, access.workspaceId), inArray(runs.subjectId, [...subjectIds])))
    .orderBy(desc(runs.createdAt), desc(runs.id));
}

/** Take a queued run. Undefined: someone else has it, it is over, or it was cancelled; the delivery is then a no-op. */
export async function claimRun(
  db: DatabaseExecutor,
  workspaceId: string,
  runId: string,
): Promise<(Run & Claim) | undefined> {
  const claimToken = createUuid();
  const [row] = await db
    .update(runs)
    .set({
      state: 'running',
      claimToken,
      attempt: sql`${runs.attempt} + 1`,
      heartbeatAt: sql`now()`,
      startedAt: sql`coalesce(${runs.startedAt}, now())`,
      finishedAt: null,
      stage: null,
      errorCode: null,
      errorMessage: null,
    })
    .where(
      and(
        eq(runs.workspaceId, workspaceId),
        eq(runs.id, runId),
        eq(runs.state, 'queued'),
        isNull(runs.cancelRequestedAt),
      ),
    )
    .returning();
  return row && { ...row, runId: row.id, claimToken };
}

export interface RunProgress {
  readonly stage: string;
  readonly done: number;
  /** 0: unknown yet. */
  readonly total: number;
}

/** Say that the worker lives, and how far it is. `isHeld` false: the claim was lost, stop without writing anything. */
export async function touchRun(
  db: DatabaseExecutor,
  claim: Claim,
  progress?: RunProgress,
): Promise<{ isHeld: boolean; isCancelRequested: boolean }> {
  const [row] = await db
    .update(runs)
    .set({
      heartbeatAt: sql`now()`,
      ...(progress && { stage: progress.stage, progressDone: progress.done, progressTotal: progress.total }),
    })
    .where(held(claim))
    .returning({ cancelRequestedAt: runs.cancelRequestedAt });
  return describeHold(row);
}

/**
 * True while the claim holds; locks the row until the transaction ends. Called inside the transactions that write results,
 * so that a worker that was given up for dead can write none.
 */
export async function lockClaim(tx: DatabaseExecutor, claim: Claim): Promise<boolean> {
  return (await lockHeldRun(tx, claim)).isHeld;
}

/** As {@link lockClaim}; says also whether someone asked to stop since the last heartbeat. */
export async function lockHeldRun(
  tx: DatabaseExecutor,
  claim: Claim,
): Promise<{ isHeld: boolean; isCancelRequested: boolean }> {
  const [row] = await tx
    .select({ cancelRequestedAt: runs.cancelRequestedAt })
    .from(runs)
    .where(held(claim))
    .for('update');
  return describeHold(row);
}

const describeHold = (row: Pick<Run, 'cancelRequestedAt'> | undefined) => ({
  isHeld: row !== undefined,
  isCancelRequested: row !== undefined && row.cancelRequestedAt !== null,
});

export type RunOutcome =
  | { readonly state: 'succeeded'; readonly details?: Readonly<Record<string, unknown>> }
  | { readonly state: 'cancelled' }
  | { readonly state: 'failed'; readonly errorCode: string; readonly errorMessage: string };

/**
 * Close a held run.
 * @param last what it reported last, where that may not be written yet; default: what is written
 * @returns false when the claim was lost
 */
export async function finishRun(
  db: DatabaseExecutor,
  claim: Claim,
  outcome: RunOutcome,
  last?: RunProgress,
): Promise<boolean> {
  const rows = await db
    .update(runs)
    .set({
      state: outcome.state,
      claimToken: null,
      finishedAt: sql`now()`,
      ...(last && { stage: last.stage, progressDone: last.done, progressTotal: last.total }),
      ...(outcome.state === 'succeeded' && {
        stage: null,
        progressDone: last?.total ?? sql`${runs.progressTotal}`,
        ...(outcome.details && { details: { ...outcome.details } }),
      }),
      ...(outcome.state === 'failed' && { errorCode: outcome.errorCode, errorMessage: outcome.errorMessage }),
    })
    .where(held(claim))
    .returning({ id: runs.id });
  return rows.length === 1;
}

/**
 * Hand a held run back to the queue. `isAttemptSpent` false (a worker that is told to stop) gives the attempt back.
 * The caller enqueues a delivery in the same transaction.
 * @returns false when nothing is to be delivered: the claim was lost, or someone cancelled the run
 */
export async function requeueHeldRun(
  tx: DatabaseExecutor,
  claim: Claim,
  reason: { readonly isAttemptSpent: boolean; readonly errorCode?: string; readonly errorMessage?: string },
): Promise<boolean> {
  const rows = await tx
    .update(runs)
    .set({
      // A cancel that came too late for the worker to see is kept here: a queued run with a cancel would wait for ever.
      state: sql`case when ${runs.cancelRequestedAt} is null then 'queued' else 'cancelled' end`,
      finishedAt: sql`case when ${runs.cancelRequestedAt} is null then null else now() end`,
      claimToken: null,
      stage: null,
      attempt: reason.isAttemptSpent ? sql`${runs.attempt}` : sql`greatest(${runs.attempt} - 1, 0)`,
      errorCode: reason.errorCode ?? null,
      errorMessage: reason.errorMessage ?? null,
    })
    .where(held(claim))
    .returning({ state: runs.state });
  return rows[0]?.state === 'queued';
}

/**
 * Ask a run to stop: a queued one is cancelled at once, a running one by its worker at its next heartbeat.
 * @returns the run afterwards; undefined when there is none in this workspace
 */
export async function requestRunCancel(
  db: DatabaseExecutor,
  access: Authorized<'run.cancel' | 'document.write' | 'evaluation.run' | 'evaluation.write' | 'dataset.write'>,
  runId: string,
): Promise<Run | undefined> {
  const mine = and(eq(runs.workspaceId, access.workspaceId), eq(runs.id, runId));
  await db
    .update(runs)
    .set({
      cancelRequestedAt: sql`coalesce(${runs.cancelRequestedAt}, now())`,
      state: sql`case when ${runs.state} = 'queued' then 'cancelled' else ${runs.state} end`,
      finishedAt: sql`case when ${runs.state} = 'queued' then now() else ${runs.finishedAt} end`,
    })
    .where(and(mine, inArray(runs.state, ['queued', 'running'])));
  return findRun(db, access, runId);
}

/** Put a failed or cancelled run back in line, with all its attempts. @returns undefined: it is in another state or not here */
export async function reopenRun(
  tx: DatabaseExecutor,
  access: Authorized<'run.cancel' | 'document.write' | 'evaluation.run' | 'evaluation.write'>,
  runId: string,
): Promise<Run | undefined> {
  const [run] = await tx
    .update(runs)
    .set({
      state: 'queued',
      stage: null,
      attempt: 0,
      progressDone: 0,
      progressTotal: 0,
      claimToken: null,
      heartbeatAt: null,
      cancelRequestedAt: null,
      errorCode: null,
      errorMessage: null,
      startedAt: null,
      finishedAt: null,
    })
    .where(
      and(eq(runs.workspaceId, access.workspaceId), eq(runs.id, runId), inArray(runs.state, ['failed', 'cancelled'])),
    )
    .returning();
  return run;
}

/** Stop everything that still works for a subject, e.g. the indexing of a document that is being deleted. */
export async function cancelRunsOfSubjects(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  kind: RunKind,
  subjectIds: readonly string[],
): Promise<void> {
  if (subjectIds.length === 0) return;
  await tx
    .update(runs)
    .set({
      cancelRequestedAt: sql`coalesce(${runs.cancelRequestedAt}, now())`,
      state: sql`case when ${runs.state} = 'queued' then 'cancelled' else ${runs.state} end`,
      finishedAt: sql`case when ${runs.state} = 'queued' then now() else ${runs.finishedAt} end`,
    })
    .where(
      and(
        eq(runs.workspaceId, access.workspaceId),
        eq(runs.kind, kind),
        inArray(runs.subjectId, [...subjectIds]),
        inArray(runs.state, ['queued', 'running']),
      ),
    );
}

/** Worker only, all workspaces: kinds of which runs wait. */
export async function listQueuedKinds(db: DatabaseExecutor): Promise<RunKind[]> {
  const rows = await db.selectDistinct({ kind: runs.kind }).from(runs).where(eq(runs.state, 'queued'));
  return rows.map(({ kind }) => kind);
}

/**
 * Worker only, all workspaces: give up the claims of workers that have been silent for `staleAfterMs`, and name the runs
 * that wait for a delivery (among them those just freed).
 */
export async function releaseOrphanedRuns(
  db: DatabaseExecutor,
  limits: { readonly staleAfterMs: number; readonly maxAttemptsOf: (kind: RunKind) => number },
): Promise<readonly Pick<Run, 'id' | 'workspaceId' | 'kind'>[]> {
  const isStale = and(
    eq(runs.state, 'running'),
    or(
      isNull(runs.heartbeatAt),
      lt(runs.heartbeatAt, sql`now() - make_interval(secs => ${limits.staleAfterMs / 1000})`),
    ),
  );
  await db
    .update(runs)
    .set({ state: 'cancelled', claimToken: null, finishedAt: sql`now()` })
    .where(and(isStale, sql`${runs.cancelRequestedAt} is not null`));
  for (const kind of runs.kind.enumValues) {
    await db
      .update(runs)
      .set({
        state: 'failed',
        claimToken: null,
        finishedAt: sql`now()`,
        errorCode: 'run.worker-lost',
        errorMessage: sql`'The worker stopped ' || ${runs.attempt} || ' times while it worked on this. Look at its log, then retry.'`,
      })
      .where(and(isStale, eq(runs.kind, kind), sql`${runs.attempt} >= ${limits.maxAttemptsOf(kind)}`));
  }
  await db
    .update(runs)
    .set({
      state: 'queued',
      claimToken: null,
      stage: null,
      errorCode: 'run.worker-lost',
      errorMessage: 'The worker stopped while it worked on this.',
    })
    .where(isStale);
  return db
    .select({ id: runs.id, workspaceId: runs.workspaceId, kind: runs.kind })
    .from(runs)
    .where(eq(runs.state, 'queued'))
    .orderBy(runs.createdAt)
    .limit(1000);
}
