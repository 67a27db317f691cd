import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { readTestDatabaseUrl } from '#lib/config/env.ts';

const run = promisify(execFile);

/** A server for tests that ends with `stop()`, or why there is none. */
export type TestPostgres = { readonly url: string; readonly stop: () => Promise<void> } | { readonly skipped: string };

/** A user of the system that PostgreSQL runs as: it refuses root. */
interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

const START_TIMEOUT_MS = 30_000;
const CACHE_DIR = path.join(import.meta.dirname, '../../.cache/test-postgres');
const isRoot = process.getuid?.() === 0;

/**
 * PostgreSQL with pgvector for the database tests: the server that TEST_DATABASE_URL names, else a throw-away cluster of the
 * PostgreSQL on this machine. As root on Debian or Ubuntu, what is missing is installed first (once; about 20 s).
 * @returns a server, or the reason why the suites run on the embedded database only
 * @throws Error when TEST_DATABASE_URL is set and does not serve: a wish that fails is not skipped
 */
export async function ensureTestPostgres(): Promise<TestPostgres> {
  const given = readTestDatabaseUrl();
  if (given !== undefined) {
    await requireVector(given);
    return { url: given, stop: async () => undefined };
  }
  try {
    const binDir = (await findBinDir()) ?? (await installServer());
    if (!(await hasVector(binDir))) await installVector(binDir);
    return await startCluster(binDir);
  } catch (error) {
    return { skipped: `${error instanceof Error ? error.message : String(error)} (or set TEST_DATABASE_URL)` };
  }
}

async function requireVector(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    const { rowCount } = await client.query("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'");
    if (rowCount === 0) throw new Error('the server lacks the extension pgvector');
  } catch (cause) {
    throw new Error('TEST_DATABASE_URL names no usable PostgreSQL with pgvector', { cause });
  } finally {
    await client.end();
  }
}

/** The newest PostgreSQL of Debian's layout, else the one that pg_config in the PATH knows. */
async function findBinDir(): Promise<string | null> {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? (await readdir(root)).map(Number).filter(Number.isInteger) : [];
  for (const version of versions.sort((a, b) => b - a)) {
    const binDir = path.join(root, String(version), 'bin');
    if (existsSync(path.join(binDir, 'initdb'))) return binDir;
  }
  try {
    const binDir = (await run('pg_config', ['--bindir'])).stdout.trim();
    return existsSync(path.join(binDir, 'initdb')) ? binDir : null;
  } catch {
    return null;
  }
}

async function hasVector(binDir: string): Promise<boolean> {
  const { stdout } = await run(path.join(binDir, 'pg_config'), ['--sharedir']);
  return existsSync(path.join(stdout.trim(), 'extension', 'vector.control'));
}

