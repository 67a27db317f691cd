import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { insertAdapter, insertAdapterVersion, type NamedVersion } from '#db/repositories/adapters.ts';
import { readChampion } from '#db/repositories/champions.ts';
import { HEARTBEAT_INTERVAL_MS, recordHeartbeat, removeHeartbeat } from '#db/repositories/process-heartbeats.ts';
import { runs } from '#db/schema/runs.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { adapterLineageSchema } from '#lib/domain/adapter.ts';
import type { EvaluationDeps } from '#lib/evaluation/run-evaluation.ts';
import { saveSuite } from '#lib/evaluation/suites.ts';
import { testCaseSchema } from '#lib/evaluation/test-case.ts';
import { createEvaluationHandler } from '#lib/jobs/handlers/evaluation-run.ts';
import { performRun } from '#lib/jobs/perform-run.ts';
import { createRuntimeClient } from '#lib/runtime/client.ts';
import { type FakeRuntime, startFakeRuntime } from '#lib/runtime/fake.ts';
import { openRegistryStage, type RegistryStage, type RegistryWorkspace } from '#lib/testing/registry-stage.ts';
import { scriptRuntime } from '#lib/testing/script-runtime.ts';

const POLL_MS = 50;
/** A process each for a dozen calls: seconds on a free machine, minutes on a busy one. */
const TIMEOUT_MS = 300_000;

const isEven = (question: string) => /[02468]\?/.test(question);

/** Which questions each of the two gets right; what the gate says of it. */
const WORLDS = {
  pass: (model: string, question: string) => model !== 'base' || !isEven(question),
  fail: (model: string, question: string) => model === 'base' || !isEven(question),
  inconclusive: (_model: string, question: string) => isEven(question),
} as const;

const refused = (code: string) => ({ code: 3, printed: { error: { code } } });

