/** The product's own processes, all but the web, on a throw-away data directory with the demo documents. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createDatabase, type Database } from '#db/client.ts';
import { ENGINE_STACK_KIB } from '#db/embedded/engine-stack.ts';
import { createPeopleStore } from '#db/repositories/people.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { listDocumentViews } from '#lib/ingestion/read-documents.ts';
import { createRuntimeClient, type HttpRuntimeClient } from '#lib/runtime/client.ts';
import { allocatorEnvironment } from '#lib/runtime/server/allocator.ts';
import { demoFolder, questionFileSchema } from '../demo/demo-questions.ts';
import { acceptsConnections } from '../start/network.ts';
import { Supervisor } from '../start/supervisor.ts';

const run = promisify(execFile);
const root = path.join(import.meta.dirname, '../..');
const READY_TIMEOUT_MS = 300_000;
const POLL_MS = 250;

export interface StartedProduct {
  readonly dataDir: string;
  readonly db: Database;
  readonly runtime: HttpRuntimeClient;
  /** A member's access to the demo workspace. */
  readonly access: Authorized<'chat.use'>;
  /** Questions that the demo documents answer. */
  readonly questions: readonly string[];
  close(): Promise<void>;
}

/**
 * Start embedded database, inference server and worker as `npm start` does, and wait until the demo documents are indexed.
 * @param settings of the processes, beside the data directory
 */
export async function startProduct(settings: Readonly<Record<string, string>>): Promise<StartedProduct> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'bench-'));
  const layout = describeDataDir(dataDir);
  const env: NodeJS.ProcessEnv = {
    ...allocatorEnvironment,
    ...process.env,
    NODE_ENV: 'production',
    ...settings,
    LOREHOUSE_DATA_DIR: dataDir,
  };
  const crashes: string[] = [];
  const supervisor = new Supervisor({
    onEvent: (event) => {
      if (event.kind === 'crashed') crashes.push(`${event.name} ${event.reason}`);
    },
  });
  const start = (
    name: string,
    stopTier: number,
    isReady: (hasSaidReady: boolean) => Promise<boolean>,
    nodeFlags: readonly string[] = [],
  ) =>
    supervisor.start({
      name,
      command: process.execPath,
      args: [...nodeFlags, path.join(root, `scripts/${name}.ts`)],
      cwd: root,
      env,
      logFile: path.join(layout.logsDir, `${name}.log`),
      readyTimeoutMs: READY_TIMEOUT_MS,
      isReady,
      stopTier,
    });
  const runOnce = (name: string, ...args: string[]) =>
    run(process.execPath, [path.join(root, `scripts/${name}.ts`), ...args], { cwd: root, env });

  const runtime = createRuntimeClient({ socketPath: layout.runtimeSocket });
  const database = createDatabase({ socketDir: layout.databaseSocketDir });
  const close = async () => {
    await runtime.close();
    await database.close();
    await supervisor.stop();
    await rm(dataDir, { recursive: true, force: true });
    if (crashes.length > 0) throw new Error(`a process crashed while it was measured: ${crashes.join('; ')}`);
  };
  try {
    const databaseSocket = path.join(layout.databaseSocketDir, '.s.PGSQL.5432');
    await start('embedded-db', 1, () => acceptsConnections(databaseSocket), [`--stack-size=${ENGINE_STACK_KIB}`]);
    await runOnce('prepare-database');
    await start('runtime', 0, async () => (await runtime.readStatus()).state !== 'loading');
    await start('worker', 0, async (hasSaidReady) => hasSaidReady);
    await runOnce('seed', 'demo');
    const access = await joinDemo(database.db);
    await waitForDocuments(database.db, access.workspaceId);
    return { dataDir, db: database.db, runtime, access, questions: await readQuestions(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function joinDemo(db: Database): Promise<Authorized<'chat.use'>> {
  const people = createPeopleStore(db);
  const workspaceId = await people.workspaces.findDemoId();
  if (workspaceId === null) throw new Error('seeding made no demo workspace');
  const { id: userId } = await people.users.create({
    name: 'Benchmark',
    email: 'benchmark@localhost',
    passwordHash: '',
    isInstanceOwner: false,
  });
  await people.memberships.add({ workspaceId, userId, role: 'member' });
  return authorize(people, { kind: 'user', userId, isInstanceOwner: false }, workspaceId, 'chat.use');
}

async function waitForDocuments(db: Database, workspaceId: string): Promise<void> {
  const access = await authorizeSystem('benchmark', workspaceId, 'document.read');
  for (;;) {
    const documents = await listDocumentViews({ db }, access);
    const failed = documents.find(({ state }) => state === 'failed' || state === 'cancelled');
    if (failed) throw new Error(`${failed.fileName} could not be indexed: ${failed.error?.message ?? failed.state}`);
    if (documents.length > 0 && documents.every(({ state }) => state === 'ready')) return;
    await wait(POLL_MS);
  }
}

async function readQuestions(): Promise<string[]> {
  const text = await readFile(new URL('questions.json', demoFolder), 'utf8');
  const { questions } = questionFileSchema.parse(JSON.parse(text));
  return questions.filter(({ answerable }) => answerable).map(({ question }) => question);
}
