import { sql } from 'drizzle-orm';
import {
  boolean,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  real,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { adapterVersions } from './adapters.ts';
import { createdAt, id, instant } from './columns.ts';
import { runs } from './runs.ts';
import { workspaceId } from './tenancy.ts';
import { answerConfigs } from './workspaces.ts';

/** A named line of revisions. What is asked stands in the newest one. */
export const evalSuites = pgTable(
  'eval_suites',
  {
    id: id(),
    workspaceId: workspaceId(),
    name: text('name').notNull(),
    description: text('description').notNull().default(''),
    /** Null: the product itself. */
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
    archivedAt: instant('archived_at'),
  },
  (t) => [
    unique('eval_suites_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('eval_suites_name_unique').on(t.workspaceId, sql`lower(${t.name})`).where(sql`${t.archivedAt} is null`),
  ],
);

/** Append only (trigger): an edit of a suite is a new revision. */
export const suiteRevisions = pgTable(
  'suite_revisions',
  {
    id: id(),
    workspaceId: workspaceId(),
    suiteId: uuid('suite_id').notNull(),
    /** 1, 2, 3 … within the suite; the highest is the current one. */
    number: integer('number').notNull(),
    /** Of the canonical JSON of all cases, in order. */
    contentSha256: text('content_sha256').notNull(),
    /** What changed, for people. */
    note: text('note').notNull().default(''),
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('suite_revisions_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('suite_revisions_number_unique').on(t.suiteId, t.number),
    foreignKey({
      columns: [t.workspaceId, t.suiteId],
      foreignColumns: [evalSuites.workspaceId, evalSuites.id],
    }).onDelete('cascade'),
  ],
);

/** Append only (trigger). A case that a revision leaves as it was has the same key and checksum there. */
export const testCases = pgTable(
  'test_cases',
  {
    id: id(),
    workspaceId: workspaceId(),
    revisionId: uuid('revision_id').notNull(),
    /** Stable over the revisions of the suite: a case's history is told by it. */
    key: text('key').notNull(),
    ordinal: integer('ordinal').notNull(),
    /** Shape: `testCaseSchema` in lib/evaluation/test-case.ts. */
    content: jsonb('content').$type<Record<string, unknown>>().notNull(),
    contentSha256: text('content_sha256').notNull(),
  },
  (t) => [
    unique('test_cases_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('test_cases_key_unique').on(t.revisionId, t.key),
    index('test_cases_history_index').on(t.workspaceId, t.key),
    foreignKey({
      columns: [t.workspaceId, t.revisionId],
      foreignColumns: [suiteRevisions.workspaceId, suiteRevisions.id],
    }).onDelete('cascade'),
  ],
);

/** Cases that the model is asked to write from documents. The work is a run; what comes of it waits for people. */
export const caseDraftSets = pgTable(
  'case_draft_sets',
  {
    id: id(),
    workspaceId: workspaceId(),
    /** Null: what is accepted becomes a suite of `suiteName`. */
    suiteId: uuid('suite_id'),
    /** For lists, also after the suite's name has changed. */
    suiteName: text('suite_name').notNull(),
    /** Shape: `draftSettingsSchema` in lib/evaluation/draft-set.ts. */
    settings: jsonb('settings').$type<Record<string, unknown>>().notNull(),
    /** Shape: `draftReportSchema` there. */
    report: jsonb('report').$type<Record<string, unknown>>().notNull().default({}),
    /** Statements that were read: a worker that takes over goes on behind them. */
    position: integer('position').notNull().default(0),
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('case_draft_sets_tenant_key').on(t.workspaceId, t.id),
    index('case_draft_sets_list_index').on(t.workspaceId, t.createdAt),
    foreignKey({
      columns: [t.workspaceId, t.suiteId],
      foreignColumns: [evalSuites.workspaceId, evalSuites.id],
    }).onDelete('cascade'),
  ],
);

/** A case that the model has written. No run asks it before a person has accepted it into a revision. */
export const caseDrafts = pgTable(
  'case_drafts',
  {
    id: id(),
    workspaceId: workspaceId(),
    draftSetId: uuid('draft_set_id').notNull(),
    /** Place of its statement in the plan, from 1. */
    ordinal: integer('ordinal').notNull(),
    /** Shape: `testCaseSchema` in lib/evaluation/test-case.ts. */
    content: jsonb('content').$type<Record<string, unknown>>().notNull(),
    /** What the quote does not bear out of the model's answer, in words; null: it bears it out, or a person has edited the case. */
    doubt: text('doubt'),
    /** `taken`: it stands in a revision. */
    state: text('state', { enum: ['open', 'accepted', 'dropped', 'taken'] })
      .notNull()
      .default('open'),
    reviewedBy: uuid('reviewed_by'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('case_drafts_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('case_drafts_once').on(t.draftSetId, t.ordinal),
    foreignKey({
      columns: [t.workspaceId, t.draftSetId],
      foreignColumns: [caseDraftSets.workspaceId, caseDraftSets.id],
    }).onDelete('cascade'),
  ],
);

/** One comparison of a challenger with what serves. State and progress stand in the run; what was pinned is never changed. */
export const evaluationRuns = pgTable(
  'evaluation_runs',
  {
    id: id(),
    workspaceId: workspaceId(),
    runId: uuid('run_id').notNull(),
    /** The challenger. Null: the base, e.g. against itself to measure the noise. */
    versionId: uuid('version_id'),
    adapterSha256: text('adapter_sha256'),
    /** What served when the run was asked for. Null: the base. */
    championVersionId: uuid('champion_version_id'),
    championSha256: text('champion_sha256'),
    answerConfigId: uuid('answer_config_id').notNull(),
    /** Shape: `runSettingsSchema` in lib/evaluation/run-settings.ts. */
    settings: jsonb('settings').$type<Record<string, unknown>>().notNull(),
    /**
     * Base model, chat template, index and instructions as they were when the first case ran: shape `pinnedSchema` in
     * lib/evaluation/run-settings.ts. A run that finds others later does not go on.
     */
    pinned: jsonb('pinned').$type<Record<string, unknown>>(),
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('evaluation_runs_tenant_key').on(t.workspaceId, t.id),
    unique('evaluation_runs_run_key').on(t.runId),
    index('evaluation_runs_list_index').on(t.workspaceId, t.createdAt),
    foreignKey({ columns: [t.workspaceId, t.runId], foreignColumns: [runs.workspaceId, runs.id] }).onDelete('cascade'),
    foreignKey({
      columns: [t.workspaceId, t.versionId],
      foreignColumns: [adapterVersions.workspaceId, adapterVersions.id],
    }),
    foreignKey({
      columns: [t.workspaceId, t.championVersionId],
      foreignColumns: [adapterVersions.workspaceId, adapterVersions.id],
    }),
    foreignKey({
      columns: [t.workspaceId, t.answerConfigId],
      foreignColumns: [answerConfigs.workspaceId, answerConfigs.id],
    }),
  ],
);

/** What an evaluation run asks. Append only (trigger). */
export const evaluationRunSuites = pgTable(
  'evaluation_run_suites',
  {
    workspaceId: workspaceId(),
    evaluationRunId: uuid('evaluation_run_id').notNull(),
    revisionId: uuid('revision_id').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.evaluationRunId, t.revisionId] }),
    foreignKey({
      columns: [t.workspaceId, t.evaluationRunId],
      foreignColumns: [evaluationRuns.workspaceId, evaluationRuns.id],
    }).onDelete('cascade'),
    foreignKey({
      columns: [t.workspaceId, t.revisionId],
      foreignColumns: [suiteRevisions.workspaceId, suiteRevisions.id],
    }),
  ],
);

/** One answer of one system to one case, with what each assertion made of it. A finished one is never run again. */
export const caseResults = pgTable(
  'case_results',
  {
    id: id(),
    workspaceId: workspaceId(),
    evaluationRunId: uuid('evaluation_run_id').notNull(),
    testCaseId: uuid('test_case_id').notNull(),
    side: text('side', { enum: ['champion', 'challenger'] }).notNull(),
    /** `main`: as the case says. `alone`: the same question without any sources, to see what the weights know by heart. */
    leg: text('leg', { enum: ['main', 'alone'] }).notNull(),
    /** From 0. */
    repeat: integer('repeat').notNull(),
    /** SHA-256 over everything that decides the answer: equal keys have equal answers, so one is enough. */
    answerKey: text('answer_key').notNull(),
    state: text('state', { enum: ['scored', 'errored'] }).notNull(),
    /** Shape: `caseAnswerSchema` in lib/evaluation/case-answer.ts. Null: there is none. */
    answer: jsonb('answer').$type<Record<string, unknown>>(),
    /** Shape: `assertionResultSchema` in lib/evaluation/assertion.ts, one for each assertion of the case. */
    assertions: jsonb('assertions').$type<readonly Record<string, unknown>[]>().notNull(),
    /** False for an errored one. */
    isPassed: boolean('is_passed').notNull(),
    /** Mean of the assertions, 0 to 1; null: errored. */
    score: real('score'),
    latencyMs: real('latency_ms'),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    /** The answer was taken from an earlier run with the same key. */
    isCached: boolean('is_cached').notNull().default(false),
    createdAt: createdAt(),
  },
  (t) => [
    uniqueIndex('case_results_once').on(t.evaluationRunId, t.testCaseId, t.side, t.leg, t.repeat),
    index('case_results_answer_index').on(t.workspaceId, t.answerKey),
    index('case_results_case_index').on(t.workspaceId, t.testCaseId),
    foreignKey({
      columns: [t.workspaceId, t.evaluationRunId],
      foreignColumns: [evaluationRuns.workspaceId, evaluationRuns.id],
    }).onDelete('cascade'),
    foreignKey({
      columns: [t.workspaceId, t.testCaseId],
      foreignColumns: [testCases.workspaceId, testCases.id],
    }),
  ],
);

/** Append only (trigger): another policy is another row, and the newest one counts. No row: the product's default. */
export const gatePolicies = pgTable(
  'gate_policies',
  {
    id: id(),
    workspaceId: workspaceId(),
    /** 1, 2, 3 … */
    number: integer('number').notNull(),
    /** Shape: `gatePolicySchema` in lib/evaluation/gate-policy.ts. */
    settings: jsonb('settings').$type<Record<string, unknown>>().notNull(),
    /** Why it was changed, for people. */
    note: text('note').notNull().default(''),
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('gate_policies_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('gate_policies_number_unique').on(t.workspaceId, t.number),
  ],
);

/** What the gate said of a run. Append only (trigger); a promotion needs a passing one, which a trigger on champion_events checks. */
export const gateDecisions = pgTable(
  'gate_decisions',
  {
    id: id(),
    workspaceId: workspaceId(),
    evaluationRunId: uuid('evaluation_run_id').notNull(),
    policyId: uuid('policy_id').notNull(),
    /** The challenger. */
    versionId: uuid('version_id').notNull(),
    adapterSha256: text('adapter_sha256').notNull(),
    /** Null: the base. */
    championVersionId: uuid('champion_version_id'),
    championSha256: text('champion_sha256'),
    verdict: text('verdict', { enum: ['pass', 'fail', 'inconclusive'] }).notNull(),
    /** Shape: `gateVerdictSchema` in lib/evaluation/gate-verdict.ts: reasons, metrics, slices. */
    details: jsonb('details').$type<Record<string, unknown>>().notNull(),
    expiresAt: instant('expires_at').notNull(),
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('gate_decisions_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('gate_decisions_once').on(t.evaluationRunId, t.policyId),
    index('gate_decisions_list_index').on(t.workspaceId, t.createdAt),
    foreignKey({
      columns: [t.workspaceId, t.evaluationRunId],
      foreignColumns: [evaluationRuns.workspaceId, evaluationRuns.id],
    }),
    foreignKey({
      columns: [t.workspaceId, t.policyId],
      foreignColumns: [gatePolicies.workspaceId, gatePolicies.id],
    }),
    foreignKey({
      columns: [t.workspaceId, t.versionId],
      foreignColumns: [adapterVersions.workspaceId, adapterVersions.id],
    }),
  ],
);