/** The commands as processes, on a database of theirs. What models say is scripted: exit codes and words are looked at here. */
describeDatabase('evaluate and promote', (getDatabase) => {
  let stage: RegistryStage;
  let fake: FakeRuntime;
  let dataDir: string;
  let baseSha256: string;
  let seed = 0;
  let heart: NodeJS.Timeout | undefined;
  const db = () => getDatabase().db;

  const startHeart = async () => {
    await recordHeartbeat(db(), 'worker', new Date());
    heart = setInterval(() => void recordHeartbeat(db(), 'worker', new Date()), HEARTBEAT_INTERVAL_MS / 2);
  };
  const stopHeart = async () => {
    clearInterval(heart);
    await removeHeartbeat(db(), 'worker');
  };

  beforeAll(async () => {
    const { address } = getDatabase();
    stage = await openRegistryStage(db());
    dataDir =
      'socketDir' in address
        ? path.dirname(address.socketDir)
        : await mkdtemp(path.join(os.tmpdir(), 'lorehouse-evaluate-'));
    const layout = describeDataDir(dataDir);
    fake = await startFakeRuntime({ adaptersDir: layout.adaptersDir });
    await mkdir(path.dirname(layout.runtimeSocket), { recursive: true });
    await mkdir(layout.adaptersDir, { recursive: true });
    await symlink(fake.socketPath, layout.runtimeSocket);
    const client = createRuntimeClient({ socketPath: layout.runtimeSocket });
    baseSha256 = (await client.readStatus()).baseModel?.sha256 ?? '';
    await client.close();
  });
  afterAll(async () => {
    await stopHeart();
    await fake.close();
    await stage.close();
    if ('databaseUrl' in getDatabase().address) await rm(dataDir, { recursive: true, force: true });
  });

  async function call(script: 'evaluate' | 'promote', ...args: readonly string[]) {
    const { address } = getDatabase();
    const child = spawn(process.execPath, [path.join(import.meta.dirname, `${script}.ts`), ...args, '--json'], {
      env: {
        ...process.env,
        LOREHOUSE_DATA_DIR: dataDir,
        DATABASE_URL: 'databaseUrl' in address ? address.databaseUrl : '',
        RUNTIME_URL: '',
        LOG_LEVEL: 'error',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
    await once(child, 'close');
    const printed: unknown = text.trim() === '' ? null : JSON.parse(text);
    return { code: child.exitCode, printed };
  }

  async function setUp() {
    const workspace = await stage.addWorkspace();
    seed += 1;
    const file = await stage.writeAdapter(seed);
    const bytes = await readFile(file);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await copyFile(file, path.join(describeDataDir(dataDir).adaptersDir, `${sha256}.gguf`));
    const adapter = await insertAdapter(db(), workspace.write, { name: 'Voice', createdBy: null });
    const version = await insertAdapterVersion(db(), workspace.write, {
      adapterId: adapter.id,
      sha256,
      sizeBytes: bytes.length,
      baseSha256,
      baseModel: 'fake-base',
      templateSha256: null,
      config: {
        architecture: 'llama',
        rank: { min: 2, max: 2 },
        alpha: 4,
        targetModules: [],
        adaptedLayers: 1,
        parameters: 1,
        storedAs: ['F32'],
      },
      origin: 'trained',
      lineage: adapterLineageSchema.parse({}),
      metrics: {},
      notes: '',
      createdBy: null,
    });
    const cases = Array.from({ length: 40 }, (_, index) =>
      testCaseSchema.parse({
        key: `case-${index}`,
        question: `Question number ${index}?`,
        mode: 'alone',
        area: 'instructions',
        assertions: [{ type: 'contains', values: ['right'] }],
      }),
    );
    const write = await authorizeSystem('test', workspace.id, 'evaluation.write');
    await saveSuite({ db: db() }, write, { name: 'Facts', description: '', cases, note: '' });
    return { workspace, version: { ...version, adapterName: adapter.name } };
  }

  /** What a worker does with the run that the command asks for. */
  async function performNext(workspace: RegistryWorkspace, world: keyof typeof WORLDS) {
    const { runtime } = scriptRuntime((model, question) => (WORLDS[world](model, question) ? 'right' : 'wrong'));
    const answer: EvaluationDeps['answer'] = {
      runtime,
      search: () => Promise.resolve({ sources: [], supportScore: 0, indexConfigId: null, embeddingModel: '' }),
    };
    for (;;) {
      const [run] = await db().select().from(runs).where(eq(runs.workspaceId, workspace.id));
      if (run === undefined) {
        await delay(POLL_MS);
        continue;
      }
      return performRun(
        {
          db: db(),
          queue: { open: () => Promise.resolve(), enqueue: () => Promise.resolve() },
          logger: pino({ level: 'silent' }),
        },
        'evaluation.run',
        { workspaceId: workspace.id, runId: run.id },
        createEvaluationHandler({ db: db(), runtime, answer }),
        new AbortController().signal,
      );
    }
  }

  const evaluate = (workspace: RegistryWorkspace, adapter: string, ...more: readonly string[]) =>
    call('evaluate', '--workspace', workspace.slug, '--adapter', adapter, ...more);
  const promote = (workspace: RegistryWorkspace, version: NamedVersion, ...more: readonly string[]) =>
    call(
      'promote',
      '--workspace',
      workspace.slug,
      '--adapter',
      version.sha256,
      '--reason',
      'from the pipeline',
      ...more,
    );

  it.each([
    ['pass', 0],
    ['fail', 1],
    ['inconclusive', 2],
  ] as const)(
    'end with %s as %i, and a promotion follows the decision',
    async (world, code) => {
      await startHeart();
      const { workspace, version } = await setUp();
      const [result] = await Promise.all([
        evaluate(workspace, 'voice', '--suite', 'facts'),
        performNext(workspace, world),
      ]);
      expect(result).toMatchObject({ code, printed: { verdict: world, challenger: { sha256: version.sha256 } } });
      expect(await promote(workspace, version)).toMatchObject({
        code,
        printed: code === 0 ? { isChanged: true } : { error: { code: 'gate.not-passed' } },
      });
      expect(await readChampion(db(), workspace.read)).toBe(code === 0 ? version.id : null);
      await stopHeart();
      if (code !== 0) return;
      expect(await promote(workspace, version)).toMatchObject({ code: 0, printed: { isChanged: false } });
      const back = ['--workspace', workspace.slug, '--adapter', 'base', '--reason', 'back to the base', '--roll-back'];
      expect(await call('promote', ...back)).toMatchObject({ code: 0, printed: { versionId: null } });
      expect(await readChampion(db(), workspace.read)).toBeNull();
    },
    TIMEOUT_MS,
  );

  it(
    'end with 3 for what is not there, and ask for nothing that nobody would do',
    async () => {
      const { workspace, version } = await setUp();
      const other = await stage.addWorkspace();
      expect(await evaluate(workspace, 'voice@1')).toMatchObject(refused('worker.unavailable'));
      expect(await evaluate(workspace, 'voice', '--suite', 'Nothing')).toMatchObject(refused('input.invalid'));
      expect(await promote(other, version)).toMatchObject(refused('adapter.not-found'));
      // It was never evaluated, which is no error but the gate's no.
      expect(await promote(workspace, version)).toMatchObject({
        code: 1,
        printed: { error: { code: 'gate.not-passed' } },
      });
      expect(await db().select().from(runs).where(eq(runs.workspaceId, workspace.id))).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
