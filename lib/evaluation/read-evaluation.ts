import type { DatabaseExecutor } from '#db/executor.ts';
import { findVersionBySha256, type NamedVersion } from '#db/repositories/adapters.ts';
import { listLiveDocuments } from '#db/repositories/documents.ts';
import {
  type EvaluationRow,
  findEvaluation,
  listCaseResults,
  listEvaluations,
  listRecentResults,
  listRevisionIdsOfEvaluation,
  readMeanLatency,
} from '#db/repositories/evaluations.ts';
import { type DecisionStanding, listDecisionStandings } from '#db/repositories/gate.ts';
import type { Run } from '#db/repositories/runs.ts';
import { listCaseHistory, listCases, listRevisionsByIds } from '#db/repositories/suites.ts';
import { createUserRepository } from '#db/repositories/users.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { type AskedCase, type CaseView, makeCaseTitle, viewCases } from './build-report.ts';
import type { GateVerdict } from './decide-gate.ts';
import { gateVerdictSchema } from './gate-verdict.ts';
import { type Pinned, pinnedSchema, type RunSettings, runSettingsSchema } from './run-settings.ts';
import { readStoredCase } from './suites.ts';

interface Deps {
  readonly db: DatabaseExecutor;
}

/** Everything that a run asks, in the order of its suites. */
export async function listAskedCases(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  evaluationId: string,
): Promise<AskedCase[]> {
  const revisionIds = await listRevisionIdsOfEvaluation(db, access, evaluationId);
  const revisions = await listRevisionsByIds(db, access, revisionIds);
  const cases = await listCases(db, access, revisionIds);
  return revisions.flatMap(({ suite, revision }) =>
    cases
      .filter((row) => row.revisionId === revision.id)
      .map((row) => ({
        testCaseId: row.id,
        suiteId: suite.id,
        suiteName: suite.name,
        revisionId: revision.id,
        testCase: readStoredCase(row),
      })),
  );
}

/** Who was compared, for people. */
export interface SideName {
  /** Null: the base alone. */
  readonly versionId: string | null;
  readonly sha256: string | null;
  readonly name: string;
}

async function nameSide(deps: Deps, access: Authorized<Permission>, sha256: string | null, versionId: string | null) {
  if (sha256 === null) return { versionId: null, sha256: null, name: 'Base model' };
  const version: NamedVersion | undefined = await findVersionBySha256(deps.db, access, sha256);
  const name =
    version === undefined ? `Deleted adapter ${sha256.slice(0, 8)}` : `${version.adapterName} ${version.number}`;
  return { versionId, sha256, name };
}

