import { existsSync } from 'node:fs';
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { tryLock } from '#lib/config/process-lock.ts';
import { AppError } from '#lib/domain/errors.ts';
import { Bridge } from './bridge.ts';
import { type Durability, type Engine, openEngine } from './engine.ts';

/** PostgreSQL's convention: a client given the directory as `host` connects to this name in it. */
export const SOCKET_NAME = '.s.PGSQL.5432';

/** Major version of PostgreSQL that the installed PGlite is; a cluster of another one cannot be opened. */
const ENGINE_MAJOR_VERSION = '18';

const DEFAULT_IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000;
const DEFAULT_MAX_RESPONSE_BYTES = 512 * 1024 * 1024;
const DEFAULT_MAX_CLIENTS = 100;

export interface EmbeddedServerOptions {
  /** Holds the lock file and the cluster; created with mode 0700. */
  readonly databaseDir: string;
  /** Holds the socket; created with mode 0700. */
  readonly socketDir: string;
  readonly durability?: Durability;
  readonly idleInTransactionTimeoutMs?: number;
  readonly maxResponseBytes?: number;
  readonly maxClients?: number;
}

export interface EmbeddedServer {
  readonly socketDir: string;
  /** Settles when the server is over: resolved after `stop`, rejected when the engine died. */
  readonly closed: Promise<void>;
  /** Take no more clients, roll back and send away those there are, checkpoint, close, release the lock. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Open the database directory and serve it on a Unix socket.
 * @throws AppError `database.in-use` when another process serves this directory
 * @throws AppError `database.version-mismatch` when the cluster belongs to another version of PostgreSQL
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  await mkdir(options.databaseDir, { recursive: true, mode: 0o700 });
  const lockFile = path.join(options.databaseDir, 'server.lock');
  const attempt = await tryLock(lockFile, 'embedded database');
  if ('holder' in attempt) {
    throw new AppError({
      code: 'database.in-use',
      message: `the embedded database in ${options.databaseDir} is open in process ${attempt.holder.pid}; stop that process, or set LOREHOUSE_DATA_DIR to another directory`,
      userMessage: 'Another process is using this database.',
      details: { processId: attempt.holder.pid },
    });
  }
  const { lock } = attempt;
  try {
    const engine = await openCluster(path.join(options.databaseDir, 'cluster'), options.durability ?? 'power');
    return await serve(engine, options, () => lock.release());
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** A cluster appears under its name only when it is complete: a killed first start leaves nothing half made behind. */
async function openCluster(clusterDir: string, durability: Durability): Promise<Engine> {
  if (!existsSync(clusterDir)) {
    const draftDir = `${clusterDir}.new`;
    await rm(draftDir, { recursive: true, force: true });
    await mkdir(draftDir, { mode: 0o700 });
    const engine = await openEngine(draftDir, durability);
    await engine.close();
    await rename(draftDir, clusterDir);
    await syncDirectory(path.dirname(clusterDir));
  }
  const version = (await readFile(path.join(clusterDir, 'PG_VERSION'), 'utf8')).trim();
  if (version !== ENGINE_MAJOR_VERSION) {
    throw new AppError({
      code: 'database.version-mismatch',
      message: `the cluster in ${clusterDir} is of PostgreSQL ${version}, this program embeds ${ENGINE_MAJOR_VERSION}; start the version of this program that wrote it, dump, and restore`,
    });
  }
  return await openEngine(clusterDir, durability);
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function serve(
  engine: Engine,
  options: EmbeddedServerOptions,
  releaseLock: () => Promise<void>,
): Promise<EmbeddedServer> {
  const { promise: closed, resolve, reject } = Promise.withResolvers<void>();
  // Whoever does not ask for `closed` learns of a dead engine by its connections.
  closed.catch(() => undefined);
  const bridge = new Bridge({
    engine,
    idleInTransactionTimeoutMs: options.idleInTransactionTimeoutMs ?? DEFAULT_IDLE_IN_TRANSACTION_TIMEOUT_MS,
    maxResponseBytes: options.maxResponseBytes ?? DEFAULT_MAX_RESPONSE_BYTES,
    maxClients: options.maxClients ?? DEFAULT_MAX_CLIENTS,
    onFailure(error) {
      listener.close();
      reject(error);
      void releaseLock();
    },
  });
  // Half-open: a client may send its queries, end its side, and still read the answers.
  const listener = net.createServer({ allowHalfOpen: true }, (socket) => bridge.attach(socket));
  const socketPath = await listen(listener, options.socketDir);

  let stopping: Promise<void> | null = null;
  const stop = async () => {
    listener.close();
    bridge.close();
    engine.query('CHECKPOINT');
    await engine.close();
    await rm(socketPath, { force: true });
    await releaseLock();
  };
  return {
    socketDir: options.socketDir,
    closed,
    stop() {
      stopping ??= stop().then(resolve, (error: unknown) => {
        reject(error);
        throw error;
      });
      return stopping;
    },
  };
}

async function listen(listener: net.Server, socketDir: string): Promise<string> {
  await mkdir(socketDir, { recursive: true, mode: 0o700 });
  await chmod(socketDir, 0o700);
  const socketPath = path.join(socketDir, SOCKET_NAME);
  // The lock is ours, so a socket file is what a killed server left.
  await rm(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(socketPath, () => {
      listener.off('error', reject);
      resolve();
    });
  });
  await chmod(socketPath, 0o600);
  return socketPath;
}
