import { createHash, randomUUID } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { createDatabase, type DatabaseAddress, type DatabaseHandle } from '#db/client.ts';
import { type EmbeddedServerOptions, startEmbeddedServer } from '#db/embedded/embedded-server.ts';
import { migrateDatabase } from '#db/migrate.ts';
import { readTestDatabaseUrl } from '#lib/config/env.ts';
import { tryLock } from '#lib/config/process-lock.ts';

export type TestBackend = 'embedded' | 'postgres';

/** A migrated, empty database that nobody else uses. */
export interface TestDatabase extends DatabaseHandle {
  readonly backend: TestBackend;
  /** For a second pool, or for another process. */
  readonly address: DatabaseAddress;
  /** Ends the pool and removes the database. Idempotent. */
  close(): Promise<void>;
}

const CACHE_DIR = path.join(import.meta.dirname, '../../.cache/test-database');
const MIGRATIONS_DIR = path.join(import.meta.dirname, '../migrations');
const ADMIN_LOCK_KEY = 7_215_004_882;

/** The backends that tests can run on here; PostgreSQL only where TEST_DATABASE_URL names a server. */
export function listTestBackends(): readonly TestBackend[] {
  return readTestDatabaseUrl() === undefined ? ['embedded'] : ['embedded', 'postgres'];
}

/**
 * A fresh copy of a migrated template. The template is built once for each state of the migrations: as a directory in `.cache`
 * (some seconds), as a template database on PostgreSQL.
 * @param server settings of the embedded server that a test is about; without effect on PostgreSQL
 */
export function createTestDatabase(
  backend: TestBackend,
  server: Partial<Omit<EmbeddedServerOptions, 'databaseDir' | 'socketDir'>> = {},
): Promise<TestDatabase> {
  return backend === 'embedded' ? createEmbedded(server) : createOnPostgres();
}

async function createEmbedded(
  server: Partial<Omit<EmbeddedServerOptions, 'databaseDir' | 'socketDir'>>,
): Promise<TestDatabase> {
  const directory = await createEmbeddedDirectory();
  const address = { socketDir: path.join(directory, 'run') };
  const running = await startEmbeddedServer({
    databaseDir: path.join(directory, 'database'),
    ...address,
    durability: 'process',
    ...server,
  });
  const handle = createDatabase(address);
  return withCleanUp('embedded', address, handle, async () => {
    await running.stop();
    // A process that a test killed a moment ago may still be writing.
    await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  });
}

/**
 * A directory in the system's temporary one, laid out as a data directory: `database/` holds a migrated cluster.
 * The caller removes it.
 */
export async function createEmbeddedDirectory(): Promise<string> {
  const template = await ensureTemplateDirectory();
  const directory = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-db-'));
  await mkdir(path.join(directory, 'database'), { mode: 0o700 });
  await cp(path.join(template, 'cluster'), path.join(directory, 'database', 'cluster'), {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
  });
  return directory;
}

async function ensureTemplateDirectory(): Promise<string> {
  const directory = path.join(CACHE_DIR, await hashTemplate());
  for (;;) {
    if (existsSync(directory)) return directory;
    const attempt = await tryLock(`${directory}.lock`, 'test database template');
    if ('holder' in attempt) {
      await wait(100);
      continue;
    }
    try {
      if (!existsSync(directory)) await buildTemplateDirectory(directory);
    } finally {
      await attempt.lock.release();
    }
  }
}

async function buildTemplateDirectory(directory: string): Promise<void> {
  const draft = `${directory}.${randomUUID()}`;
  // Not below the cache: a checkout's path may be too long for a socket.
  const socketDir = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-db-'));
  try {
    const server = await startEmbeddedServer({ databaseDir: draft, socketDir, durability: 'process' });
    const handle = createDatabase({ socketDir });
    try {
      await migrateDatabase(handle.pool);
    } finally {
      await handle.close();
      await server.stop();
    }
    await rename(draft, directory);
  } finally {
    await rm(draft, { recursive: true, force: true });
    await rm(socketDir, { recursive: true, force: true });
  }
}

/** Changes with the migrations, the engine and the way a template is made. */
async function hashTemplate(): Promise<string> {
  const hash = createHash('sha256');
  const names = (await readdir(MIGRATIONS_DIR)).filter((name) => name.endsWith('.sql')).sort();
  const files = [
    ...names.map((name) => path.join(MIGRATIONS_DIR, name)),
    path.join(MIGRATIONS_DIR, 'meta/_journal.json'),
    path.join(import.meta.dirname, '../migrate.ts'),
    path.join(import.meta.dirname, '../../node_modules/@electric-sql/pglite/package.json'),
    path.join(import.meta.dirname, '../../node_modules/@electric-sql/pglite-pgvector/package.json'),
  ];
  for (const file of files) hash.update(file.slice(file.lastIndexOf('/'))).update(await readFile(file));
  return hash.digest('hex').slice(0, 16);
}

async function createOnPostgres(): Promise<TestDatabase> {
  const adminUrl = readTestDatabaseUrl();
  if (adminUrl === undefined) throw new Error('TEST_DATABASE_URL is not set; expected postgres://…');
  const template = await ensureTemplateDatabase(adminUrl);
  const name = `lorehouse_test_${randomUUID().replaceAll('-', '')}`;
  await runAsAdmin(adminUrl, (admin) => admin.query(`CREATE DATABASE ${name} TEMPLATE ${template}`));
  const address = { databaseUrl: withDatabaseName(adminUrl, name) };
  return withCleanUp('postgres', address, createDatabase(address), async () => {
    await runAsAdmin(adminUrl, (admin) => admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  });
}

async function ensureTemplateDatabase(adminUrl: string): Promise<string> {
  const template = `lorehouse_template_${await hashTemplate()}`;
  await runAsAdmin(adminUrl, async (admin) => {
    const { rowCount } = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [template]);
    if (rowCount !== 0) return;
    // The name appears when the work is done, so a killed run leaves a draft and no half template.
    const draft = `lorehouse_draft_${randomUUID().replaceAll('-', '')}`;
    await admin.query(`CREATE DATABASE ${draft}`);
    const handle = createDatabase({ databaseUrl: withDatabaseName(adminUrl, draft) });
    try {
      await migrateDatabase(handle.pool);
    } finally {
      await handle.close();
    }
    await admin.query(`ALTER DATABASE ${draft} RENAME TO ${template}`);
  });
  return template;
}

/** One process at a time: CREATE DATABASE refuses a template that somebody is copying or connected to. */
async function runAsAdmin(adminUrl: string, work: (admin: Client) => Promise<unknown>): Promise<void> {
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await admin.query('SELECT pg_advisory_lock($1)', [ADMIN_LOCK_KEY]);
    await work(admin);
  } finally {
    await admin.end();
  }
}

function withDatabaseName(adminUrl: string, name: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

function withCleanUp(
  backend: TestBackend,
  address: DatabaseAddress,
  handle: DatabaseHandle,
  remove: () => Promise<void>,
): TestDatabase {
  let closing: Promise<void> | null = null;
  return {
    ...handle,
    backend,
    address,
    close: () => (closing ??= handle.close().then(remove)),
  };
}