export interface EvaluationSummary {
  readonly id: string;
  readonly runId: string;
  readonly title: string;
  readonly state: Run['state'];
  readonly stage: string | null;
  readonly progressDone: number;
  readonly progressTotal: number;
  readonly error: string | null;
  readonly challenger: SideName;
  readonly champion: SideName;
  readonly verdict: GateVerdict['verdict'] | null;
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
  readonly createdBy: string | null;
  /** Null: the product itself, or someone who is here no more. */
  readonly createdByName: string | null;
  readonly isCancelRequested: boolean;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

async function namePerson(deps: Deps, userId: string | null): Promise<string | null> {
  return userId === null ? null : ((await createUserRepository(deps.db).findById(userId))?.name ?? null);
}

async function summarise(
  deps: Deps,
  access: Authorized<Permission>,
  { evaluation, run }: { readonly evaluation: EvaluationRow; readonly run: Run },
  decision: { readonly verdict: GateVerdict['verdict']; readonly expiresAt: Date } | null,
): Promise<EvaluationSummary> {
  return {
    id: evaluation.id,
    runId: run.id,
    title: run.title,
    state: run.state,
    stage: run.stage,
    progressDone: run.progressDone,
    progressTotal: run.progressTotal,
    error: run.errorMessage,
    challenger: await nameSide(deps, access, evaluation.adapterSha256, evaluation.versionId),
    champion: await nameSide(deps, access, evaluation.championSha256, evaluation.championVersionId),
    verdict: decision?.verdict ?? null,
    expiresAt: decision?.expiresAt ?? null,
    createdAt: evaluation.createdAt,
    createdBy: evaluation.createdBy,
    createdByName: await namePerson(deps, evaluation.createdBy),
    isCancelRequested: run.cancelRequestedAt !== null,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
  };
}

const MAX_LISTED = 100;

/** Newest first. */
export async function listEvaluationSummaries(
  deps: Deps,
  access: Authorized<'evaluation.read'>,
): Promise<EvaluationSummary[]> {
  const rows = await listEvaluations(deps.db, access, MAX_LISTED);
  const summaries: EvaluationSummary[] = [];
  for (const row of rows) summaries.push(await summarise(deps, access, row, row.decision));
  return summaries;
}

/** The newest decision on a run and whether it may still carry a promotion; null: none was made. */
async function findStanding(
  deps: Deps,
  access: Authorized<Permission>,
  evaluation: Pick<EvaluationRow, 'id' | 'versionId'>,
): Promise<DecisionStanding | null> {
  if (evaluation.versionId === null) return null;
  const standings = await listDecisionStandings(deps.db, access, evaluation.versionId);
  return standings.find(({ decision }) => decision.evaluationRunId === evaluation.id) ?? null;
}

/** An evaluation while it goes on: little to read, because pages ask again and again. */
export interface EvaluationProgress {
  readonly summary: EvaluationSummary;
  /** At the pace of the last answers; null while there are too few. */
  readonly etaSeconds: number | null;
  /** Newest first. */
  readonly latest: readonly {
    readonly title: string;
    readonly side: 'champion' | 'challenger';
    readonly state: 'passed' | 'failed' | 'errored';
  }[];
}

/** Answers that the pace is taken from. */
const PACE_RESULTS = 30;
const MIN_PACE_RESULTS = 4;
const SHOWN_LATEST = 6;

/** @throws AppError `evaluation.not-found` */
export async function readEvaluationProgress(
  deps: Deps,
  access: Authorized<'evaluation.read'>,
  evaluationId: string,
): Promise<EvaluationProgress> {
  const row = await findEvaluation(deps.db, access, evaluationId);
  const recent = await listRecentResults(deps.db, access, evaluationId, PACE_RESULTS);
  const startedAt = row.run.startedAt?.getTime() ?? Number.POSITIVE_INFINITY;
  // An answer from before a pause would make the pause look like work.
  const times = recent.map(({ createdAt }) => createdAt.getTime()).filter((time) => time >= startedAt);
  const [newest = 0] = times;
  const oldest = times.at(-1) ?? 0;
  const open = row.run.progressTotal - row.run.progressDone;
  return {
    summary: await summarise(deps, access, row, (await findStanding(deps, access, row.evaluation))?.decision ?? null),
    etaSeconds:
      times.length < MIN_PACE_RESULTS ? null : ((newest - oldest) / (times.length - 1) / 1000) * Math.max(0, open),
    latest: recent.slice(0, SHOWN_LATEST).map(({ content, side, state, isPassed }) => ({
      title: makeCaseTitle(readStoredCase({ content })),
      side,
      state: state === 'errored' ? 'errored' : isPassed ? 'passed' : 'failed',
    })),
  };
}

/** How far an evaluation is and what came of it, without its answers. */
export interface EvaluationOutcome {
  readonly summary: EvaluationSummary;
  /** Null: nothing is decided, or there is nothing to decide. */
  readonly verdict: GateVerdict | null;
}

/** @throws AppError `evaluation.not-found` */
export async function readEvaluationOutcome(
  deps: Deps,
  access: Authorized<'evaluation.read'>,
  evaluationId: string,
): Promise<EvaluationOutcome> {
  const row = await findEvaluation(deps.db, access, evaluationId);
  const decision = (await findStanding(deps, access, row.evaluation))?.decision ?? null;
  return {
    summary: await summarise(deps, access, row, decision),
    verdict: decision === null ? null : gateVerdictSchema.parse(decision.details),
  };
}

/** Answers that a forecast is made from. */
const FORECAST_RESULTS = 200;

/** Seconds an answer has taken here of late; null: nothing was answered yet. */
export async function measurePace(deps: Deps, access: Authorized<'evaluation.read'>): Promise<number | null> {
  const mean = await readMeanLatency(deps.db, access, FORECAST_RESULTS);
  return mean === null ? null : mean / 1000;
}

export interface EvaluationReport {
  readonly summary: EvaluationSummary;
  readonly settings: RunSettings;
  /** Null: no case has run yet. */
  readonly pinned: Pinned | null;
  readonly answerConfigId: string;
  readonly suites: readonly { readonly id: string; readonly name: string; readonly revisionNumber: number }[];
  readonly verdict: GateVerdict | null;
  /** The newest decision and whether it may still carry a promotion; null: none was made. */
  readonly standing: DecisionStanding | null;
  readonly cases: readonly CaseView[];
}

/** @throws AppError `evaluation.not-found` */
export async function readEvaluation(
  deps: Deps,
  access: Authorized<'evaluation.read'>,
  evaluationId: string,
): Promise<EvaluationReport> {
  const { evaluation, run } = await findEvaluation(deps.db, access, evaluationId);
  const settings = runSettingsSchema.parse(evaluation.settings);
  const revisionIds = await listRevisionIdsOfEvaluation(deps.db, access, evaluationId);
  const revisions = await listRevisionsByIds(deps.db, access, revisionIds);
  const cases = await listAskedCases(deps.db, access, evaluationId);
  const results = await listCaseResults(deps.db, access, evaluationId);
  const standing = await findStanding(deps, access, evaluation);
  const sourceIds = new Set(cases.flatMap(({ testCase }) => testCase.source?.documentId ?? []));
  const present = await listLiveDocuments(deps.db, access, [...sourceIds]);
  return {
    summary: await summarise(deps, access, { evaluation, run }, standing?.decision ?? null),
    settings,
    pinned: evaluation.pinned === null ? null : pinnedSchema.parse(evaluation.pinned),
    answerConfigId: evaluation.answerConfigId,
    suites: revisions.map(({ suite, revision }) => ({
      id: suite.id,
      name: suite.name,
      revisionNumber: revision.number,
    })),
    verdict: standing === null ? null : gateVerdictSchema.parse(standing.decision.details),
    standing,
    cases: viewCases(cases, results, settings.repeats, new Set(present.map(({ id }) => id))),
  };
}

/** How one case has gone in all runs, newest first. */
export interface CaseHistoryEntry {
  readonly evaluationId: string;
  readonly system: SideName;
  readonly revisionNumber: number;
  readonly state: 'passed' | 'failed' | 'errored';
  readonly createdAt: Date;
}

const HISTORY_LENGTH = 40;

export async function readCaseHistory(
  deps: Deps,
  access: Authorized<'evaluation.read'>,
  input: { readonly suiteId: string; readonly caseKey: string },
): Promise<CaseHistoryEntry[]> {
  const rows = await listCaseHistory(deps.db, access, { ...input, limit: HISTORY_LENGTH });
  const entries: CaseHistoryEntry[] = [];
  for (const row of rows) {
    entries.push({
      evaluationId: row.evaluationRunId,
      system: await nameSide(deps, access, row.adapterSha256, null),
      revisionNumber: row.revisionNumber,
      state: row.state === 'errored' ? 'errored' : row.isPassed ? 'passed' : 'failed',
      createdAt: row.createdAt,
    });
  }
  return entries;
}
