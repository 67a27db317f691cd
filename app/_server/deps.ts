import path from 'node:path';
import process from 'node:process';
import { createDatabase } from '#db/client.ts';
import type { DatabaseExecutor } from '#db/executor.ts';
import { createPeopleStore, type PeopleStore } from '#db/repositories/people.ts';
import { HEARTBEAT_INTERVAL_MS, pingDatabase, readSilenceMs } from '#db/repositories/process-heartbeats.ts';
import { type Authenticator, createAuthenticator } from '#lib/auth/authenticator.ts';
import { createRateLimits, type RateLimits } from '#lib/auth/rate-limits.ts';
import type { ResolveActorDeps } from '#lib/auth/resolve-actor.ts';
import { loadOrCreateSecret } from '#lib/auth/secret.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { type Env, loadEnv } from '#lib/config/env.ts';
import { type BlobStore, createBlobStore } from '#lib/ingestion/blob-store.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import { openPgBossQueue } from '#lib/jobs/pg-boss-queue.ts';
import { createLogger, type Logger } from '#lib/observability/logger.ts';
import { type ArtifactStore, createArtifactStore } from '#lib/registry/artifact-store.ts';
import { createBaseFinder, type FindBase } from '#lib/registry/find-base.ts';
import { type AdapterRuntime, serveAdapters } from '#lib/registry/serve-adapters.ts';
import { createReranker, type Reranker } from '#lib/retrieval/reranker.ts';
import { createRuntimeClient, type RuntimeClientOptions } from '#lib/runtime/client.ts';
import type { RuntimeClient } from '#lib/runtime/runtime-port.ts';
import type { ForecastDeps } from '#lib/training/forecast-training.ts';
import { createFrozenDataSets } from '#lib/training/frozen-data-sets.ts';
import type { HealthProbes } from './health.ts';

/**
 * Composition root of the web process: the only module of `app` that builds database clients and hands them to use cases.
 * Everything here connects lazily, so that pages are served before the parts behind them are up.
 */
export interface WebDeps {
  readonly env: Pick<Env, 'publicUrl'>;
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
  /** For use cases that take a database; routes and actions hand it on and never query it. */
  readonly db: DatabaseExecutor;
  readonly people: PeopleStore;
  readonly authenticator: Authenticator;
  readonly actorDeps: ResolveActorDeps;
  readonly runtime: AdapterRuntime;
  readonly queue: JobQueue;
  readonly blobs: BlobStore;
  /** Default: none. */
  readonly reranker?: Reranker | undefined;
  readonly artifacts: ArtifactStore;
  readonly findBase: FindBase;
  /** Chat logs on their way into a data set. */
  readonly dataSetUploads: BlobStore;
  /** Frozen data sets. */
  readonly dataSetFiles: BlobStore;
  readonly probes: HealthProbes;
  readonly training: TrainingParts;
  /** Evaluation suites that ship with the product, one file each. */
  readonly shippedSuitesDir: string;
}

/** What forecasts and starts of training runs need besides. */
type TrainingParts = Pick<ForecastDeps, 'dataSets' | 'weightCacheDir' | 'matrixRateFile'>;

/** What is under every set of dependencies, in production and in tests of the whole server side. */
export interface WebParts {
  readonly env: Pick<Env, 'publicUrl'>;
  readonly log: WebDeps['log'];
  readonly db: DatabaseExecutor;
  readonly secret: string;
  readonly limits: RateLimits;
  readonly runtime: AdapterRuntime;
  readonly queue: JobQueue;
  readonly blobs: BlobStore;
  /** Default: none. */
  readonly reranker?: Reranker | undefined;
  readonly artifacts: ArtifactStore;
  readonly findBase: FindBase;
  /** Chat logs on their way into a data set. */
  readonly dataSetUploads: BlobStore;
  /** Frozen data sets. */
  readonly dataSetFiles: BlobStore;
  readonly probes: HealthProbes;
  readonly training: Omit<TrainingParts, 'dataSets'>;
  readonly shippedSuitesDir: string;
}

