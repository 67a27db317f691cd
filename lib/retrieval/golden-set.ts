import type { DatabaseExecutor } from '#db/executor.ts';
import { activateAnswerConfig, readActiveAnswerConfig } from '#db/repositories/answer-configs.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import { listChunksByIds } from '#db/repositories/chunks.ts';
import {
  deleteGoldenPassages,
  deleteGoldenQuestion,
  ensureGoldenQuestion,
  insertGoldenPassage,
  listGoldenQuestions,
  listRetrievalEvaluations,
} from '#db/repositories/golden-questions.ts';
import { lockWorkspace } from '#db/repositories/workspace-lock.ts';
import { type Authorized, findUserId } from '#lib/domain/access.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { isSamePassage } from './match-passage.ts';
import { type LegMetrics, type LegName, retrievalReportSchema } from './retrieval-report.ts';
import { type SearchCandidate, type SearchDeps, type SearchResult, search } from './search.ts';
import { chooseThreshold, type RefusalPoint, traceRefusals } from './trace-refusals.ts';

interface GoldenDeps {
  readonly db: DatabaseExecutor;
}

/** Candidates that a person looks through; those further down are of no use to a reader either. */
const SHOWN_CANDIDATES = 30;
const SHOWN_EVALUATIONS = 30;
/** Of the answerable questions, for the threshold that is proposed. */
export const MAX_FALSE_REFUSALS = 0.1;

export interface TrialCandidate extends SearchCandidate {
  readonly documentId: string;
  readonly documentTitle: string;
  readonly pageNumber: number;
  readonly headings: readonly string[];
  readonly text: string;
  readonly isMarked: boolean;
}

export interface Trial {
  readonly query: string;
  readonly candidates: readonly TrialCandidate[];
  readonly supportScore: number;
  readonly supportThreshold: number;
  readonly plan: SearchResult['plan'];
  readonly denseMethod: SearchResult['denseMethod'];
  readonly rerankProblem: string | null;
  readonly timingsMs: SearchResult['timingsMs'];
  /** Of the golden set; null: the question is not in it. */
  readonly kind: 'answerable' | 'unanswerable' | null;
}

/**
 * A question searched for as the chat would, with everything that led to its sources.
 * @throws AppError as {@link search}
 */
export async function tryQuery(deps: SearchDeps, access: Authorized<'evaluation.read'>, query: string): Promise<Trial> {
  const { config } = await readActiveAnswerConfig(deps.db, access);
  const result = await search(deps, access, { query, config });
  const shown = result.candidates.slice(0, SHOWN_CANDIDATES);
  const chunks = await listChunksByIds(
    deps.db,
    access,
    shown.map(({ chunkId }) => chunkId),
  );
  const golden = (await listGoldenQuestions(deps.db, access)).find(({ question }) => question === query);
  return {
    query,
    candidates: shown.flatMap((candidate): TrialCandidate[] => {
      const chunk = chunks.find(({ id }) => id === candidate.chunkId);
      if (!chunk) return [];
      const { documentId, documentTitle, pageNumber, headings, text } = chunk;
      const isMarked = golden?.passages.some((passage) => isSamePassage(chunk, passage)) ?? false;
      return [{ ...candidate, documentId, documentTitle, pageNumber, headings, text, isMarked }];
    }),
    supportScore: result.supportScore,
    supportThreshold: config.supportThreshold,
    plan: result.plan,
    denseMethod: result.denseMethod,
    rerankProblem: result.rerankProblem,
    timingsMs: result.timingsMs,
    kind: golden?.kind ?? null,
  };
}

/**
 * Say whether a question should find a passage. The first mark makes the question part of the golden set.
 * @throws AppError `passage.not-found`
 */
export async function markPassage(
  deps: GoldenDeps,
  access: Authorized<'evaluation.write'>,
  input: { readonly question: string; readonly chunkId: string; readonly isWanted: boolean },
): Promise<void> {
  const [chunk] = await listChunksByIds(deps.db, access, [input.chunkId]);
  if (!chunk) throw notFound('passage');
  await deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const known = (await listGoldenQuestions(tx, access)).find(({ question }) => question === input.question);
    const same = known?.passages.filter((passage) => isSamePassage(chunk, passage)) ?? [];
    if (!input.isWanted) {
      await deleteGoldenPassages(
        tx,
        access,
        same.map(({ id }) => id),
      );
      // A question of which nothing is marked any more says nothing about ranking.
      if (known && known.passages.length === same.length) await deleteGoldenQuestion(tx, access, known.id);
      return;
    }
    const question = await ensureGoldenQuestion(tx, access, {
      question: input.question,
      kind: 'answerable',
      createdBy: findUserId(access),
    });
    if (same.length === 0) await insertGoldenPassage(tx, access, question.id, chunk);
  });
}

