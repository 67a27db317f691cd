import { createHash, randomUUID } from 'node:crypto';
import { rm, utimes } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { and, asc, eq, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase, type DatabaseHandle } from '#db/client.ts';
import { ENGINE_STACK_KIB } from '#db/embedded/engine-stack.ts';
import { archiveEntries, archives, documentPages, documents, documentVersions } from '#db/schema/documents.ts';
import { runs } from '#db/schema/runs.ts';
import { indexConfigs, workspaces } from '#db/schema/workspaces.ts';
import { createEmbeddedDirectory } from '#db/testing/test-database.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv, readTestKills } from '#lib/config/env.ts';
import { isProcessAlive } from '#lib/config/process-lock.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError } from '#lib/domain/errors.ts';
import { addUpload } from '#lib/ingestion/add-document.ts';
import { type BlobStore, createBlobStore } from '#lib/ingestion/blob-store.ts';
import { deleteDocument } from '#lib/ingestion/delete-document.ts';
import { startRebuild } from '#lib/ingestion/rebuild-index.ts';
import type { JobConsumer } from '#lib/jobs/job-queue.ts';
import { openPgBossQueue } from '#lib/jobs/pg-boss-queue.ts';
import { createRuntimeClient, type HttpRuntimeClient } from '#lib/runtime/client.ts';
import { dumpIndex } from '#lib/testing/dump-index.ts';
import { streamText } from '#lib/testing/ingestion-stage.ts';
import { makeArchive } from '#lib/testing/make-archive.ts';
import { acceptsConnections } from './start/network.ts';
import { type Clock, HEALTHY_MS, Supervisor, systemClock } from './start/supervisor.ts';

/**
 * `kill -9` of the worker, the runtime and the database while documents are uploaded, read, split, embedded, indexed,
 * unpacked, indexed anew and deleted: real processes under the product's own supervisor, the real embedding model. Afterwards
 * nothing waits for ever, and the database holds exactly what it holds when nobody is killed.
 *
 * Once at each stage by default, which takes two minutes; `TEST_KILLS=50` goes through every stage with every process.
 */

const PROCESSES = ['worker', 'embedded-db', 'runtime'] as const;
type ProcessName = (typeof PROCESSES)[number];

const READY_TIMEOUT_MS = 120_000;
/** A document of this test takes seconds; a killed database costs it the time until the next look for orphans. */
const SETTLE_TIMEOUT_MS = 180_000;
const POLL_MS = 3;
/** Kills come at once or up to this much later, so that they meet different statements of a stage. */
const MAX_JITTER_MS = 40;
const TRIES_TO_MEET_A_STAGE = 8;

interface Bench {
  readonly workspaceId: string;
  readonly write: Authorized<'document.write'>;
}

interface Scenario {
  /** As a run's row shows it; null: while `act` is under way. */
  readonly stage: string | null;
  /** What has to be there before, all of it indexed. */
  readonly prepare?: (bench: Bench) => Promise<void>;
  /** What a person does, and does again when it fails. */
  readonly act: (bench: Bench) => Promise<void>;
}

const manual = (name: string, steps: number) =>
  [
    `# Manual of the ${name}`,
    ...Array.from(
      { length: steps },
      (_, index) =>
        `${index % 12 === 0 ? `## Part ${index / 12}\n\n` : ''}Step ${index} of ${name}: turn the valve MX-${7000 + index} to the left until it stops, then wait for the lamp ${index % 9} to go out.`,
    ),
  ].join('\n\n');

const upload = async ({ write }: Bench, fileName: string, content: string | Buffer) => {
  const stream = typeof content === 'string' ? streamText(content) : streamBytes(content);
  return addUpload({ db: database.db, queue, blobs }, write, { fileName, stream });
};

