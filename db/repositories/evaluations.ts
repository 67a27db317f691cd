import { and, asc, desc, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { documents } from '#db/schema/documents.ts';
import { caseResults, evaluationRunSuites, evaluationRuns, gateDecisions, testCases } from '#db/schema/evaluation.ts';
import { runs } from '#db/schema/runs.ts';
import { answerConfigs, indexConfigs } from '#db/schema/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { type AnswerConfig, answerConfigSchema } from '#lib/domain/answer-config.ts';
import { notFound } from '#lib/domain/errors.ts';
import { type Claim, lockClaim, type Run } from './runs.ts';

export type EvaluationRow = typeof evaluationRuns.$inferSelect;
export type CaseResultRow = typeof caseResults.$inferSelect;
export type DecisionRow = typeof gateDecisions.$inferSelect;

export type NewEvaluation = Pick<
  EvaluationRow,
  | 'id'
  | 'runId'
  | 'versionId'
  | 'adapterSha256'
  | 'championVersionId'
  | 'championSha256'
  | 'answerConfigId'
  | 'createdBy'
> & { readonly settings: Record<string, unknown>; readonly revisionIds: readonly string[] };

/** Part of the transaction that inserts and enqueues the run. */
export async function insertEvaluation(
  tx: DatabaseExecutor,
  access: Authorized<'evaluation.run'>,
  { revisionIds, ...values }: NewEvaluation,
): Promise<EvaluationRow> {
  const { workspaceId } = access;
  const [row] = await tx
    .insert(evaluationRuns)
    .values({ ...values, workspaceId })
    .returning();
  if (!row) throw new Error('insert of an evaluation returned no row');
  await tx
    .insert(evaluationRunSuites)
    .values(revisionIds.map((revisionId) => ({ workspaceId, evaluationRunId: row.id, revisionId })));
  return row;
}

export interface EvaluationWithRun {
  readonly evaluation: EvaluationRow;
  readonly run: Run;
}

/** @throws AppError `evaluation.not-found` */
export async function findEvaluation(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  evaluationId: string,
): Promise<EvaluationWithRun> {
  const [row] = await db
    .select({ evaluation: evaluationRuns, run: runs })
    .from(evaluationRuns)
    .innerJoin(runs, eq(runs.id, evaluationRuns.runId))
    .where(and(eq(evaluationRuns.workspaceId, access.workspaceId), eq(evaluationRuns.id, evaluationId)));
  if (!row) throw notFound('evaluation');
  return row;
}

/** With the newest decision of each. Newest first. */
export async function listEvaluations(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  limit: number,
): Promise<(EvaluationWithRun & { readonly decision: DecisionRow | null })[]> {
  const rows = await db
    .select({ evaluation: evaluationRuns, run: runs, decision: gateDecisions })
    .from(evaluationRuns)
    .innerJoin(runs, eq(runs.id, evaluationRuns.runId))
    .leftJoin(
      gateDecisions,
      and(
        eq(gateDecisions.evaluationRunId, evaluationRuns.id),
        eq(
          gateDecisions.createdAt,
          sql`(select max(newest.created_at) from gate_decisions newest where newest.evaluation_run_id = ${evaluationRuns.id})`,
        ),
      ),
    )
    .where(eq(evaluationRuns.workspaceId, access.workspaceId))
    .orderBy(desc(evaluationRuns.createdAt))
    .limit(limit);
  return rows;
}

export async function listRevisionIdsOfEvaluation(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  evaluationId: string,
): Promise<string[]> {
  const rows = await db
    .select({ revisionId: evaluationRunSuites.revisionId })
    .from(evaluationRunSuites)
    .where(
      and(
        eq(evaluationRunSuites.workspaceId, access.workspaceId),
        eq(evaluationRunSuites.evaluationRunId, evaluationId),
      ),
    )
    .orderBy(asc(evaluationRunSuites.revisionId));
  return rows.map((row) => row.revisionId);
}

/** Once: what was pinned first stays. @returns what is pinned now */
export async function pinEvaluation(
  db: DatabaseExecutor,
  access: Authorized<'evaluation.run'>,
  evaluationId: string,
  pinned: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const mine = and(eq(evaluationRuns.workspaceId, access.workspaceId), eq(evaluationRuns.id, evaluationId));
  await db
    .update(evaluationRuns)
    .set({ pinned })
    .where(and(mine, isNull(evaluationRuns.pinned)));
  const [row] = await db.select({ pinned: evaluationRuns.pinned }).from(evaluationRuns).where(mine);
  return row?.pinned ?? pinned;
}

/** In the order in which they were written. */
export async function listCaseResults(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  evaluationId: string,
): Promise<CaseResultRow[]> {
  return db
    .select()
    .from(caseResults)
    .where(and(eq(caseResults.workspaceId, access.workspaceId), eq(caseResults.evaluationRunId, evaluationId)))
    .orderBy(asc(caseResults.createdAt));
}

/** The newest results of a run, newest first, with the question of each. */
export async function listRecentResults(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  evaluationId: string,
  limit: number,
): Promise<
  {
    readonly side: CaseResultRow['side'];
    readonly state: CaseResultRow['state'];
    readonly isPassed: boolean;
    readonly content: Record<string, unknown>;
    readonly createdAt: Date;
  }[]
> {
  return db
    .select({
      side: caseResults.side,
      state: caseResults.state,
      isPassed: caseResults.isPassed,
      content: testCases.content,
      createdAt: caseResults.createdAt,
    })
    .from(caseResults)
    .innerJoin(testCases, eq(testCases.id, caseResults.testCaseId))
    .where(and(eq(caseResults.workspaceId, access.workspaceId), eq(caseResults.evaluationRunId, evaluationId)))
    .orderBy(desc(caseResults.createdAt))
    .limit(limit);
}

/** Mean time of the newest answers that were really written, in milliseconds; null: there are none. */
export async function readMeanLatency(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  newest: number,
): Promise<number | null> {
  const recent = db
    .select({ latencyMs: caseResults.latencyMs })
    .from(caseResults)
    .where(
      and(
        eq(caseResults.workspaceId, access.workspaceId),
        eq(caseResults.isCached, false),
        isNotNull(caseResults.latencyMs),
      ),
    )
    .orderBy(desc(caseResults.createdAt))
    .limit(newest)
    .as('recent');
  const [row] = await db.select({ mean: sql<number | null>`avg(${recent.latencyMs})::float8` }).from(recent);
  return row?.mean ?? null;
}

/** An answer that everything but the assertions is equal for; errored ones are tried again. */
export async function findAnswerByKey(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  answerKey: string,
): Promise<CaseResultRow | undefined> {
  const [row] = await db
    .select()
    .from(caseResults)
    .where(
      and(
        eq(caseResults.workspaceId, access.workspaceId),
        eq(caseResults.answerKey, answerKey),
        eq(caseResults.state, 'scored'),
      ),
    )
    .orderBy(desc(caseResults.createdAt))
    .limit(1);
  return row;
}

export type NewCaseResult = Omit<CaseResultRow, 'id' | 'workspaceId' | 'createdAt'>;

/** @returns false: the claim was lost, and nothing was written */
export async function insertCaseResult(
  db: DatabaseExecutor,
  access: Authorized<'evaluation.run'>,
  claim: Claim,
  result: NewCaseResult,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    if (!(await lockClaim(tx, claim))) return false;
    await tx
      .insert(caseResults)
      .values({ ...result, workspaceId: access.workspaceId })
      .onConflictDoNothing();
    return true;
  });
}