/** Say that the documents do not answer a question; its marks are forgotten. */
export async function markUnanswerable(
  deps: GoldenDeps,
  access: Authorized<'evaluation.write'>,
  question: string,
): Promise<void> {
  await deps.db.transaction((tx) =>
    ensureGoldenQuestion(tx, access, { question, kind: 'unanswerable', createdBy: findUserId(access) }),
  );
}

/** @throws AppError `question.not-found` */
export async function removeGoldenQuestion(
  deps: GoldenDeps,
  access: Authorized<'evaluation.write'>,
  questionId: string,
): Promise<void> {
  if (!(await deleteGoldenQuestion(deps.db, access, questionId))) throw notFound('question');
}

export interface GoldenQuestionView {
  readonly id: string;
  readonly question: string;
  readonly kind: 'answerable' | 'unanswerable';
  readonly passages: readonly { readonly documentTitle: string; readonly pageNumber: number; readonly text: string }[];
  /** In the newest evaluation; null: it was not in it. */
  readonly latest: { readonly supportScore: number; readonly sourceRank: number | null } | null;
}

export interface EvaluationView {
  readonly id: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly rankedQuestions: number;
  readonly legs: Readonly<Record<LegName, LegMetrics | null>>;
  readonly answerConfigId: string;
  readonly indexConfigId: string | null;
  readonly embeddingModel: string;
  readonly supportThreshold: number;
}

export interface RetrievalOverview {
  readonly questions: readonly GoldenQuestionView[];
  /** Newest first. */
  readonly evaluations: readonly EvaluationView[];
  /** Of the newest evaluation; empty unless it had questions of both kinds. */
  readonly curve: readonly RefusalPoint[];
  readonly sampleCounts: { readonly answerable: number; readonly unanswerable: number };
  readonly proposed: RefusalPoint | null;
  readonly supportThreshold: number;
}

/** Everything on the retrieval page but a trial. */
export async function readRetrievalOverview(
  deps: GoldenDeps,
  access: Authorized<'evaluation.read'>,
): Promise<RetrievalOverview> {
  const { config } = await readActiveAnswerConfig(deps.db, access);
  const questions = await listGoldenQuestions(deps.db, access);
  const stored = (await listRetrievalEvaluations(deps.db, access, SHOWN_EVALUATIONS)).map((row) => ({
    row,
    report: retrievalReportSchema.parse(row.report),
  }));
  const samples = stored[0]?.report.samples ?? [];
  const latest = new Map(samples.map((sample) => [sample.questionId, sample]));
  const curve = traceRefusals(samples);
  const count = (kind: 'answerable' | 'unanswerable') => samples.filter((sample) => sample.kind === kind).length;
  return {
    questions: questions.map(({ id, question, kind, passages }) => {
      const sample = latest.get(id);
      return {
        id,
        question,
        kind,
        passages: passages.map(({ documentTitle, pageNumber, text }) => ({ documentTitle, pageNumber, text })),
        latest: sample ? { supportScore: sample.supportScore, sourceRank: sample.sourceRank } : null,
      };
    }),
    evaluations: stored.map(({ row, report }) => ({
      id: row.id,
      createdAt: row.createdAt.toISOString(),
      rankedQuestions: report.rankedQuestions,
      legs: report.legs,
      answerConfigId: row.answerConfigId,
      indexConfigId: row.indexConfigId,
      embeddingModel: row.embeddingModel,
      supportThreshold: report.supportThreshold,
    })),
    curve,
    sampleCounts: { answerable: count('answerable'), unanswerable: count('unanswerable') },
    proposed: chooseThreshold(curve, MAX_FALSE_REFUSALS),
    supportThreshold: config.supportThreshold,
  };
}

/**
 * From now on answers below this support score are refusals: a new answer configuration, the old one stays for the messages that
 * name it.
 * @throws AppError `threshold.invalid`
 */
export async function applySupportThreshold(
  deps: GoldenDeps,
  access: Authorized<'workspace.configure'>,
  threshold: number,
): Promise<{ readonly answerConfigId: string }> {
  if (!(threshold >= 0 && threshold <= 1)) {
    throw new AppError({ code: 'threshold.invalid', message: `expected a threshold from 0 to 1, got ${threshold}` });
  }
  return deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const { config } = await readActiveAnswerConfig(tx, access);
    const stored = await activateAnswerConfig(tx, access, { ...config, supportThreshold: threshold });
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'answer-config.activate',
      targetId: stored.id,
      details: { supportThreshold: threshold, before: config.supportThreshold },
    });
    return { answerConfigId: stored.id };
  });
}
