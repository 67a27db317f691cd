import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readActiveAnswerConfig } from '#db/repositories/answer-configs.ts';
import { claimRun, finishRun } from '#db/repositories/runs.ts';
import { answerConfigs } from '#db/schema/workspaces.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { type IngestionStage, openIngestionStage } from '#lib/testing/ingestion-stage.ts';
import { evaluateGoldenSet, startRetrievalEvaluation } from './evaluate-golden-set.ts';
import {
  applySupportThreshold,
  markPassage,
  markUnanswerable,
  readRetrievalOverview,
  removeGoldenQuestion,
  type Trial,
  tryQuery,
} from './golden-set.ts';

const MANUAL =
  '# Pump\n\n## Oil\nThe pump needs oil MX-77 once a year.\n\n## Noise\nA grinding noise means that the bearing is worn.\n';
const QUESTION = 'Which oil does the pump need?';

function findOil(trial: Trial): Trial['candidates'][number] {
  const candidate = trial.candidates.find(({ text }) => text.includes('MX-77'));
  if (!candidate) throw new Error('the passage on oil was not found');
  return candidate;
}

describeDatabase('the golden set', (getDatabase) => {
  let stage: IngestionStage;
  beforeAll(async () => {
    stage = await openIngestionStage(getDatabase().db);
  });
  afterAll(() => stage.close());

  async function openWorkspace() {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const grant = <P extends Parameters<typeof authorizeSystem>[2]>(permission: P) =>
      authorizeSystem('test', workspace.id, permission);
    const [read, write, run, configure] = await Promise.all([
      grant('evaluation.read'),
      grant('evaluation.write'),
      grant('evaluation.run'),
      grant('workspace.configure'),
    ]);
    await stage.addText(workspace, 'pump.md', MANUAL);
    await stage.performAll();
    const deps = { db, runtime: stage.runtime, queue: stage.queue };
    const measure = async () => {
      const { runId } = await startRetrievalEvaluation(deps, run);
      stage.deliveries.pop();
      const claimed = await claimRun(db, workspace.id, runId);
      if (!claimed) throw new Error('not claimed');
      const context = {
        run: claimed,
        claim: claimed,
        signal: new AbortController().signal,
        report: () => Promise.resolve(),
      };
      const details = await evaluateGoldenSet(deps, run, context);
      await finishRun(db, claimed, { state: 'succeeded', details });
      return { context, details };
    };
    return { db, deps, workspace, read, write, run, configure, measure };
  }

  it('shows where each candidate stood and what became of it', async () => {
    const { deps, read } = await openWorkspace();
    const trial = await tryQuery(deps, read, QUESTION);
    const [first] = trial.candidates;
    expect(first).toMatchObject({ fusedRank: 1, fate: { kind: 'source', number: 1 }, documentTitle: 'pump' });
    expect(first?.lexical?.rank ?? first?.dense?.rank).toBe(1);
    expect(trial).toMatchObject({ kind: null, denseMethod: 'exact', plan: { parts: [], documentTitles: [] } });
  });

  it('keeps marks through a new version, measures them, and keeps what was measured', async () => {
    const { deps, read, write, workspace, measure, run } = await openWorkspace();
    await expect(startRetrievalEvaluation(deps, run)).rejects.toMatchObject({ code: 'golden-set.empty' });
    const { chunkId } = findOil(await tryQuery(deps, read, QUESTION));
    await markPassage(deps, write, { question: QUESTION, chunkId, isWanted: true });
    await markPassage(deps, write, { question: QUESTION, chunkId, isWanted: true });
    await markUnanswerable(deps, write, 'Who won the cup?');
    expect((await readRetrievalOverview(deps, read)).questions).toMatchObject([
      { question: QUESTION, kind: 'answerable', passages: [{ pageNumber: 1 }], latest: null },
      { kind: 'unanswerable', passages: [] },
    ]);
    const { context } = await measure();
    // A second worker that does the same run over adds nothing.
    await expect(evaluateGoldenSet(deps, run, context)).rejects.toThrow('claim');

    await stage.addText(workspace, 'pump.md', `Second edition.\n\n${MANUAL}`);
    await stage.performAll();
    expect(findOil(await tryQuery(deps, read, QUESTION))).toMatchObject({ isMarked: true });
    await measure();
    const overview = await readRetrievalOverview(deps, read);
    expect(overview.evaluations).toHaveLength(2);
    for (const { legs, rankedQuestions } of overview.evaluations) {
      expect(rankedQuestions).toBe(1);
      expect(legs.fused?.['recall@10']).toBe(1);
      expect(legs.reranked).toBeNull();
    }
    expect(overview.sampleCounts).toEqual({ answerable: 1, unanswerable: 1 });
    expect(overview.curve).toHaveLength(101);
  });

  it('lets one passage be right for several questions', async () => {
    const { deps, read, write } = await openWorkspace();
    const questions = [QUESTION, 'How often does the pump need oil?'];
    for (const question of questions) {
      const { chunkId } = findOil(await tryQuery(deps, read, question));
      await markPassage(deps, write, { question, chunkId, isWanted: true });
      expect(findOil(await tryQuery(deps, read, question))).toMatchObject({ isMarked: true });
    }
    expect((await readRetrievalOverview(deps, read)).questions.map(({ passages }) => passages.length)).toEqual([1, 1]);
  });

  it('forgets a question with its last mark, and one that is removed', async () => {
    const { deps, read, write } = await openWorkspace();
    const { chunkId } = findOil(await tryQuery(deps, read, QUESTION));
    await markPassage(deps, write, { question: QUESTION, chunkId, isWanted: true });
    await markPassage(deps, write, { question: QUESTION, chunkId, isWanted: false });
    expect((await readRetrievalOverview(deps, read)).questions).toEqual([]);
    await markPassage(deps, write, { question: QUESTION, chunkId, isWanted: true });
    const [question] = (await readRetrievalOverview(deps, read)).questions;
    await removeGoldenQuestion(deps, write, question?.id ?? '');
    expect((await readRetrievalOverview(deps, read)).questions).toEqual([]);
  });

  it('lets a threshold answer by a new configuration, and keeps the old one', async () => {
    const { db, deps, configure, read, workspace } = await openWorkspace();
    const before = await readActiveAnswerConfig(db, read);
    const { answerConfigId } = await applySupportThreshold(deps, configure, 0.61);
    expect(await readActiveAnswerConfig(db, read)).toEqual({
      id: answerConfigId,
      config: { ...before.config, supportThreshold: 0.61 },
    });
    const rows = await db.select().from(answerConfigs).where(eq(answerConfigs.workspaceId, workspace.id));
    expect(rows.map((row) => row.id)).toContain(before.id);
    await expect(applySupportThreshold(deps, configure, 1.5)).rejects.toMatchObject({ code: 'threshold.invalid' });
  });

  it('knows nothing of another workspace', async () => {
    const mine = await openWorkspace();
    const other = await openWorkspace();
    const { chunkId } = findOil(await tryQuery(other.deps, other.read, QUESTION));
    await expect(
      markPassage(mine.deps, mine.write, { question: QUESTION, chunkId, isWanted: true }),
    ).rejects.toMatchObject({ code: 'passage.not-found' });
    await markPassage(other.deps, other.write, { question: QUESTION, chunkId, isWanted: true });
    const [question] = (await readRetrievalOverview(other.deps, other.read)).questions;
    await expect(removeGoldenQuestion(mine.deps, mine.write, question?.id ?? '')).rejects.toMatchObject({
      code: 'question.not-found',
    });
    expect((await readRetrievalOverview(mine.deps, mine.read)).questions).toEqual([]);
    expect((await readRetrievalOverview(other.deps, other.read)).questions).toHaveLength(1);
  });
});
