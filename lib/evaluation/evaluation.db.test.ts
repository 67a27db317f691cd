import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { eq } from 'drizzle-orm';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NamedVersion } from '#db/repositories/adapters.ts';
import { findRun } from '#db/repositories/runs.ts';
import { caseResults } from '#db/schema/evaluation.ts';
import { workspaces } from '#db/schema/workspaces.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { createEvaluationHandler } from '#lib/jobs/handlers/evaluation-run.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import { performRun } from '#lib/jobs/perform-run.ts';
import { promoteChampion } from '#lib/registry/promote.ts';
import { registerAdapterVersion } from '#lib/registry/register-version.ts';
import type { RuntimeClient } from '#lib/runtime/runtime-port.ts';
import { openRegistryStage, type RegistryStage } from '#lib/testing/registry-stage.ts';
import { scriptRuntime } from '#lib/testing/script-runtime.ts';
import { exportReport } from './export-report.ts';
import { listEvaluationSummaries, readCaseHistory, readEvaluation } from './read-evaluation.ts';
import type { EvaluationDeps } from './run-evaluation.ts';
import { listShippedSuites, takeInShippedSuites, takeInSuites } from './shipped-suites.ts';
import { cancelEvaluation, startEvaluation } from './start-evaluation.ts';
import { writeSuiteFile } from './suite-file.ts';
import { addCase, archiveSuite, listSuiteSummaries, readSuite, reviseSuite, saveSuite } from './suites.ts';
import { type TestCaseInput, testCaseSchema } from './test-case.ts';

const never = new AbortController().signal;
const queue: JobQueue = { open: () => Promise.resolve(), enqueue: () => Promise.resolve() };
const makeCases = (count: number, overrides: Partial<TestCaseInput> = {}) =>
  Array.from({ length: count }, (_, index) =>
    testCaseSchema.parse({
      key: `case-${index}`,
      question: `Question number ${index}?`,
      mode: 'alone',
      area: 'instruction',
      assertions: [{ type: 'contains', values: ['right'] }],
      ...overrides,
    }),
  );

const better = () =>
  scriptRuntime((model, question) => (model === 'base' && /[02468]\?/.test(question) ? 'wrong' : 'right'));

const notFound = (noun: string) => ({ code: `${noun}.not-found` });