async function apt(...args: readonly string[]): Promise<void> {
  if (!isRoot || !existsSync('/usr/bin/apt-get')) {
    throw new Error('PostgreSQL with pgvector is not installed, and only root on Debian or Ubuntu may install it here');
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', ...args], { env, maxBuffer: 64 * 1024 * 1024 });
}

async function installServer(): Promise<string> {
  await apt('update');
  await apt('install', '-y', '--no-install-recommends', 'postgresql');
  const binDir = await findBinDir();
  if (binDir === null) throw new Error('the package postgresql is installed and brought no initdb');
  return binDir;
}

async function installVector(binDir: string): Promise<void> {
  const { stdout } = await run(path.join(binDir, 'postgres'), ['--version']);
  const major = /\d+/.exec(stdout)?.[0];
  if (major === undefined) throw new Error(`${binDir}/postgres does not tell its version`);
  await apt('update');
  try {
    await apt('install', '-y', '--no-install-recommends', `postgresql-${major}-pgvector`);
  } catch {
    // Debian 12 has no such package; the source package of Debian 13 builds there.
    await apt('install', '-y', '--no-install-recommends', 'build-essential', `postgresql-server-dev-${major}`);
    await buildVector(path.join(binDir, 'pg_config'));
  }
  if (!(await hasVector(binDir))) throw new Error(`pgvector is installed, but not for the PostgreSQL in ${binDir}`);
}

/** Lists and sources stay in a directory of ours: the system's own package sources are not touched. */
async function buildVector(pgConfig: string): Promise<void> {
  const sourceDir = path.join(CACHE_DIR, 'pgvector');
  const listsDir = path.join(CACHE_DIR, 'lists');
  await rm(sourceDir, { recursive: true, force: true });
  await mkdir(path.join(sourceDir, 'build'), { recursive: true });
  await mkdir(path.join(listsDir, 'partial'), { recursive: true });
  const sources = path.join(CACHE_DIR, 'sources.list');
  await writeFile(sources, 'deb-src http://deb.debian.org/debian trixie main\n');
  const options = [
    `Dir::Etc::SourceList=${sources}`,
    'Dir::Etc::SourceParts=-',
    `Dir::State::Lists=${listsDir}`,
    'Dir::Cache::srcpkgcache=',
    'Dir::Cache::pkgcache=',
    // The downloader's own user cannot write here.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  await apt(...options, 'update');
  const env = { ...process.env };
  await run('apt-get', ['-qq', ...options, 'source', '--download-only', 'pgvector'], { cwd: sourceDir, env });
  const archive = (await readdir(sourceDir)).find((name) => name.includes('.orig.tar.'));
  if (archive === undefined) throw new Error('the source package of pgvector holds no source archive');
  const buildDir = path.join(sourceDir, 'build');
  await run('tar', ['-xf', path.join(sourceDir, archive), '-C', buildDir, '--strip-components=1']);
  // Without OPTFLAGS it is compiled for this processor only, and a cached machine image may meet another.
  const make = ['OPTFLAGS=', `PG_CONFIG=${pgConfig}`];
  await run('make', ['-C', buildDir, ...make], { maxBuffer: 64 * 1024 * 1024 });
  await run('make', ['-C', buildDir, ...make, 'install'], { maxBuffer: 64 * 1024 * 1024 });
}

async function findUnprivilegedUser(): Promise<SystemUser | null> {
  if (!isRoot) return null;
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    } catch {
      // This system has no such user; the next may exist.
    }
  }
  throw new Error('PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody');
}

/** Reached by a socket in a directory of its owner only, so no password; fsync stays on, as in production. */
async function startCluster(binDir: string): Promise<TestPostgres> {
  const user = await findUnprivilegedUser();
  const directory = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-pg-'));
  const dataDir = path.join(directory, 'data');
  let server: ChildProcess | null = null;
  const stop = async () => {
    await stopServer(server);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    if (user !== null) await chown(directory, user.uid, user.gid);
    // The current directory may be closed to that user, and initdb insists on returning to it.
    const asUser = { cwd: directory, ...user };
    const locale = process.platform === 'linux' ? 'C.UTF-8' : 'C';
    const initdb = ['-D', dataDir, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', `--locale=${locale}`, '--no-sync'];
    await run(path.join(binDir, 'initdb'), initdb, asUser);
    const settings = ['listen_addresses=', `unix_socket_directories=${directory}`, 'fsync=on', 'max_connections=60'];
    server = spawn(path.join(binDir, 'postgres'), ['-D', dataDir, ...settings.flatMap((s) => ['-c', s])], {
      ...asUser,
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    const url = `postgres://postgres@localhost/postgres?host=${encodeURIComponent(directory)}`;
    await waitUntilReady(url, server);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function waitUntilReady(url: string, server: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      await requireVector(url);
      return;
    } catch (error) {
      if (server.exitCode !== null || Date.now() > deadline) {
        throw new Error('the throw-away PostgreSQL did not start', { cause: error });
      }
      await wait(100);
    }
  }
}

/** SIGINT is PostgreSQL's fast shutdown: sessions are ended, what is committed is written. */
async function stopServer(server: ChildProcess | null): Promise<void> {
  if (server === null || server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGINT');
  await ended;
}
