import { and, asc, desc, eq, inArray, isNull, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { caseResults, evalSuites, evaluationRuns, suiteRevisions, testCases } from '#db/schema/evaluation.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { notFound } from '#lib/domain/errors.ts';

export type EvalSuite = typeof evalSuites.$inferSelect;
export type SuiteRevision = typeof suiteRevisions.$inferSelect;
export type StoredCase = typeof testCases.$inferSelect;

const live = (access: Authorized<Permission>) =>
  and(eq(evalSuites.workspaceId, access.workspaceId), isNull(evalSuites.archivedAt));

export async function insertSuite(
  tx: DatabaseExecutor,
  access: Authorized<'evaluation.write'>,
  values: Pick<EvalSuite, 'name' | 'description' | 'createdBy'>,
): Promise<EvalSuite> {
  const [row] = await tx
    .insert(evalSuites)
    .values({ ...values, workspaceId: access.workspaceId })
    .returning();
  if (!row) throw new Error('insert of a suite returned no row');
  return row;
}

/** @throws AppError `suite.not-found`, an archived one's too */
export async function findSuite(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  suiteId: string,
): Promise<EvalSuite> {
  const [row] = await db
    .select()
    .from(evalSuites)
    .where(and(live(access), eq(evalSuites.id, suiteId)));
  if (!row) throw notFound('suite');
  return row;
}

/** Case is ignored. */
export async function findSuiteByName(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  name: string,
): Promise<EvalSuite | undefined> {
  const [row] = await db
    .select()
    .from(evalSuites)
    .where(and(live(access), sql`lower(${evalSuites.name}) = lower(${name})`));
  return row;
}

export async function archiveSuite(
  tx: DatabaseExecutor,
  access: Authorized<'evaluation.write'>,
  suiteId: string,
): Promise<void> {
  await tx
    .update(evalSuites)
    .set({ archivedAt: sql`now()` })
    .where(and(live(access), eq(evalSuites.id, suiteId)));
}

/** A suite with its current revision. */
export interface SuiteListRow {
  readonly suite: EvalSuite;
  readonly revision: SuiteRevision;
  readonly caseCount: number;
}

/** By name. A suite without any revision does not exist. */
export async function listSuites(db: DatabaseExecutor, access: Authorized<Permission>): Promise<SuiteListRow[]> {
  const rows = await db
    .selectDistinctOn([evalSuites.id], {
      suite: evalSuites,
      revision: suiteRevisions,
      caseCount: sql<number>`(select count(*)::int from ${testCases} where ${testCases.revisionId} = ${suiteRevisions.id})`,
    })
    .from(evalSuites)
    .innerJoin(suiteRevisions, eq(suiteRevisions.suiteId, evalSuites.id))
    .where(live(access))
    .orderBy(evalSuites.id, desc(suiteRevisions.number));
  return rows.toSorted((a, b) => a.suite.name.localeCompare(b.suite.name));
}

/** Newest first. */
export async function listRevisions(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  suiteId: string,
): Promise<SuiteRevision[]> {
  return db
    .select()
    .from(suiteRevisions)
    .where(and(eq(suiteRevisions.workspaceId, access.workspaceId), eq(suiteRevisions.suiteId, suiteId)))
    .orderBy(desc(suiteRevisions.number));
}

export type NewCase = Pick<StoredCase, 'key' | 'content' | 'contentSha256'>;

/** Rows of one statement: PostgreSQL takes 65,535 parameters. */
const CASES_PER_INSERT = 500;

/** The next number, with its cases in this order. The caller holds the workspace's lock. */
export async function insertRevision(
  tx: DatabaseExecutor,
  access: Authorized<'evaluation.write'>,
  values: Pick<SuiteRevision, 'suiteId' | 'contentSha256' | 'note' | 'createdBy'>,
  cases: readonly NewCase[],
): Promise<SuiteRevision> {
  const { workspaceId } = access;
  const [row] = await tx
    .insert(suiteRevisions)
    .values({
      ...values,
      workspaceId,
      number: sql<number>`(select coalesce(max(number), 0) + 1 from suite_revisions where suite_id = ${values.suiteId})`,
    })
    .returning();
  if (!row) throw new Error('insert of a suite revision returned no row');
  for (let from = 0; from < cases.length; from += CASES_PER_INSERT) {
    const part = cases.slice(from, from + CASES_PER_INSERT);
    await tx
      .insert(testCases)
      .values(part.map((each, index) => ({ ...each, workspaceId, revisionId: row.id, ordinal: from + index })));
  }
  return row;
}

/** Of these revisions, in the order of each suite. */
export async function listCases(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  revisionIds: readonly string[],
): Promise<StoredCase[]> {
  if (revisionIds.length === 0) return [];
  return db
    .select()
    .from(testCases)
    .where(and(eq(testCases.workspaceId, access.workspaceId), inArray(testCases.revisionId, [...revisionIds])))
    .orderBy(asc(testCases.revisionId), asc(testCases.ordinal));
}

/** Suites of these revisions, archived ones too: what a run once asked is told for good. */
export async function listRevisionsByIds(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  revisionIds: readonly string[],
): Promise<{ readonly suite: EvalSuite; readonly revision: SuiteRevision }[]> {
  if (revisionIds.length === 0) return [];
  return db
    .select({ suite: evalSuites, revision: suiteRevisions })
    .from(suiteRevisions)
    .innerJoin(evalSuites, eq(evalSuites.id, suiteRevisions.suiteId))
    .where(and(eq(suiteRevisions.workspaceId, access.workspaceId), inArray(suiteRevisions.id, [...revisionIds])))
    .orderBy(asc(evalSuites.name));
}

/** One answer to a case, whatever revision it was asked in. */
export interface CaseHistoryRow {
  readonly evaluationRunId: string;
  readonly side: 'champion' | 'challenger';
  readonly adapterSha256: string | null;
  readonly revisionNumber: number;
  readonly isPassed: boolean;
  readonly state: 'scored' | 'errored';
  readonly createdAt: Date;
}

/** Newest first, first repeats of the main leg. */
export async function listCaseHistory(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  input: { readonly suiteId: string; readonly caseKey: string; readonly limit: number },
): Promise<CaseHistoryRow[]> {
  return db
    .select({
      evaluationRunId: caseResults.evaluationRunId,
      side: caseResults.side,
      adapterSha256: sql<
        string | null
      >`case when ${caseResults.side} = 'champion' then ${evaluationRuns.championSha256} else ${evaluationRuns.adapterSha256} end`,
      revisionNumber: suiteRevisions.number,
      isPassed: caseResults.isPassed,
      state: caseResults.state,
      createdAt: caseResults.createdAt,
    })
    .from(caseResults)
    .innerJoin(testCases, eq(testCases.id, caseResults.testCaseId))
    .innerJoin(suiteRevisions, eq(suiteRevisions.id, testCases.revisionId))
    .innerJoin(evaluationRuns, eq(evaluationRuns.id, caseResults.evaluationRunId))
    .where(
      and(
        eq(caseResults.workspaceId, access.workspaceId),
        eq(suiteRevisions.suiteId, input.suiteId),
        eq(testCases.key, input.caseKey),
        eq(caseResults.leg, 'main'),
        eq(caseResults.repeat, 0),
      ),
    )
    .orderBy(desc(caseResults.createdAt))
    .limit(input.limit);
}
