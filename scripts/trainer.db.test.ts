import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adapterVersions } from '#db/schema/adapters.ts';
import { dataSets, dataSetVersions } from '#db/schema/data-sets.ts';
import { runs } from '#db/schema/runs.ts';
import { trainingLog, trainingPoints, trainingRuns, trainingSamples } from '#db/schema/training.ts';
import { workspaces } from '#db/schema/workspaces.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { readLockHolder } from '#lib/config/process-lock.ts';
import { createBlobStore } from '#lib/ingestion/blob-store.ts';
import { cancelRun, retryRun } from '#lib/jobs/manage-runs.ts';
import { openPgBossQueue } from '#lib/jobs/pg-boss-queue.ts';
import { tinySizes, writeTinyBase } from '#lib/lora/testing/tiny-base.ts';
import { createTinyTokenizer } from '#lib/lora/testing/tiny-tokenizer.ts';
import { createBaseFinder } from '#lib/registry/find-base.ts';
import { createRuntimeClient, type HttpRuntimeClient } from '#lib/runtime/client.ts';
import { type RealRuntime, startRealRuntime } from '#lib/testing/real-runtime.ts';
import { createFrozenDataSets } from '#lib/training/frozen-data-sets.ts';
import { type StartTrainingDeps, startTraining } from '#lib/training/start-training.ts';
import { trainingOutcomeSchema } from '#lib/training/training-record.ts';
import { listTrainings, readTraining } from '#lib/training/view-training.ts';

const WORKER = path.join(import.meta.dirname, 'worker.ts');
const POLL_MS = 20;
const STEPS = 160;

/** Every answer is the same: what is tested is the way of an adapter, not what it learns. */
const rows = Array.from({ length: 40 }, (_, i) => ({
  messages: [
    { role: 'user', content: `code ${i}?` },
    { role: 'assistant', content: 'It is so.' },
  ],
}));
const toLines = (items: readonly object[]) => items.map((item) => `${JSON.stringify(item)}\n`).join('');
const hash = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');

const isOver = (state: string) => state === 'succeeded' || state === 'failed' || state === 'cancelled';

const config = {
  lora: { dropout: 0.1 },
  learningRate: 0.01,
  sequenceTokens: 128,
  maxSteps: STEPS,
  checkpointInterval: 10,
  validationInterval: 40,
};

/** The trainer runs behind everything else on the machine, a test beside it included. */
const TRAINED_TIMEOUT_MS = 300_000;

