/**
 * The worker as a process: takes jobs from the queue and does long work. Several may run on several machines; they share the
 * database and, for documents, the data directory.
 */
import os from 'node:os';
import path from 'node:path';
import { createDatabase } from '#db/client.ts';
import { maintainTables } from '#db/repositories/chunks.ts';
import { removeDeletedConversations } from '#db/repositories/conversations.ts';
import { HEARTBEAT_INTERVAL_MS, recordHeartbeat, removeHeartbeat } from '#db/repositories/process-heartbeats.ts';
import { UNDO_DELETE_MS } from '#lib/chat/conversations.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { exitWithParent } from '#lib/config/exit-with-parent.ts';
import { createBlobStore } from '#lib/ingestion/blob-store.ts';
import { chooseExtractionLimits } from '#lib/ingestion/extract/run-extraction.ts';
import { openPgBossQueue } from '#lib/jobs/pg-boss-queue.ts';
import { startWorker } from '#lib/jobs/run-worker.ts';
import { createLogger } from '#lib/observability/logger.ts';
import { createArtifactStore } from '#lib/registry/artifact-store.ts';
import { createBaseFinder } from '#lib/registry/find-base.ts';
import { createReranker } from '#lib/retrieval/reranker.ts';
import { createRuntimeClient } from '#lib/runtime/client.ts';
import { readMatrixRate } from '#lib/training/matrix-rate-file.ts';
import { createTrainerStarter, measureMachine } from '#lib/training/trainer-process.ts';
import { chooseTrainingThreads } from '#lib/training/training-threads.ts';

/** Below the supervisor's patience; what has not stopped by then is found by its silent heartbeat. */
const STOP_WITHIN_MS = 2500;
/** Asking which tables have changed costs less than a millisecond. */
const TABLES_INTERVAL_MS = 5000;
const TIDY_UP_INTERVAL_MS = 10 * 60_000;
/** Workspaces come into being while the worker runs, and base models are downloaded; to look costs a few reads. */
const OFFER_INTERVAL_MS = 15_000;
/** An upload that has not grown into a blob for this long was cut off. */
const ABANDONED_UPLOAD_MS = 24 * 3600_000;

const TRAINER = path.join(import.meta.dirname, 'trainer.ts');
const SHIPPED_ADAPTERS = path.join(import.meta.dirname, '..', 'adapters');

exitWithParent();
const env = loadEnv();
const layout = describeDataDir(env.dataDir);
const logger = createLogger('worker', env.logLevel);
const database = createDatabase(
  env.databaseUrl === undefined ? { socketDir: layout.databaseSocketDir } : { databaseUrl: env.databaseUrl },
  { onConnectionLost: (error) => logger.warn({ err: error }, 'a database connection was cut') },
);
const runtime = createRuntimeClient(
  env.runtimeUrl === undefined
    ? { socketPath: layout.runtimeSocket }
    : { url: env.runtimeUrl, token: env.runtimeToken },
);
const reranker = env.rerank === undefined ? undefined : createReranker(env.rerank);
const blobs = createBlobStore(layout.blobsDir);
const artifacts = createArtifactStore(layout.adaptersDir);
const extractionLimits = chooseExtractionLimits(env);
const findBase = createBaseFinder(env);
const threads = env.threads ?? Math.max(1, os.availableParallelism() - 1);
const dataSetUploads = createBlobStore(layout.dataSetUploadsDir);
const dataSetFiles = createBlobStore(layout.dataSetsDir);
const { db } = database;
const queue = await openPgBossQueue({
  db,
  role: 'work',
  onError: (error) => logger.error({ err: error }, 'the job queue reported an error'),
});

