import type { DatabaseExecutor } from '#db/executor.ts';
import { readActiveAnswerConfig } from '#db/repositories/answer-configs.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import { type FoundChunk, listChunksByIds } from '#db/repositories/chunks.ts';
import {
  type GoldenPassage,
  insertRetrievalEvaluation,
  listGoldenQuestions,
} from '#db/repositories/golden-questions.ts';
import { insertRun, lockClaim } from '#db/repositories/runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError } from '#lib/domain/errors.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import type { RunContext } from '#lib/jobs/perform-run.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { isSamePassage } from './match-passage.ts';
import { measureNdcg, measureRecall, measureReciprocalRank } from './ranking-metrics.ts';
import { type LegMetrics, type LegName, legNames, type RetrievalReport } from './retrieval-report.ts';
import { type SearchDeps, type SearchResult, search } from './search.ts';

/**
 * Have the golden set asked under the present configuration.
 * @throws AppError `golden-set.empty`
 */
export async function startRetrievalEvaluation(
  deps: { readonly db: DatabaseExecutor; readonly queue: JobQueue },
  access: Authorized<'evaluation.run'>,
): Promise<{ readonly runId: string }> {
  const questions = await listGoldenQuestions(deps.db, access);
  if (questions.length === 0) {
    throw new AppError({
      code: 'golden-set.empty',
      message: 'the golden set has no question',
      userMessage: 'There is nothing to measure yet. Try a question and mark the passages that it should find.',
    });
  }
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    const run = await insertRun(tx, access, {
      kind: 'retrieval.evaluate',
      subjectId: access.workspaceId,
      title: `Golden set, ${questions.length} ${questions.length === 1 ? 'question' : 'questions'}`,
      createdBy: access.actor.kind === 'user' ? access.actor.userId : null,
    });
    await deps.queue.enqueue(tx, 'retrieval.evaluate', { workspaceId: access.workspaceId, runId: run.id });
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'retrieval.evaluate',
      targetId: run.id,
      details: { questions: questions.length },
    });
    return { runId: run.id };
  });
}

/** Where the marked passages stand in a ranking of chunks; a passage counts where its first chunk does. */
function rankPassages(
  chunkIds: readonly string[],
  chunks: ReadonlyMap<string, FoundChunk>,
  passages: readonly GoldenPassage[],
): string[] {
  const ranking = chunkIds.map((id) => {
    const chunk = chunks.get(id);
    return passages.find((passage) => chunk && isSamePassage(chunk, passage))?.id ?? id;
  });
  return [...new Set(ranking)];
}

const metrics: Readonly<Record<keyof LegMetrics, (ranking: readonly string[], grades: Map<string, number>) => number>> =
  {
    'ndcg@10': (ranking, grades) => measureNdcg(ranking, grades, 10),
    'recall@5': (ranking, grades) => measureRecall(ranking, grades, 5),
    'recall@10': (ranking, grades) => measureRecall(ranking, grades, 10),
    'mrr@10': (ranking, grades) => measureReciprocalRank(ranking, grades, 10),
  };

function summarise(
  rankings: readonly { ranking: readonly string[]; grades: Map<string, number> }[],
): LegMetrics | null {
  if (rankings.length === 0) return null;
  const mean = (name: keyof LegMetrics) =>
    rankings.reduce((sum, { ranking, grades }) => sum + metrics[name](ranking, grades), 0) / rankings.length;
  return {
    'ndcg@10': mean('ndcg@10'),
    'recall@5': mean('recall@5'),
    'recall@10': mean('recall@10'),
    'mrr@10': mean('mrr@10'),
  };
}

/**
 * The job behind {@link startRetrievalEvaluation}: asks every golden question as the chat would, and stores what came of it beside
 * the configuration that produced it. A retry asks again from the first question: all of them take seconds.
 * @throws AppError as {@link search}
 */
export async function evaluateGoldenSet(
  deps: SearchDeps,
  access: Authorized<'evaluation.run'>,
  context: Pick<RunContext, 'run' | 'claim' | 'signal' | 'report'>,
): Promise<Readonly<Record<string, unknown>>> {
  const { id: answerConfigId, config } = await readActiveAnswerConfig(deps.db, access);
  const questions = await listGoldenQuestions(deps.db, access);
  const samples: RetrievalReport['samples'] = [];
  const rankings: Record<LegName, { ranking: readonly string[]; grades: Map<string, number> }[]> = {
    lexical: [],
    dense: [],
    fused: [],
    reranked: [],
  };
  let latest: SearchResult | undefined;
  for (const [index, { id, question, kind, passages }] of questions.entries()) {
    await context.report({ stage: 'asking', done: index, total: questions.length });
    const result = await search(deps, access, { query: question, config, signal: context.signal });
    latest = result;
    const ids = [...new Set(legNames.flatMap((leg) => result.legs[leg] ?? []))];
    const chunks = new Map((await listChunksByIds(deps.db, access, ids)).map((chunk) => [chunk.id, chunk]));
    if (passages.length > 0) {
      const grades = new Map(passages.map((passage) => [passage.id, 1]));
      for (const leg of legNames) {
        const ranked = result.legs[leg];
        if (ranked) rankings[leg].push({ ranking: rankPassages(ranked, chunks, passages), grades });
      }
    }
    const rank = result.sources.findIndex((source) => passages.some((passage) => isSamePassage(source, passage)));
    samples.push({
      questionId: id,
      question,
      kind,
      supportScore: result.supportScore,
      sourceRank: rank === -1 ? null : rank + 1,
      markedPassages: passages.length,
    });
  }
  const report: RetrievalReport = {
    rankedQuestions: rankings.fused.length,
    legs: {
      lexical: summarise(rankings.lexical),
      dense: summarise(rankings.dense),
      fused: summarise(rankings.fused),
      // A reranker that was there for some questions only says nothing about all.
      reranked: rankings.reranked.length === rankings.fused.length ? summarise(rankings.reranked) : null,
    },
    samples,
    supportThreshold: config.supportThreshold,
  };
  await deps.db.transaction(async (tx) => {
    if (!(await lockClaim(tx, context.claim))) throw new Error('the claim on the run was lost');
    await insertRetrievalEvaluation(tx, access, {
      runId: context.run.id,
      answerConfigId,
      indexConfigId: latest?.indexConfigId || null,
      embeddingModel: latest?.embeddingModel ?? '',
      report,
    });
  });
  return { questions: questions.length, 'ndcg@10': report.legs.fused?.['ndcg@10'] ?? null };
}