async function* streamBytes(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const uploadManual = async (bench: Bench) => {
  await upload(bench, 'pump.md', manual('pump', 120));
};

/** So long that cutting it, and entering its terms, lasts long enough to be shown as a stage. */
const uploadHandbook = async (bench: Bench) => {
  await upload(bench, 'handbook.md', manual('lathe', 2000));
};

const uploadShort = async (bench: Bench) => {
  const names = ['anchor', 'bracket', 'clamp', 'dowel', 'elbow', 'flange', 'gasket', 'hinge', 'insert', 'joint'];
  await Promise.all(names.map((name) => upload(bench, `${name}.md`, manual(name, 5))));
};

/** Unless that is done already, by a try whose answer was lost. */
const unless = (code: string) => (error: unknown) => {
  if (!AppError.isInstance(error) || error.code !== code) throw error;
};

const vise = manual('vise', 20);
/** A deletion waits until a file is a minute old: five seconds are left of it here. */
const VISE_AGE_MS = 55_000;

const scenarios: readonly Scenario[] = [
  { stage: null, act: uploadShort },
  { stage: 'extracting', act: uploadManual },
  { stage: 'splitting', act: uploadHandbook },
  { stage: 'embedding', act: uploadManual },
  { stage: 'indexing', act: uploadHandbook },
  // Each of them is written in one transaction.
  { stage: 'extracting', act: uploadShort },
  {
    stage: 'unpacking',
    act: async (bench) => {
      const names = ['flange', 'gasket', 'hinge', 'insert', 'joint', 'knob', 'lever', 'muff'];
      const files = names.map((name) => ({ name: `${name}.md`, content: manual(name, 5) }));
      // The same archive again is another archive: a person looks first whether it is there.
      const [known] = await database.db.select().from(archives).where(eq(archives.workspaceId, bench.workspaceId));
      if (!known) await upload(bench, 'parts.zip', makeArchive(files));
    },
  },
  {
    stage: 'indexing documents',
    prepare: uploadManual,
    act: async ({ write }) => {
      const sizes = { chunkSizeTokens: 100, chunkOverlapTokens: 10 };
      const started = startRebuild({ db: database.db, queue, runtime }, write, sizes);
      await started.catch(unless('index.rebuild-running')).catch(unless('index.unchanged'));
    },
  },
  {
    stage: 'waiting',
    prepare: async (bench) => {
      await upload(bench, 'vise.md', vise);
    },
    act: async ({ workspaceId, write }) => {
      const [version] = await database.db
        .select()
        .from(documentVersions)
        .where(eq(documentVersions.workspaceId, workspaceId));
      if (!version) return;
      const changedAt = new Date(Date.now() - VISE_AGE_MS);
      await utimes(blobs.locate(version.blobSha256), changedAt, changedAt).catch(() => undefined);
      const deleted = deleteDocument({ db: database.db, queue }, write, version.documentId);
      await deleted.catch(unless('document.not-found'));
    },
  },
];

let dataDir: string;
let database: DatabaseHandle;
let runtime: HttpRuntimeClient;
let queue: JobConsumer;
let blobs: BlobStore;
let supervisor: Supervisor;
const restarts = new Map<string, number>();

/** Restarts without the growing pauses: the 50th kill is not to wait half a minute. */
let aheadMs = 0;
const clock: Clock = {
  nowMs: () => performance.now() + aheadMs,
  sleep: (ms, signal) => (ms < 500 ? systemClock.sleep(ms, signal) : Promise.resolve()),
};

beforeAll(async () => {
  dataDir = await createEmbeddedDirectory();
  const layout = describeDataDir(dataDir);
  const socket = path.join(layout.databaseSocketDir, '.s.PGSQL.5432');
  supervisor = new Supervisor({
    clock,
    onEvent(event) {
      if (event.kind === 'ready') restarts.set(event.name, (restarts.get(event.name) ?? 0) + 1);
    },
  });
  const start = (name: ProcessName, isReady: (hasSaidReady: boolean) => Promise<boolean>, flags: string[] = []) =>
    supervisor.start({
      name,
      command: process.execPath,
      args: [...flags, path.join(import.meta.dirname, `${name}.ts`)],
      cwd: path.dirname(import.meta.dirname),
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'production',
        LOREHOUSE_DATA_DIR: dataDir,
        LOREHOUSE_MODELS_DIR: loadEnv().modelsDir,
        BASE_MODEL: 'none',
        LOREHOUSE_GPU: 'off',
        LOREHOUSE_THREADS: '1',
      },
      logFile: path.join(layout.logsDir, `${name}.log`),
      readyTimeoutMs: READY_TIMEOUT_MS,
      isReady,
      stopTier: name === 'embedded-db' ? 1 : 0,
    });
  await start('embedded-db', () => acceptsConnections(socket), [`--stack-size=${ENGINE_STACK_KIB}`]);
  database = createDatabase({ socketDir: layout.databaseSocketDir });
  await start('runtime', async (hasSaidReady) => hasSaidReady);
  await start('worker', async (hasSaidReady) => hasSaidReady);
  runtime = createRuntimeClient({ socketPath: layout.runtimeSocket });
  blobs = createBlobStore(layout.blobsDir);
  queue = await openPgBossQueue({ db: database.db, role: 'send', onError: () => undefined });
});

afterAll(async () => {
  await queue?.stop();
  await runtime?.close();
  await database?.close();
  await supervisor?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Again and again while a process is down. */
async function reliably<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(100);
    }
  }
}

async function openBench(): Promise<Bench> {
  const slug = `w-${randomUUID()}`;
  const [row] = await database.db.insert(workspaces).values({ slug, name: slug }).returning();
  if (!row) throw new Error('insert of a workspace returned no row');
  return { workspaceId: row.id, write: await authorizeSystem('test', row.id, 'document.write') };
}

const listRuns = ({ workspaceId }: Bench) =>
  database.db.select().from(runs).where(eq(runs.workspaceId, workspaceId)).orderBy(asc(runs.kind));

async function settle(bench: Bench): Promise<void> {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const open = (await reliably(() => listRuns(bench))).filter(
      ({ state }) => state === 'queued' || state === 'running',
    );
    if (open.length === 0) return;
    if (performance.now() > deadline) throw new Error(`stuck: ${JSON.stringify(open)}`);
    await delay(50);
  }
}

const sorted = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).sort();