const worker = await startWorker({
  db,
  queue,
  logger,
  loadHandler: {
    'document.ingest': async () => {
      const { createIngestHandler } = await import('#lib/jobs/handlers/document-ingest.ts');
      return createIngestHandler({ db, blobs, runtime, extractionLimits });
    },
    'adapter.train': async () => {
      const [{ createTrainHandler }, { createFrozenDataSets }] = await Promise.all([
        import('#lib/jobs/handlers/adapter-train.ts'),
        import('#lib/training/frozen-data-sets.ts'),
      ]);
      return createTrainHandler({
        db,
        runtime,
        artifacts,
        findBase,
        dataSets: createFrozenDataSets({ db, blobs: dataSetFiles }),
        startTrainer: createTrainerStarter({ script: TRAINER, env: process.env }),
        trainingDir: layout.trainingDir,
      });
    },
    'adapter.blend': async () => {
      const { createBlendHandler } = await import('#lib/jobs/handlers/adapter-blend.ts');
      return createBlendHandler({ db, artifacts, findBase, threads });
    },
    'adapter.merge': async () => {
      const { createMergeHandler } = await import('#lib/jobs/handlers/adapter-merge.ts');
      return createMergeHandler({ db, artifacts, findBase, threads });
    },
    'dataset.import': async () => {
      const { createImportHandler } = await import('#lib/jobs/handlers/dataset-import.ts');
      return createImportHandler({ db, runtime, dataSetUploads });
    },
    'suite.draft': async () => {
      const { createDraftHandler } = await import('#lib/jobs/handlers/suite-draft.ts');
      return createDraftHandler({ db, runtime });
    },
    'dataset.freeze': async () => {
      const { createFreezeHandler } = await import('#lib/jobs/handlers/dataset-freeze.ts');
      return createFreezeHandler({ db, dataSetFiles });
    },
    'document.delete': async () => {
      const { createDeleteHandler } = await import('#lib/jobs/handlers/document-delete.ts');
      return createDeleteHandler({ db, blobs });
    },
    'retrieval.evaluate': async () => {
      const { createRetrievalEvaluationHandler } = await import('#lib/jobs/handlers/retrieval-evaluate.ts');
      return createRetrievalEvaluationHandler({ db, runtime, reranker });
    },
    'index.rebuild': async () => {
      const { createRebuildHandler } = await import('#lib/jobs/handlers/index-rebuild.ts');
      return createRebuildHandler({ db, blobs, runtime });
    },
    'evaluation.run': async () => {
      const [{ createEvaluationHandler }, { createAnswerDeps }, { serveAdapters }] = await Promise.all([
        import('#lib/jobs/handlers/evaluation-run.ts'),
        import('#lib/chat/create-chat-deps.ts'),
        import('#lib/registry/serve-adapters.ts'),
      ]);
      const serving = serveAdapters(runtime, { artifacts, findBase });
      return createEvaluationHandler({
        db,
        runtime: serving,
        answer: createAnswerDeps({ db, runtime: serving, reranker }),
      });
    },
    'archive.unpack': async () => {
      const { createUnpackHandler } = await import('#lib/jobs/handlers/archive-unpack.ts');
      return createUnpackHandler({ db, blobs, queue });
    },
  },
  chores: [
    { name: 'looking after tables', intervalMs: TABLES_INTERVAL_MS, work: () => maintainTables(db) },
    {
      name: 'tidying up',
      intervalMs: TIDY_UP_INTERVAL_MS,
      async work() {
        const { BLOB_GRACE_MS, removeUnreferencedBlobs } = await import('#lib/ingestion/delete-document.ts');
        await removeUnreferencedBlobs({ db, blobs }, BLOB_GRACE_MS);
        await blobs.removeAbandonedUploads(ABANDONED_UPLOAD_MS);
        const [{ UNNAMED_KEPT_MS, removeUnreferencedArtifacts }, { removeOldMerged }] = await Promise.all([
          import('#lib/registry/manage-versions.ts'),
          import('#lib/registry/merged-models.ts'),
        ]);
        await removeUnreferencedArtifacts({ db, artifacts }, UNNAMED_KEPT_MS);
        await removeOldMerged(artifacts);
        const { removeUnusedDataSetFiles } = await import('#lib/training/data-set/remove-unused-files.ts');
        await removeUnusedDataSetFiles({ db, dataSetUploads, dataSetFiles }, ABANDONED_UPLOAD_MS);
        // Twice the time in which a deletion can be undone: no undo meets an empty place.
        await removeDeletedConversations(db, new Date(Date.now() - 2 * UNDO_DELETE_MS));
      },
    },
    {
      name: 'offering adapters that ship',
      intervalMs: OFFER_INTERVAL_MS,
      async work() {
        const { registerShippedAdapters } = await import('#lib/registry/register-shipped.ts');
        const added = await registerShippedAdapters({ db, artifacts, findBase }, SHIPPED_ADAPTERS);
        if (added > 0) logger.info({ added }, 'adapters that ship with the product are registered');
      },
    },
  ],
});

const startedAt = new Date();
const beat = () =>
  recordHeartbeat(db, 'worker', startedAt).catch((error: unknown) => logger.warn({ err: error }, 'heartbeat failed'));
await beat();
const heart = setInterval(() => void beat(), HEARTBEAT_INTERVAL_MS);

let isStopping = false;
async function stop(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  setTimeout(() => process.exit(0), STOP_WITHIN_MS).unref();
  clearInterval(heart);
  await worker.stop(STOP_WITHIN_MS);
  await removeHeartbeat(db, 'worker').catch(() => undefined);
  await runtime.close();
  await database.close();
  process.exit(0);
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop());

logger.info({ pid: process.pid }, 'ready');

if ((await readMatrixRate(layout.matrixRateFile)) === null)
  measureMachine({ script: TRAINER, env: process.env }, chooseTrainingThreads());
