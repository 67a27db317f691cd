import { and, desc, eq, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { adapterVersions } from '#db/schema/adapters.ts';
import {
  evalSuites,
  evaluationRunSuites,
  evaluationRuns,
  gateDecisions,
  gatePolicies,
  suiteRevisions,
} from '#db/schema/evaluation.ts';
import { answerConfigs } from '#db/schema/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';

export type StoredPolicy = typeof gatePolicies.$inferSelect;
export type StoredDecision = typeof gateDecisions.$inferSelect;

/** The newest, which is the one that counts. */
export async function findPolicy(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
): Promise<StoredPolicy | undefined> {
  const [row] = await db
    .select()
    .from(gatePolicies)
    .where(eq(gatePolicies.workspaceId, access.workspaceId))
    .orderBy(desc(gatePolicies.number))
    .limit(1);
  return row;
}

export async function listPolicies(db: DatabaseExecutor, access: Authorized<Permission>): Promise<StoredPolicy[]> {
  return db
    .select()
    .from(gatePolicies)
    .where(eq(gatePolicies.workspaceId, access.workspaceId))
    .orderBy(desc(gatePolicies.number));
}

/** The next number. Two writers at once: the unique index refuses the second. */
export async function insertPolicy(
  tx: DatabaseExecutor,
  access: Authorized<'gate.override' | 'evaluation.run'>,
  values: Pick<StoredPolicy, 'settings' | 'note' | 'createdBy'>,
): Promise<StoredPolicy> {
  const { workspaceId } = access;
  const [row] = await tx
    .insert(gatePolicies)
    .values({
      ...values,
      workspaceId,
      number: sql<number>`(select coalesce(max(number), 0) + 1 from gate_policies where workspace_id = ${workspaceId})`,
    })
    .returning();
  if (!row) throw new Error('insert of a gate policy returned no row');
  return row;
}

export type NewDecision = Omit<StoredDecision, 'id' | 'workspaceId' | 'createdAt' | 'expiresAt'> & {
  readonly validForDays: number;
};

/** Once for each run and policy; the one that is there already otherwise. */
export async function insertDecision(
  tx: DatabaseExecutor,
  access: Authorized<'evaluation.run'>,
  { validForDays, ...values }: NewDecision,
): Promise<StoredDecision> {
  await tx
    .insert(gateDecisions)
    .values({
      ...values,
      workspaceId: access.workspaceId,
      expiresAt: sql`now() + make_interval(days => ${validForDays})`,
    })
    .onConflictDoNothing();
  const [row] = await tx
    .select()
    .from(gateDecisions)
    .where(
      and(
        eq(gateDecisions.workspaceId, access.workspaceId),
        eq(gateDecisions.evaluationRunId, values.evaluationRunId),
        eq(gateDecisions.policyId, values.policyId),
      ),
    );
  if (!row) throw new Error('a gate decision that was just stored is not there');
  return row;
}

/** A decision with everything that decides whether it may still carry a promotion. */
export interface DecisionStanding {
  readonly decision: StoredDecision;
  readonly policySettings: Readonly<Record<string, unknown>>;
  readonly isExpired: boolean;
  /** False: the policy was changed since. */
  readonly isPolicyCurrent: boolean;
  /** False: a suite of the run was edited or archived since. */
  readonly areSuitesCurrent: boolean;
  /** False: questions are answered with other settings now. */
  readonly isAnswerConfigCurrent: boolean;
  readonly isSameAdapter: boolean;
  readonly versionCreatedBy: string | null;
}

/**
 * What the gate has said of a version, the newest first. The trigger on champion_events (migration evaluations_and_gates)
 * looks at the same facts.
 */
export async function listDecisionStandings(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  versionId: string,
): Promise<DecisionStanding[]> {
  const rows = await db
    .select({
      decision: gateDecisions,
      policySettings: gatePolicies.settings,
      versionCreatedBy: adapterVersions.createdBy,
      isExpired: sql<boolean>`${gateDecisions.expiresAt} <= now()`,
      isSameAdapter: sql<boolean>`${gateDecisions.adapterSha256} = ${adapterVersions.sha256}`,
      isPolicyCurrent: sql<boolean>`not exists (
        select 1 from ${gatePolicies} newer
        where newer.workspace_id = ${gateDecisions.workspaceId} and newer.number > ${gatePolicies.number})`,
      areSuitesCurrent: sql<boolean>`not exists (
        select 1 from ${evaluationRunSuites} asked
        join ${suiteRevisions} revision on revision.id = asked.revision_id
        join ${evalSuites} suite on suite.id = revision.suite_id
        where asked.evaluation_run_id = ${gateDecisions.evaluationRunId}
          and (suite.archived_at is not null or exists (
            select 1 from ${suiteRevisions} newer
            where newer.suite_id = revision.suite_id and newer.number > revision.number)))`,
      isAnswerConfigCurrent: sql<boolean>`not exists (
        select 1 from ${evaluationRuns} ran
        join ${answerConfigs} active on active.workspace_id = ran.workspace_id and active.is_active
        where ran.id = ${gateDecisions.evaluationRunId} and active.id <> ran.answer_config_id)`,
    })
    .from(gateDecisions)
    .innerJoin(gatePolicies, eq(gatePolicies.id, gateDecisions.policyId))
    .innerJoin(adapterVersions, eq(adapterVersions.id, gateDecisions.versionId))
    .where(and(eq(gateDecisions.workspaceId, access.workspaceId), eq(gateDecisions.versionId, versionId)))
    .orderBy(desc(gateDecisions.createdAt))
    .limit(50);
  return rows;
}