/** @throws AppError `evaluation.not-found` */
export async function readAnswerConfigById(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  answerConfigId: string,
): Promise<AnswerConfig> {
  const [row] = await db
    .select({ settings: answerConfigs.settings })
    .from(answerConfigs)
    .where(and(eq(answerConfigs.workspaceId, access.workspaceId), eq(answerConfigs.id, answerConfigId)));
  if (!row) throw notFound('evaluation');
  return answerConfigSchema.parse(row.settings);
}

/** What questions are searched in: active index configuration, and each document's answering version and priority. */
export async function listServingDocuments(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
): Promise<{ readonly indexConfigId: string | null; readonly documents: readonly (readonly string[])[] }> {
  const [config] = await db
    .select({ id: indexConfigs.id })
    .from(indexConfigs)
    .where(and(eq(indexConfigs.workspaceId, access.workspaceId), eq(indexConfigs.isActive, true)));
  const rows = await db
    .select({ id: documents.id, versionId: documents.currentVersionId, priority: documents.priority })
    .from(documents)
    .where(and(eq(documents.workspaceId, access.workspaceId), isNull(documents.deletedAt)))
    .orderBy(asc(documents.id));
  return {
    indexConfigId: config?.id ?? null,
    documents: rows.map(({ id, versionId, priority }) => [id, versionId ?? '', priority]),
  };
}
