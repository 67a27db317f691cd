import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { pino } from 'pino';
import type { ReactElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import VersionPage from '#app/admin/[workspace]/adapters/versions/[version]/page.tsx';
import RunsPage from '#app/admin/[workspace]/evaluation/(list)/page.tsx';
import HistoryPage from '#app/admin/[workspace]/evaluation/history/page.tsx';
import NewEvaluationPage from '#app/admin/[workspace]/evaluation/new/page.tsx';
import PolicyPage from '#app/admin/[workspace]/evaluation/policy/page.tsx';
import ReportPage from '#app/admin/[workspace]/evaluation/runs/[evaluation]/page.tsx';
import PrintedReportPage from '#app/admin/[workspace]/evaluation/runs/[evaluation]/print/page.tsx';
import CaseHistoryPage from '#app/admin/[workspace]/evaluation/suites/[suite]/cases/[key]/page.tsx';
import SuitePage from '#app/admin/[workspace]/evaluation/suites/[suite]/page.tsx';
import SuitesPage from '#app/admin/[workspace]/evaluation/suites/page.tsx';
import { createPeopleStore } from '#db/repositories/people.ts';
import { workspaces } from '#db/schema/workspaces.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { hashPassword } from '#lib/auth/passwords.ts';
import { createRateLimits } from '#lib/auth/rate-limits.ts';
import { AppError } from '#lib/domain/errors.ts';
import { DEFAULT_GATE_POLICY } from '#lib/evaluation/gate-policy.ts';
import { changePolicy } from '#lib/evaluation/policies.ts';
import { measurePace, readEvaluationProgress } from '#lib/evaluation/read-evaluation.ts';
import type { EvaluationDeps } from '#lib/evaluation/run-evaluation.ts';
import { cancelEvaluation, resumeEvaluation, startEvaluation } from '#lib/evaluation/start-evaluation.ts';
import { saveSuite } from '#lib/evaluation/suites.ts';
import { testCaseSchema } from '#lib/evaluation/test-case.ts';
import { createBlobStore } from '#lib/ingestion/blob-store.ts';
import { createEvaluationHandler } from '#lib/jobs/handlers/evaluation-run.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import { performRun } from '#lib/jobs/perform-run.ts';
import { promoteChampion, rollBackChampion } from '#lib/registry/promote.ts';
import { registerAdapterVersion } from '#lib/registry/register-version.ts';
import type { AdapterRuntime } from '#lib/registry/serve-adapters.ts';
import { openRegistryStage, type RegistryStage } from '#lib/testing/registry-stage.ts';
import { composeDeps, provideDeps } from './deps.ts';

/** The pages as the server renders them, on a database: what they show of a run, a suite and a policy, and to whom. */

const next = vi.hoisted(() => ({ headers: new Headers() }));
vi.mock('next/headers', () => ({
  headers: async () => next.headers,
  cookies: async () => ({ set: () => undefined }),
}));
vi.mock('next/navigation', () => ({
  notFound: () => {
    throw new Error('404');
  },
  redirect: (to: string) => {
    throw new Error(`to ${to}`);
  },
  useRouter: () => ({ push: () => undefined, refresh: () => undefined }),
  usePathname: () => '/',
}));

const PASSWORD = 'correct horse battery staple';
const reason = 'it has passed the gate';
const queue: JobQueue = { open: () => Promise.resolve(), enqueue: () => Promise.resolve() };

async function unavailable(): Promise<never> {
  throw new AppError({ code: 'runtime.unavailable', message: 'no runtime in this test', isRetryable: true });
}

/** Right for the adapter, wrong for the base at every second question; no answer's content matters here. */
const runtime: EvaluationDeps['runtime'] & AdapterRuntime = {
  loadAdapter: () => Promise.resolve(),
  readStatus: () =>
    Promise.resolve({
      state: 'ready',
      baseModel: { id: 'tiny', sha256: 'b'.repeat(64), contextTokens: 2048, templateSha256: null },
      embeddingModel: null,
      gpu: false,
      threads: 1,
      queue: { active: 0, waiting: 0, limit: 8 },
      problems: [],
    }),
  embedTexts: unavailable,
  countTokens: unavailable,
  countEmbeddingTokens: unavailable,
  scoreContinuation: unavailable,
  async *streamChat({ model, messages }) {
    await Promise.resolve();
    const isRight = model !== 'base' || /[13579]\?/.test(messages.at(-1)?.content ?? '');
    yield { type: 'text-delta', text: isRight ? 'It is the right valve.' : 'Nobody knows.' };
    yield {
      type: 'finish',
      reason: 'stop',
      usage: { promptTokens: 10, cachedPromptTokens: 0, completionTokens: 5 },
      timings: { queueMs: 0, prefillMs: 1, decodeMs: 1 },
      baseSha256: 'b'.repeat(64),
      adapterSha256: model === 'base' ? null : model,
    };
  },
};

const cases = Array.from({ length: 40 }, (_, index) =>
  testCaseSchema.parse({
    key: `case-${index}`,
    question: `Which valve, number ${index}?`,
    mode: 'alone',
    area: 'instruction',
    tags: ['intent: valves'],
    isMustPass: index === 0,
    assertions: [{ type: 'contains', values: ['the right valve'] }],
  }),
);

const allow = <const P extends Parameters<typeof authorizeSystem>[2]>(id: string, permission: P) =>
  authorizeSystem('test', id, permission);
const render = async (page: Promise<ReactElement>) => renderToStaticMarkup(await page).replaceAll('<!-- -->', '');
const listParams = (workspace: string) => ({
  params: Promise.resolve({ workspace }),
  searchParams: Promise.resolve({}),
});

const open = (slug: string) => ({
  report: (evaluation: string, query: Record<string, string> = {}) =>
    render(
      ReportPage({
        params: Promise.resolve({ workspace: slug, evaluation }),
        searchParams: Promise.resolve(query),
      }),
    ),
  print: (evaluation: string) =>
    render(PrintedReportPage({ params: Promise.resolve({ workspace: slug, evaluation }) })),
  suite: (suite: string, query: Record<string, string> = {}) =>
    render(SuitePage({ params: Promise.resolve({ workspace: slug, suite }), searchParams: Promise.resolve(query) })),
  history: (suite: string, key: string) =>
    render(CaseHistoryPage({ params: Promise.resolve({ workspace: slug, suite, key }) })),
  version: (version: string) => render(VersionPage({ params: Promise.resolve({ workspace: slug, version }) })),
});

describeDatabase('evaluation pages', (getDatabase) => {
  let stage: RegistryStage;
  beforeAll(async () => {
    stage = await openRegistryStage(getDatabase().db);
    const generous = { points: 1_000_000, windowSeconds: 60 };
    const blobs = createBlobStore(path.join(stage.directory, 'blobs'));
    const deps = composeDeps({
      env: { publicUrl: 'http://localhost:3000' },
      log: pino({ level: 'silent' }),
      db: getDatabase().db,
      secret: randomUUID() + randomUUID(),
      limits: createRateLimits({ signInPerEmail: generous, signInPerAddress: generous, requestsPerKey: generous }),
      runtime,
      queue,
      blobs,
      artifacts: stage.deps.artifacts,
      findBase: stage.deps.findBase,
      training: { weightCacheDir: stage.directory, matrixRateFile: path.join(stage.directory, 'matrix-rate.json') },
      shippedSuitesDir: path.resolve('db/seeds/suites'),
      dataSetUploads: blobs,
      dataSetFiles: blobs,
      probes: { database: unavailable, runtime: unavailable, worker: unavailable },
    });
    provideDeps(deps);
    const people = createPeopleStore(getDatabase().db);
    const passwordHash = await hashPassword(PASSWORD);
    signIn = async (role, workspaceId) => {
      const email = `${randomUUID()}@example.org`;
      const person = await people.users.create({ name: 'Olga Owner', email, passwordHash, isInstanceOwner: false });
      await people.memberships.add({ workspaceId, userId: person.id, role });
      const { setCookies } = await deps.authenticator.signIn({ email, password: PASSWORD }, new Headers());
      next.headers = new Headers({ cookie: setCookies.map((value) => value.split(';')[0]).join('; ') });
    };
  });
  afterAll(() => stage.close());
  let signIn: (role: 'owner' | 'evaluator' | 'member', workspaceId: string) => Promise<void>;
  const db = () => getDatabase().db;

  async function setUp() {
    const slug = `w-${randomUUID().slice(0, 8)}`;
    const [row] = await db().insert(workspaces).values({ slug, name: slug }).returning();
    if (!row) throw new Error('no workspace');
    await signIn('owner', row.id);
    return { id: row.id, slug };
  }

  /** A finished run of an adapter that is better than the base. */
  async function addRun(workspaceId: string, seed: number) {
    const write = await allow(workspaceId, 'adapter.write');
    const { version } = await registerAdapterVersion(stage.deps, write, {
      adapter: { name: 'Voice' },
      filePath: await stage.writeAdapter(seed),
      origin: 'trained',
      baseSha256: stage.base.sha256,
      templateSha256: null,
      lineage: {},
    });
    const suite = await saveSuite({ db: db() }, await allow(workspaceId, 'evaluation.write'), {
      name: 'Valves',
      description: 'All of them.',
      cases,
      note: 'the first forty',
    });
    const started = await startEvaluation({ db: db(), queue }, await allow(workspaceId, 'evaluation.run'), {
      versionId: version.id,
      suiteIds: [suite.suiteId],
    });
    const perform = () =>
      performRun(
        { db: db(), queue, logger: pino({ level: 'silent' }) },
        'evaluation.run',
        { workspaceId, runId: started.runId },
        createEvaluationHandler({
          db: db(),
          runtime,
          answer: {
            runtime,
            search: () => Promise.resolve({ sources: [], supportScore: 0, indexConfigId: null, embeddingModel: '' }),
          },
        }),
        new AbortController().signal,
      );
    return { version, ...suite, ...started, perform };
  }

  it('says where to begin while there is nothing', async () => {
    const { slug } = await setUp();
    expect(await render(RunsPage(listParams(slug)))).toContain('Nothing has been evaluated yet');
    const suites = await render(SuitesPage(listParams(slug)));
    expect(suites).toContain('No suites yet');
    expect(suites).toMatch(/Ship with Lorehouse.*Brand voice.*Safety/);
    expect(await render(NewEvaluationPage(listParams(slug)))).toContain('There is nothing to ask yet');
    expect(await render(PolicyPage(listParams(slug)))).toContain('which nobody has changed');
    expect(await render(HistoryPage(listParams(slug)))).toContain('Nothing but the base model has ever served');
  });

  it('follows a run from its start over its verdict to promotion and rollback', async () => {
    const { id, slug } = await setUp();
    const run = await addRun(id, 301);
    const pages = open(slug);
    expect(await render(NewEvaluationPage(listParams(slug)))).toContain('80 answers');
    const waiting = await pages.report(run.evaluationId);
    expect(waiting).toContain('Waiting for its turn');
    expect(waiting).toContain('Cancel');
    await expect(pages.print(run.evaluationId)).rejects.toThrow('404');

    expect(await run.perform()).toBe('succeeded');
    const passed = await pages.report(run.evaluationId);
    expect(passed).toContain('It may serve');
    expect(passed).toContain('Promote');
    expect(passed).not.toContain('Serve without a pass');
    expect(passed).toContain('50 %');
    expect(passed).toContain('intent: valves');
    expect(passed).toMatch(/aria-current="true"[^>]*>Fixed 20</);
    expect(passed).toContain('Does not say “the right valve”');
    const named = await pages.report(run.evaluationId, { case: 'case-3' });
    expect(named).toMatch(/aria-current="true"[^>]*>Still passing 20</);
    expect(named).toContain('<details open="" id="case-case-3"');
    const printed = await pages.print(run.evaluationId);
    expect(printed).toContain('Fixed: 20');
    expect(printed).not.toContain('Promote');
    expect(await pages.history(run.suiteId, 'case-2')).toMatch(/Failed.*Base model/);
    expect(await render(RunsPage(listParams(slug)))).toContain('Pass');
    expect(await pages.version(run.version.id)).toContain('It allows a promotion.');

    const promote = await allow(id, 'adapter.promote');
    const move = { db: db(), preWarm: () => Promise.resolve() };
    const { event } = await promoteChampion(move, promote, { versionId: run.version.id, reason });
    const serving = await pages.report(run.evaluationId);
    expect(serving).toContain('It serves this workspace now.');
    expect(serving).not.toContain('>Promote');
    const moment = await render(
      HistoryPage({
        params: Promise.resolve({ workspace: slug }),
        searchParams: Promise.resolve({ at: new Date(event.createdAt.getTime() + 1000).toISOString() }),
      }),
    );
    expect(moment).toContain('after it had passed an evaluation');
    expect(moment).toContain('Valves, revision 1');
    await rollBackChampion(move, promote, { versionId: null, reason });
    expect(await pages.version(run.version.id)).toContain('Roll back to it');
  });

  it('offers to go on with a run that was cancelled', async () => {
    const { id, slug } = await setUp();
    const run = await addRun(id, 305);
    const { report } = open(slug);
    const deps = { db: db(), queue };
    const access = await allow(id, 'evaluation.run');
    await cancelEvaluation(deps, access, run.evaluationId);
    const cancelled = await report(run.evaluationId);
    expect(cancelled).toContain('The run was cancelled');
    expect(cancelled).toContain('Go on');
    expect(cancelled).toMatch(/aria-current="true"[^>]*>Not asked yet 40</);
    await resumeEvaluation(deps, access, run.evaluationId);
    expect(await report(run.evaluationId)).toContain('Waiting for its turn');
    expect(await run.perform()).toBe('succeeded');
    expect(await report(run.evaluationId)).toContain('It may serve');
    const read = await allow(id, 'evaluation.read');
    const { latest } = await readEvaluationProgress(deps, read, run.evaluationId);
    expect(latest[0]).toMatchObject({ title: 'Which valve, number 39?', side: 'challenger', state: 'passed' });
    expect(await measurePace(deps, read)).toBeGreaterThan(0);
    await expect(resumeEvaluation(deps, access, run.evaluationId)).rejects.toMatchObject({
      code: 'run.not-retryable',
    });
    const other = await allow((await setUp()).id, 'evaluation.run');
    await expect(resumeEvaluation(deps, other, run.evaluationId)).rejects.toMatchObject({
      code: 'evaluation.not-found',
    });
  });

  it('withdraws the promotion when suite or policy changes, and offers to decide again', async () => {
    const { id, slug } = await setUp();
    const run = await addRun(id, 302);
    await run.perform();
    await changePolicy({ db: db() }, await allow(id, 'gate.override'), {
      policy: { ...DEFAULT_GATE_POLICY, minCases: 100 },
      note: 'more cases, please',
    });
    const report = await open(slug).report(run.evaluationId);
    expect(report).toContain('The gate’s policy was changed after its evaluation');
    expect(report).toContain('Decide again');
    expect(report).toContain('Serve without a pass');
    expect(report).not.toContain('>Promote');
    expect(await render(PolicyPage(listParams(slug)))).toContain('Least number of cases: 30 → 100');
  });

  it('opens a revision as it was, and offers nothing that the role may not do', async () => {
    const { id, slug } = await setUp();
    const run = await addRun(id, 303);
    await run.perform();
    const write = await allow(id, 'evaluation.write');
    await saveSuite({ db: db() }, write, { name: 'Valves', description: '', cases: cases.slice(1), note: 'one less' });
    const { suite, report } = open(slug);
    expect(await suite(run.suiteId)).toContain('39 cases');
    const old = await suite(run.suiteId, { revision: '1' });
    expect(old).toContain('40 cases');
    expect(old).toContain('Make it current again');
    await expect(suite(run.suiteId, { revision: '7' })).rejects.toThrow('404');
    await expect(suite(run.suiteId, { revision: 'x' })).rejects.toThrow('404');
    await signIn('evaluator', id);
    const policy = await render(PolicyPage(listParams(slug)));
    expect(policy).toContain('Owners and admins can change it.');
    expect(await report(run.evaluationId)).not.toContain('Serve without a pass');
    await signIn('member', id);
    await expect(report(run.evaluationId)).rejects.toThrow('404');
    await expect(suite(run.suiteId)).rejects.toThrow('404');
  });

  it('shows another workspace the page for what does not exist', async () => {
    const mine = await setUp();
    const run = await addRun(mine.id, 304);
    await run.perform();
    const other = await setUp();
    const pages = open(other.slug);
    await expect(pages.report(run.evaluationId)).rejects.toThrow('404');
    await expect(pages.print(run.evaluationId)).rejects.toThrow('404');
    await expect(pages.suite(run.suiteId)).rejects.toThrow('404');
    await expect(pages.history(run.suiteId, 'case-2')).rejects.toThrow('404');
    await expect(pages.version(run.version.id)).rejects.toThrow('404');
    await expect(pages.report('no-id')).rejects.toThrow('404');
    await expect(open(mine.slug).report(run.evaluationId)).rejects.toThrow('404');
  });
});