describeDatabase('training run', (getDatabase) => {
  let dataDir: string;
  let layout: ReturnType<typeof describeDataDir>;
  let runtime: RealRuntime;
  let client: HttpRuntimeClient;
  let deps: StartTrainingDeps;
  let settings: Record<string, string>;
  let queue: Awaited<ReturnType<typeof openPgBossQueue>>;
  const workers: ChildProcess[] = [];
  /** What an undisturbed run makes. */
  let expectedSha256: string;

  beforeAll(async () => {
    const { db, address } = getDatabase();
    dataDir =
      'socketDir' in address
        ? path.dirname(address.socketDir)
        : await mkdtemp(path.join(os.tmpdir(), 'lorehouse-trainer-'));
    layout = describeDataDir(dataDir);
    const base = path.join(dataDir, 'tiny.gguf');
    const { metadata, vocabularySize } = createTinyTokenizer(512);
    await writeTinyBase(base, 7, { metadata, sizes: { ...tinySizes, vocabularySize } });
    settings = {
      LOREHOUSE_DATA_DIR: dataDir,
      LOREHOUSE_MODELS_DIR: path.join(dataDir, 'models'),
      BASE_MODEL: base,
      DATABASE_URL: 'databaseUrl' in address ? address.databaseUrl : '',
    };
    runtime = await startRealRuntime(settings);
    client = createRuntimeClient({ socketPath: runtime.socketPath });
    queue = await openPgBossQueue({
      db,
      role: 'send',
      onError: (error) => {
        throw error;
      },
    });
    deps = {
      db,
      queue,
      runtime: client,
      dataSets: createFrozenDataSets({ db, blobs: createBlobStore(layout.dataSetsDir) }),
      findBase: createBaseFinder({
        dataDir,
        modelsDir: path.join(dataDir, 'models'),
        baseModel: base,
        embeddingModel: 'all-minilm-l6-v2-int8',
        isBaseModelSet: true,
        isEmbeddingModelSet: false,
      }),
      weightCacheDir: layout.weightCacheDir,
      matrixRateFile: layout.matrixRateFile,
    };
  }, 60_000);
  afterAll(async () => {
    for (const worker of workers) worker.kill('SIGKILL');
    await queue.stop();
    await client.close();
    // Its data directory is the database's as well, which removes it.
    runtime.process.kill('SIGTERM');
    await once(runtime.process, 'exit');
  });

  const startWorker = () => {
    const worker = spawn(process.execPath, [WORKER], {
      env: { ...process.env, ...settings, RUNTIME_URL: '', LOG_LEVEL: 'error', LOREHOUSE_THREADS: '1' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    workers.push(worker);
    return worker;
  };

  async function addWorkspace() {
    const { db } = getDatabase();
    const slug = `w-${randomUUID()}`;
    const [row] = await db.insert(workspaces).values({ slug, name: slug }).returning();
    if (!row) throw new Error('insert of a workspace returned no row');
    const blobs = createBlobStore(layout.dataSetsDir);
    const files = {
      train: toLines(rows.slice(0, 32)),
      validation: toLines(rows.slice(32, 36)),
      heldOut: toLines(rows.slice(36)),
    };
    for (const text of Object.values(files))
      await blobs.put(
        (async function* () {
          yield new TextEncoder().encode(text);
        })(),
        { maxBytes: 1e6 },
      );
    const [dataSet] = await db
      .insert(dataSets)
      .values({ workspaceId: row.id, name: 'Codes', language: '', maxRowTokens: 512 })
      .returning();
    if (!dataSet) throw new Error('insert of a data set returned no row');
    const [version] = await db
      .insert(dataSetVersions)
      .values({
        workspaceId: row.id,
        dataSetId: dataSet.id,
        ordinal: 1,
        sha256: hash(Object.values(files).join('')),
        trainSha256: hash(files.train),
        validationSha256: hash(files.validation),
        heldOutSha256: hash(files.heldOut),
        trainRows: 32,
        validationRows: 4,
        heldOutRows: 4,
        settings: {},
      })
      .returning();
    if (!version) throw new Error('insert of a version returned no row');
    const may = <P extends Parameters<typeof authorizeSystem>[2]>(permission: P) =>
      authorizeSystem('test', row.id, permission);
    return {
      id: row.id,
      dataSetVersionId: version.id,
      access: { data: await may('dataset.read'), adapters: await may('adapter.write') },
      read: await may('adapter.read'),
      cancel: await may('run.cancel'),
    };
  }
  type Workspace = Awaited<ReturnType<typeof addWorkspace>>;

  const start = (workspace: Workspace, changes: object = {}) =>
    startTraining(deps, workspace.access, {
      dataSetVersionId: workspace.dataSetVersionId,
      adapterName: 'Voice',
      notes: '',
      config: { ...config, ...changes },
      threads: 1,
      questions: ['code 3?'],
    });

  const readRun = async (runId: string) => {
    const [run] = await getDatabase().db.select().from(runs).where(eq(runs.id, runId));
    if (!run) throw new Error(`no run ${runId}`);
    return run;
  };
  const waitUntilOver = async (runId: string) => {
    for (;;) {
      const run = await readRun(runId);
      if (isOver(run.state)) return run;
      await delay(POLL_MS);
    }
  };
  /** Wait until the trainer has done so many steps. */
  const waitForStep = async (trainingRunId: string, runId: string, step: number) => {
    for (;;) {
      const [row] = await getDatabase()
        .db.select({ step: sql<number>`coalesce(max(${trainingPoints.step}), 0)::int` })
        .from(trainingPoints)
        .where(eq(trainingPoints.trainingRunId, trainingRunId));
      if ((row?.step ?? 0) >= step) return;
      const run = await readRun(runId);
      if (isOver(run.state)) throw new Error(`too late: ${run.state} ${run.errorMessage}`);
      await delay(POLL_MS);
    }
  };
  const readArtifact = async (trainingRunId: string) => {
    const [training] = await getDatabase().db.select().from(trainingRuns).where(eq(trainingRuns.id, trainingRunId));
    return training?.artifactSha256;
  };
  const readLog = async (trainingRunId: string) =>
    (
      await getDatabase()
        .db.select()
        .from(trainingLog)
        .where(eq(trainingLog.trainingRunId, trainingRunId))
        .orderBy(trainingLog.sequence)
    ).map(({ message }) => message);

  it(
    'becomes a version with its lineage: curves, samples, canary and all',
    async () => {
      const { db } = getDatabase();
      startWorker();
      const workspace = await addWorkspace();
      const { trainingRunId, runId } = await start(workspace);
      const run = await waitUntilOver(runId);
      expect(run).toMatchObject({ state: 'succeeded', errorMessage: null, attempt: 1 });
      const [training] = await db.select().from(trainingRuns).where(eq(trainingRuns.id, trainingRunId));
      expectedSha256 = training?.artifactSha256 ?? '';
      const outcome = trainingOutcomeSchema.parse(training?.outcome);
      expect(outcome).toMatchObject({ result: { outcome: 'finished', steps: STEPS }, canary: { reasons: [] } });
      expect(outcome.result.heldOut?.adapterLoss).toBeLessThan(outcome.result.heldOut?.baseLoss ?? 0);

      const points = await db.select().from(trainingPoints).where(eq(trainingPoints.trainingRunId, trainingRunId));
      expect(points.filter(({ kind }) => kind === 'step')).toHaveLength(STEPS);
      expect(points.filter(({ kind }) => kind === 'validation').map(({ step }) => step)).toEqual(
        expect.arrayContaining([0, 40, STEPS]),
      );
      const samples = await db.select().from(trainingSamples).where(eq(trainingSamples.trainingRunId, trainingRunId));
      expect(samples.find(({ step }) => step === 0)?.adapterSha256).toBeNull();
      expect(samples.find(({ step }) => step === STEPS)).toMatchObject({ answer: 'It is so.', finishReason: 'stop' });

      const [version] = await db
        .select()
        .from(adapterVersions)
        .where(eq(adapterVersions.id, training?.resultVersionId ?? ''));
      expect(version).toMatchObject({
        workspaceId: workspace.id,
        number: 1,
        origin: 'trained',
        sha256: expectedSha256,
        baseSha256: hash(await readFile(settings['BASE_MODEL'] ?? '')),
        lineage: { trainingRunId, dataSet: { versionId: workspace.dataSetVersionId, name: 'Codes, version 1' } },
        metrics: { 'training-steps': STEPS },
      });
      expect(hash(await readFile(path.join(layout.adaptersDir, `${expectedSha256}.gguf`)))).toBe(expectedSha256);
      // Samples of checkpoints are gone, and what the version has is not kept twice.
      expect((await readdir(layout.adaptersDir)).filter((name) => name.endsWith('.gguf'))).toEqual([
        `${expectedSha256}.gguf`,
      ]);
      expect(await readdir(path.join(layout.trainingDir, trainingRunId))).not.toContain('checkpoints');

      const other = await addWorkspace();
      await expect(readTraining(deps, other.read, trainingRunId)).rejects.toMatchObject({ code: 'training.not-found' });
      await expect(start({ ...other, dataSetVersionId: workspace.dataSetVersionId })).rejects.toMatchObject({
        code: 'dataset.not-found',
      });
      expect(await readTraining(deps, workspace.read, trainingRunId)).toMatchObject({ id: trainingRunId, queue: null });
      expect(await listTrainings(deps, workspace.read, 10)).toHaveLength(1);
      expect(await listTrainings(deps, other.read, 10)).toEqual([]);
    },
    TRAINED_TIMEOUT_MS,
  );

  it(
    'goes on from its checkpoint when the trainer is killed, and ends with the same bytes',
    async () => {
      const { trainingRunId, runId } = await start(await addWorkspace());
      await waitForStep(trainingRunId, runId, 60);
      const holder = await readLockHolder(layout.trainingLockFile);
      if (holder === null) throw new Error('no trainer is at work');
      process.kill(holder.pid, 'SIGKILL');
      expect(await waitUntilOver(runId)).toMatchObject({ state: 'succeeded', attempt: 2 });
      expect(await readArtifact(trainingRunId)).toBe(expectedSha256);
      const log = (await readLog(trainingRunId)).join('\n');
      expect(log).toMatch(/was killed \(SIGKILL\)/);
      expect(log).toMatch(/Goes on from the checkpoint of step [1-9]\d*/);
    },
    TRAINED_TIMEOUT_MS,
  );

  it(
    'takes its trainer along when the worker is killed; the next worker goes on to the same bytes',
    async () => {
      const { trainingRunId, runId } = await start(await addWorkspace());
      await waitForStep(trainingRunId, runId, 60);
      const worker = workers.at(-1);
      if (!worker) throw new Error('no worker is at work');
      worker.kill('SIGKILL');
      await once(worker, 'exit');
      // The trainer has noticed the broken pipe when it has let go of the device.
      while ((await readLockHolder(layout.trainingLockFile)) !== null) await delay(POLL_MS);
      expect(existsSync(path.join(layout.trainingDir, trainingRunId, 'adapter.gguf'))).toBe(false);
      // As if the time after which a silent worker is given up had passed.
      await getDatabase()
        .db.update(runs)
        .set({ heartbeatAt: sql`now() - interval '1 hour'` })
        .where(eq(runs.id, runId));
      startWorker();
      expect(await waitUntilOver(runId)).toMatchObject({ state: 'succeeded', attempt: 2 });
      expect(await readArtifact(trainingRunId)).toBe(expectedSha256);
    },
    TRAINED_TIMEOUT_MS,
  );

  it(
    'stops with a checkpoint when it is cancelled, and goes on when it is tried again',
    async () => {
      const workspace = await addWorkspace();
      const { trainingRunId, runId } = await start(workspace);
      await waitForStep(trainingRunId, runId, 60);
      await cancelRun(deps, workspace.cancel, runId);
      expect(await waitUntilOver(runId)).toMatchObject({ state: 'cancelled' });
      expect(await readLockHolder(layout.trainingLockFile)).toBeNull();
      expect(await readdir(path.join(layout.trainingDir, trainingRunId, 'checkpoints'))).not.toEqual([]);
      expect((await readLog(trainingRunId)).at(-1)).toContain('Cancelled');
      await retryRun(deps, workspace.cancel, runId);
      expect(await waitUntilOver(runId)).toMatchObject({ state: 'succeeded' });
      expect(await readArtifact(trainingRunId)).toBe(expectedSha256);
    },
    TRAINED_TIMEOUT_MS,
  );

  it(
    'fails with the reason, and keeps the files, when the adapter changes nothing',
    async () => {
      const { trainingRunId, runId } = await start(await addWorkspace(), { learningRate: 1e-9, maxSteps: 12 });
      const run = await waitUntilOver(runId);
      expect(run).toMatchObject({ state: 'failed', errorCode: 'training.canary-failed' });
      expect(run.errorMessage).toContain('changes nothing');
      expect(await readdir(path.join(layout.trainingDir, trainingRunId))).toContain('adapter.gguf');
    },
    TRAINED_TIMEOUT_MS,
  );

  it('fails in words when a row set or an option cannot be trained on', async () => {
    const workspace = await addWorkspace();
    await expect(start(workspace, { sequenceTokens: 1024 })).rejects.toMatchObject({ code: 'input.invalid' });
    await expect(start(workspace, { lora: { topLayers: 3 } })).rejects.toThrow('2 layers');
    await expect(start(workspace, { rank: 3 })).rejects.toThrow('training options');
    await expect(start(workspace, { sequenceTokens: 16 })).rejects.toThrow('no row fits');
  });

  it(
    'writes every option to the run as it was asked for',
    async () => {
      const workspace = await addWorkspace();
      const asked = {
        lora: {
          rank: 4,
          alpha: 12,
          isRankStabilised: true,
          dropout: 0.2,
          modules: ['q_proj', 'down_proj'],
          topLayers: 1,
        },
        learningRate: 0.002,
        schedule: 'linear',
        warmupShare: 0.2,
        weightDecay: 0.01,
        maxGradientNorm: 0.5,
        epochs: 3,
        maxSteps: 3,
        sequenceTokens: 96,
        isPacked: false,
        microBatch: 2,
        accumulation: 3,
        isLossOnAssistantOnly: false,
        seed: 11,
        validationInterval: 2,
        patience: 7,
        checkpointInterval: 1,
      };
      const { trainingRunId, runId } = await start(workspace, asked);
      await waitUntilOver(runId);
      const written: { config: unknown } = JSON.parse(
        await readFile(path.join(layout.trainingDir, trainingRunId, 'run.json'), 'utf8'),
      );
      expect(written.config).toEqual(asked);
    },
    TRAINED_TIMEOUT_MS,
  );
});