describeDatabase('evaluation', (getDatabase) => {
  let stage: RegistryStage;
  let seed = 0;
  beforeAll(async () => {
    stage = await openRegistryStage(getDatabase().db);
  });
  afterAll(() => stage.close());
  const db = () => getDatabase().db;

  async function setUp() {
    const workspace = await stage.addWorkspace();
    seed += 1;
    const { version } = await registerAdapterVersion(stage.deps, workspace.write, {
      adapter: { name: 'Voice' },
      filePath: await stage.writeAdapter(seed),
      origin: 'trained',
      baseSha256: stage.base.sha256,
      templateSha256: null,
      lineage: {},
    });
    const read = await authorizeSystem('test', workspace.id, 'evaluation.read');
    const write = await authorizeSystem('test', workspace.id, 'evaluation.write');
    const run = await authorizeSystem('test', workspace.id, 'evaluation.run');
    return { workspace, version, read, write, run };
  }
  type Stage = Awaited<ReturnType<typeof setUp>>;

  const start = async ({ run, write }: Stage, version: NamedVersion | null, cases = makeCases(40), settings = {}) => {
    const suite = await saveSuite({ db: db() }, write, { name: 'Facts', description: '', cases, note: 'first' });
    const started = await startEvaluation({ db: db(), queue }, run, {
      versionId: version?.id ?? null,
      suiteIds: [suite.suiteId],
      settings,
    });
    return { ...started, suite };
  };

  const perform = (
    { workspace }: Stage,
    runId: string,
    { runtime }: ReturnType<typeof scriptRuntime>,
    shutdown: AbortSignal = never,
  ) => {
    const answer: EvaluationDeps['answer'] = {
      runtime,
      search: () => Promise.resolve({ sources: [], supportScore: 0, indexConfigId: null, embeddingModel: '' }),
    };
    return performRun(
      { db: db(), queue, logger: pino({ level: 'silent' }) },
      'evaluation.run',
      { workspaceId: workspace.id, runId },
      createEvaluationHandler({ db: db(), runtime, answer }),
      shutdown,
    );
  };

  it('asks both sides, decides, and the decision carries a promotion', async () => {
    const world = await setUp();
    const { evaluationId, runId, suite } = await start(world, world.version);
    expect(await perform(world, runId, better())).toBe('succeeded');
    const report = await readEvaluation({ db: db() }, world.read, evaluationId);
    expect(report.summary).toMatchObject({ state: 'succeeded', verdict: 'pass', progressDone: 80 });
    expect(report.verdict?.metrics[0]).toMatchObject({ champion: 0.5, challenger: 1, fixed: 20, regressed: 0 });
    expect(report.cases[0]).toMatchObject({ change: 'fixed', challenger: { answer: { ownText: 'right' } } });
    const history = await readCaseHistory({ db: db() }, world.read, { suiteId: suite.suiteId, caseKey: 'case-0' });
    expect(history.map(({ system, state }) => [system.name, state])).toEqual(
      expect.arrayContaining([
        ['Voice 1', 'passed'],
        ['Base model', 'failed'],
      ]),
    );
    for (const format of ['json', 'csv', 'junit'] as const) {
      expect(exportReport(report, format).text).toContain('case-0');
    }
    await promoteChampion({ db: db(), preWarm: () => Promise.resolve() }, world.workspace.promote, {
      versionId: world.version.id,
      reason: 'it has passed the gate',
    });
    expect(await listEvaluationSummaries({ db: db() }, world.read)).toHaveLength(1);
  });

  it('goes on where a worker was killed, and asks nothing twice', async () => {
    const world = await setUp();
    const { evaluationId, runId } = await start(world, world.version);
    const shutdown = new AbortController();
    let count = 0;
    const first = scriptRuntime(() => {
      count += 1;
      if (count === 21) shutdown.abort();
      return 'right';
    });
    expect(await perform(world, runId, first, shutdown.signal)).toBe('released');
    const stored = await db().select().from(caseResults).where(eq(caseResults.evaluationRunId, evaluationId));
    expect(stored.length).toBeGreaterThanOrEqual(20);
    const second = scriptRuntime(() => 'right');
    expect(await perform(world, runId, second)).toBe('succeeded');
    expect(second.asked).toHaveLength(80 - stored.length);
    expect(new Set(second.asked).size).toBe(second.asked.length);
    const all = await db().select().from(caseResults).where(eq(caseResults.evaluationRunId, evaluationId));
    expect(all).toHaveLength(80);
  });

  it('stops when somebody cancels, and keeps what was answered', async () => {
    const world = await setUp();
    const { evaluationId, runId } = await start(world, world.version);
    let isAsked = false;
    const slow = scriptRuntime(() => 'right');
    const runtime = {
      ...slow.runtime,
      async *streamChat(...call: Parameters<RuntimeClient['streamChat']>) {
        if (slow.asked.length === 5 && !isAsked) {
          isAsked = true;
          await cancelEvaluation({ db: db() }, world.run, evaluationId);
          // The heartbeat brings the cancel; nothing else ends this call.
          await new Promise((_, reject) => {
            call[1]?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
          });
        }
        yield* slow.runtime.streamChat(...call);
      },
    };
    expect(await perform(world, runId, { ...slow, runtime })).toBe('cancelled');
    const report = await readEvaluation({ db: db() }, world.read, evaluationId);
    expect(report.summary).toMatchObject({ state: 'cancelled', verdict: null });
    expect(report.cases.some(({ change }) => change === 'open')).toBe(true);
  });

  it('does not go on with another base than it began with', async () => {
    const world = await setUp();
    const { runId } = await start(world, world.version);
    const script = scriptRuntime(() => 'right');
    const runtime = {
      ...script.runtime,
      async *streamChat(...call: Parameters<RuntimeClient['streamChat']>) {
        if (script.asked.length === 30) script.changeBase();
        yield* script.runtime.streamChat(...call);
      },
    };
    expect(await perform(world, runId, { ...script, runtime })).toBe('failed');
    expect(await findRun(db(), world.run, runId)).toMatchObject({ errorCode: 'evaluation.changed-meanwhile' });
  });

  it('takes answers from an earlier run when nothing that decides them has changed', async () => {
    const world = await setUp();
    const first = await start(world, world.version);
    await perform(world, first.runId, better());
    const again = better();
    const second = await start(world, world.version);
    expect(await perform(world, second.runId, again)).toBe('succeeded');
    expect(again.asked).toEqual([]);
    const report = await readEvaluation({ db: db() }, world.read, second.evaluationId);
    expect(report.summary.verdict).toBe('pass');
    expect(report.cases.every(({ challenger }) => challenger.isCached)).toBe(true);
    // Other seeds are other answers.
    const third = await start(world, world.version, makeCases(40), { seed: 7 });
    await perform(world, third.runId, again);
    expect(again.asked).toHaveLength(80);
  });

  it('counts what cannot be checked as errored, and never as passed', async () => {
    const world = await setUp();
    const cases = makeCases(40, { assertions: [{ type: 'similar', value: 'right' }] });
    const { evaluationId, runId } = await start(world, world.version, cases);
    expect(await perform(world, runId, better())).toBe('succeeded');
    const report = await readEvaluation({ db: db() }, world.read, evaluationId);
    expect(report.summary.verdict).toBe('fail');
    expect(report.verdict?.reasons[0]?.text).toContain('could not be run');
    expect(report.cases.every(({ change }) => change === 'errored')).toBe(true);
  });

  it('measures likelihoods, repeats, and what is known without sources', async () => {
    const world = await setUp();
    const scored = makeCases(2, {
      mode: 'score',
      area: 'forgetting',
      assertions: [{ type: 'prefers', choices: ['right', 'wrong'], correct: 0 }],
    });
    const grounded = makeCases(2, {
      mode: 'context',
      context: [{ title: 'Manual', text: 'The answer to question number 1 is right.' }],
    }).map((each) => ({ ...each, key: `grounded-${each.key}` }));
    const { evaluationId, runId } = await start(world, null, [...scored, ...grounded], {
      repeats: 2,
      isAlsoAlone: true,
    });
    expect(await perform(world, runId, better())).toBe('succeeded');
    const report = await readEvaluation({ db: db() }, world.read, evaluationId);
    // The base against itself: there is nothing to promote and so nothing to decide.
    expect(report.summary).toMatchObject({ verdict: null, challenger: { name: 'Base model' }, progressDone: 20 });
    const likely = report.cases.find(({ caseKey }) => caseKey === 'case-0');
    expect(likely).toMatchObject({ change: 'still-passing', champion: { repeats: 2 }, alone: { champion: null } });
    const asked = report.cases.find(({ caseKey }) => caseKey === 'grounded-case-1');
    expect(asked?.alone).toEqual({ champion: true, challenger: true });
    expect(asked?.champion.answer?.sources[0]?.documentTitle).toBe('Manual');
  });

  it('keeps every revision, and refuses to overwrite somebody else’s', async () => {
    const world = await setUp();
    const { suite } = await start(world, null, makeCases(3));
    const again = await saveSuite({ db: db() }, world.write, {
      name: 'facts',
      description: '',
      cases: makeCases(3),
      note: 'same',
    });
    expect(again).toMatchObject({ suiteId: suite.suiteId, isChanged: false });
    const input = { suiteId: suite.suiteId, note: 'shorter', edit: () => makeCases(2) };
    expect(await reviseSuite({ db: db() }, world.write, { ...input, basedOn: 1 })).toMatchObject({ revisionNumber: 2 });
    await expect(reviseSuite({ db: db() }, world.write, { ...input, basedOn: 1 })).rejects.toMatchObject({
      code: 'suite.changed-meanwhile',
    });
    const [extra] = makeCases(1, { key: 'extra' });
    if (!extra) throw new Error('no case');
    await addCase({ db: db() }, world.write, { suiteId: suite.suiteId, testCase: extra, note: 'one more' });
    const first = await readSuite({ db: db() }, world.read, { suiteId: suite.suiteId, number: 1 });
    const current = await readSuite({ db: db() }, world.read, { suiteId: suite.suiteId });
    expect([first.cases.length, current.cases.length, current.revision.number]).toEqual([3, 3, 3]);
    await archiveSuite({ db: db() }, world.write, suite.suiteId);
    expect(await listSuiteSummaries({ db: db() }, world.read)).toEqual([]);
  });

  it('takes in suites from outside once, and leaves alone what the workspace has made of them', async () => {
    const { write, read } = await setUp();
    const shipped = [
      { name: 'Safety', description: 'ours', cases: makeCases(3) },
      { name: 'Voice', description: '', cases: makeCases(2) },
    ];
    const made = await takeInSuites({ db: db() }, write, shipped);
    expect(made.map(({ name, revisionNumber }) => [name, revisionNumber])).toEqual([
      ['Safety', 1],
      ['Voice', 1],
    ]);
    await saveSuite({ db: db() }, write, { name: 'safety', description: '', cases: makeCases(1), note: 'mine' });
    expect(await takeInSuites({ db: db() }, write, shipped)).toEqual([]);
    const [safety] = await listSuiteSummaries({ db: db() }, read);
    expect(safety).toMatchObject({ name: 'Safety', description: 'ours', revisionNumber: 2, caseCount: 1 });
  });

  it('takes in what ships when asked, once, and tells an edited suite from an outdated one', async () => {
    const { write, read } = await setUp();
    const shippedSuitesDir = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-shipped-'));
    const deps = { db: db(), shippedSuitesDir };
    const ship = (name: string, count: number) =>
      writeFile(
        path.join(shippedSuitesDir, `${name}.yaml`),
        writeSuiteFile({ name, description: 'ours', cases: makeCases(count) }, 'yaml'),
      );
    const states = async () => (await listShippedSuites(deps, read)).map(({ name, state }) => `${name} ${state}`);
    await Promise.all([ship('Safety', 3), ship('Voice', 2)]);
    expect(await states()).toEqual(['Safety absent', 'Voice absent']);
    expect(await takeInShippedSuites(deps, write, ['Safety', 'Voice'])).toEqual({ taken: ['Safety', 'Voice'] });
    expect(await takeInShippedSuites(deps, write, ['Safety', 'Voice'])).toEqual({ taken: [] });
    const mine = { name: 'Voice', description: '', cases: makeCases(1), note: 'mine' };
    await saveSuite(deps, write, mine);
    expect(await states()).toEqual(['Safety same', 'Voice edited']);
    // What people made of a suite is never undone by taking in what they went on from.
    expect(await takeInShippedSuites(deps, write, ['Voice'])).toEqual({ taken: [] });
    await Promise.all([ship('Safety', 4), ship('Voice', 5)]);
    expect(await states()).toEqual(['Safety outdated', 'Voice differs']);
    expect(await takeInShippedSuites(deps, write, ['Safety', 'Voice'])).toEqual({ taken: ['Safety', 'Voice'] });
    expect(
      (await listSuiteSummaries(deps, read)).map(({ revisionNumber, caseCount }) => [revisionNumber, caseCount]),
    ).toEqual([
      [2, 4],
      [3, 5],
    ]);
    await expect(takeInShippedSuites(deps, write, ['Nowhere'])).rejects.toMatchObject(notFound('suite'));
    await expect(takeInShippedSuites(deps, write, [])).rejects.toMatchObject({ code: 'input.invalid' });
    await rm(shippedSuitesDir, { recursive: true });
  });

  it('shows another workspace nothing', async () => {
    const mine = await setUp();
    const other = await setUp();
    const { evaluationId, suite } = await start(mine, mine.version, makeCases(2));
    await expect(readEvaluation({ db: db() }, other.read, evaluationId)).rejects.toMatchObject(notFound('evaluation'));
    await expect(cancelEvaluation({ db: db() }, other.run, evaluationId)).rejects.toMatchObject(notFound('evaluation'));
    await expect(readSuite({ db: db() }, other.read, { suiteId: suite.suiteId })).rejects.toMatchObject(
      notFound('suite'),
    );
    await expect(archiveSuite({ db: db() }, other.write, suite.suiteId)).rejects.toMatchObject(notFound('suite'));
    const startOther = (input: { versionId: string | null; suiteIds: string[] }) =>
      startEvaluation({ db: db(), queue }, other.run, input);
    await expect(startOther({ versionId: null, suiteIds: [suite.suiteId] })).rejects.toMatchObject(notFound('suite'));
    const own = await saveSuite({ db: db() }, other.write, {
      name: 'Own',
      description: '',
      cases: makeCases(1),
      note: '',
    });
    await expect(startOther({ versionId: mine.version.id, suiteIds: [own.suiteId] })).rejects.toMatchObject(
      notFound('adapter'),
    );
    await expect(startOther({ versionId: null, suiteIds: [randomUUID()] })).rejects.toMatchObject(notFound('suite'));
  });

  it('goes with its workspace', async () => {
    const world = await setUp();
    const { runId, evaluationId } = await start(world, world.version, makeCases(2));
    await perform(world, runId, better());
    await db().delete(workspaces).where(eq(workspaces.id, world.workspace.id));
    expect(await db().select().from(caseResults).where(eq(caseResults.evaluationRunId, evaluationId))).toEqual([]);
  });
});