export function composeDeps(parts: WebParts): WebDeps {
  const { limits, secret, ...shared } = parts;
  const people = createPeopleStore(parts.db);
  const authenticator = createAuthenticator({
    db: parts.db,
    users: people.users,
    limits,
    secret,
    publicUrl: parts.env.publicUrl,
    log: (level, message) => parts.log[level](message),
  });
  return {
    ...shared,
    training: { ...parts.training, dataSets: createFrozenDataSets({ db: parts.db, blobs: parts.dataSetFiles }) },
    people,
    authenticator,
    actorDeps: { authenticator, users: people.users, apiKeys: people.apiKeys, limits },
  };
}

/** Opens the queue before the first job; a failed opening is tried again with the next one. */
function openQueueOnDemand(connect: () => Promise<JobQueue>): JobQueue {
  let opening: Promise<JobQueue> | undefined;
  return {
    async open() {
      opening ??= connect().catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      await opening;
    },
    async enqueue(tx, kind, payload, options) {
      if (opening === undefined) throw new Error('the queue must be opened before the transaction that enqueues');
      await (await opening).enqueue(tx, kind, payload, options);
    },
  };
}

/** Beats missed before a silent worker counts as down. */
const MISSED_BEATS = 4;

function createProbes(db: DatabaseExecutor, runtime: RuntimeClient): HealthProbes {
  return {
    async database() {
      await pingDatabase(db);
      return { state: 'ready', reason: null };
    },
    async runtime(signal) {
      const status = await runtime.readStatus({ signal });
      if (status.state === 'loading') return { state: 'starting', reason: 'the models are being loaded' };
      return { state: status.state, reason: status.problems.length === 0 ? null : status.problems.join('; ') };
    },
    async worker() {
      const silenceMs = await readSilenceMs(db, 'worker');
      if (silenceMs === null) return { state: 'starting', reason: 'the worker has not reported yet' };
      if (silenceMs > MISSED_BEATS * HEARTBEAT_INTERVAL_MS) {
        return { state: 'down', reason: `the worker has been silent for ${Math.round(silenceMs / 1000)} seconds` };
      }
      return { state: 'ready', reason: null };
    },
  };
}

function buildDeps(env: Env): WebDeps {
  const layout = describeDataDir(env.dataDir);
  const log = createLogger('web', env.logLevel);
  const database = createDatabase(
    env.databaseUrl === undefined ? { socketDir: layout.databaseSocketDir } : { databaseUrl: env.databaseUrl },
    { onConnectionLost: (error) => log.warn({ err: error }, 'a database connection was cut') },
  );
  const runtimeTarget: RuntimeClientOptions =
    env.runtimeUrl === undefined
      ? { socketPath: layout.runtimeSocket }
      : { url: env.runtimeUrl, token: env.runtimeToken };
  const artifacts = createArtifactStore(layout.adaptersDir);
  const findBase = createBaseFinder(env);
  const runtime = serveAdapters(createRuntimeClient(runtimeTarget), { artifacts, findBase });
  return composeDeps({
    env,
    log,
    db: database.db,
    secret: loadOrCreateSecret(layout.secretFile),
    limits: createRateLimits(),
    runtime,
    queue: openQueueOnDemand(() =>
      openPgBossQueue({
        db: database.db,
        role: 'send',
        onError: (error) => log.error({ err: error }, 'the job queue reported an error'),
      }),
    ),
    blobs: createBlobStore(layout.blobsDir),
    reranker: env.rerank === undefined ? undefined : createReranker(env.rerank),
    artifacts,
    findBase,
    dataSetUploads: createBlobStore(layout.dataSetUploadsDir),
    dataSetFiles: createBlobStore(layout.dataSetsDir),
    probes: createProbes(database.db, runtime),
    training: { weightCacheDir: layout.weightCacheDir, matrixRateFile: layout.matrixRateFile },
    // The web server runs from a bundle, in which this module's own address means nothing; it is started in the project's folder.
    shippedSuitesDir: path.join(process.cwd(), 'db', 'seeds', 'suites'),
  });
}

/** Next bundles this file several times and reloads it in development: one set of connections hangs on the global object. */
const slot = Symbol.for('lorehouse.web-deps');
const holder = globalThis as typeof globalThis & { [slot]?: WebDeps };

export function getDeps(): WebDeps {
  holder[slot] ??= buildDeps(loadEnv());
  return holder[slot];
}

/** Puts other dependencies in the place of those from the environment, e.g. a test's database. */
export function provideDeps(deps: WebDeps): void {
  holder[slot] = deps;
}