/** What a workspace holds, without ids and times. What is there twice is listed twice. */
async function describeWorkspace(bench: Bench): Promise<unknown> {
  const { db } = database;
  const { workspaceId } = bench;
  const here = (table: { readonly workspaceId: PgColumn }) => eq(table.workspaceId, workspaceId);
  const versions = await db
    .select({ name: documents.fileName, deletedAt: documents.deletedAt, version: documentVersions.ordinal })
    .from(documents)
    .leftJoin(documentVersions, eq(documentVersions.documentId, documents.id))
    .where(here(documents));
  const answering = await db
    .select({ name: documents.fileName })
    .from(documents)
    .innerJoin(documentVersions, eq(documentVersions.id, documents.currentVersionId))
    .where(here(documents));
  const pages = await db
    .select({ page: documentPages.pageNumber, text: documentPages.text })
    .from(documentPages)
    .where(here(documentPages));
  const entries = await db
    .select({ name: archiveEntries.name, outcome: archiveEntries.outcome })
    .from(archiveEntries)
    .where(here(archiveEntries));
  const indexes = await db
    .select({ size: indexConfigs.chunkSizeTokens })
    .from(indexConfigs)
    .where(and(here(indexConfigs), eq(indexConfigs.isActive, true)));
  const works = (await listRuns(bench)).map(({ kind, state, errorMessage }) => ({ kind, state, errorMessage }));
  const index = await dumpIndex(db, workspaceId);
  return {
    versions: sorted(versions),
    answering: sorted(answering),
    pages: sorted(pages),
    entries: sorted(entries),
    indexes,
    works: sorted(works),
    index: sorted(index),
  };
}

/** @returns false when all was over before that stage was seen */
async function waitForStage(bench: Bench, stage: string): Promise<boolean> {
  for (;;) {
    const rows = await listRuns(bench);
    if (rows.some((row) => row.state === 'running' && row.stage === stage)) return true;
    if (rows.every(({ state }) => state !== 'queued' && state !== 'running')) return false;
    await delay(POLL_MS);
  }
}

async function killAndAwaitReturn(name: ProcessName, bench: Bench): Promise<void> {
  const pid = supervisor.pidOf(name);
  if (pid === null) throw new Error(`${name} is not running`);
  const before = restarts.get(name) ?? 0;
  // The next crash is the first in a row again.
  aheadMs += HEALTHY_MS;
  process.kill(pid, 'SIGKILL');
  while (isProcessAlive(pid)) await delay(1);
  if (name === 'worker') {
    // As if the time after which a silent worker is given up had passed.
    await database.db
      .update(runs)
      .set({ heartbeatAt: sql`now() - interval '1 hour'` })
      .where(and(eq(runs.workspaceId, bench.workspaceId), eq(runs.state, 'running')));
  }
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while ((restarts.get(name) ?? 0) === before) {
    if (performance.now() > deadline) throw new Error(`${name} did not come back`);
    await delay(20);
  }
}

/** @returns null when the stage was over before it was seen */
async function meet(scenario: Scenario, name: ProcessName | null, jitterMs: number): Promise<unknown> {
  const bench = await reliably(openBench);
  await scenario.prepare?.(bench);
  await settle(bench);
  const acting = reliably(() => scenario.act(bench));
  let isMet = name === null;
  if (scenario.stage !== null) await acting;
  if (name !== null && (scenario.stage === null || (await waitForStage(bench, scenario.stage)))) {
    await delay(jitterMs);
    await killAndAwaitReturn(name, bench);
    isMet = true;
  }
  await acting;
  await settle(bench);
  return isMet ? reliably(() => describeWorkspace(bench)) : null;
}

const kills = readTestKills() ?? scenarios.length;
const plan = Array.from({ length: kills }, (_, index) => {
  const scenario = scenarios[index % scenarios.length];
  // One further with each round, so that every process is killed at every stage.
  const round = Math.floor(index / scenarios.length);
  const name = PROCESSES[(index + round) % PROCESSES.length];
  if (!scenario || !name) throw new Error('the plan is empty');
  const moment = scenario.stage === null ? 'during uploads' : `at “${scenario.stage}”`;
  return { scenario, name, moment, number: index + 1, jitterMs: (index * 17) % MAX_JITTER_MS };
});

/** What each scenario leaves when nobody is killed. */
const calm = new Map<Scenario, unknown>();

it.each(plan)(
  'loses, doubles and forgets nothing: kill $number, $name $moment',
  async ({ scenario, name, jitterMs }) => {
    if (!calm.has(scenario)) calm.set(scenario, await meet(scenario, null, 0));
    let outcome: unknown = null;
    for (let tries = 0; outcome === null && tries < TRIES_TO_MEET_A_STAGE; tries += 1) {
      outcome = await meet(scenario, name, jitterMs);
    }
    expect(outcome).not.toBeNull();
    expect(outcome).toEqual(calm.get(scenario));
  },
  2 * SETTLE_TIMEOUT_MS,
);

it('leaves no file of what was deleted', async () => {
  expect(await blobs.readAgeMs(createHash('sha256').update(vise).digest('hex'))).toBeNull();
});
