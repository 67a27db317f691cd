import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { eq } from 'drizzle-orm';
import { pino } from 'pino';
import type { DatabaseExecutor } from '#db/executor.ts';
import type { RunKind } from '#db/repositories/runs.ts';
import { runs } from '#db/schema/runs.ts';
import { workspaces } from '#db/schema/workspaces.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { type AddedArchive, type AddedDocument, addDocument, addUpload } from '#lib/ingestion/add-document.ts';
import { type BlobStore, createBlobStore } from '#lib/ingestion/blob-store.ts';
import type { IngestDeps } from '#lib/ingestion/ingest-version.ts';
import { createUnpackHandler } from '#lib/jobs/handlers/archive-unpack.ts';
import { createDeleteHandler } from '#lib/jobs/handlers/document-delete.ts';
import { createIngestHandler } from '#lib/jobs/handlers/document-ingest.ts';
import { createRebuildHandler } from '#lib/jobs/handlers/index-rebuild.ts';
import type { JobPayload } from '#lib/jobs/job-definitions.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import { performRun, type RunHandler, type RunResult } from '#lib/jobs/perform-run.ts';
import { createRuntimeClient, type HttpRuntimeClient } from '#lib/runtime/client.ts';
import { type FakeRuntimeOptions, startFakeRuntime } from '#lib/runtime/fake.ts';
import { dumpIndex } from './dump-index.ts';

export interface Delivery {
  readonly kind: RunKind;
  readonly payload: JobPayload;
  readonly startAfterMs: number;
}

/**
 * Ingestion without a worker process: deliveries wait in a list until a test performs them. The runtime is the fake one
 * behind the real client; its embeddings are made of word hashes, so texts that share words are near.
 */
export interface IngestionStage {
  readonly blobs: BlobStore;
  readonly blobsDir: string;
  readonly runtime: HttpRuntimeClient;
  readonly queue: JobQueue;
  readonly deliveries: Delivery[];
  addWorkspace(): Promise<StageWorkspace>;
  addText(workspace: StageWorkspace, fileName: string, text: string): Promise<AddedDocument>;
  addFile(workspace: StageWorkspace, fileName: string, bytes: Uint8Array): Promise<AddedDocument | AddedArchive>;
  /** Carry out all waiting deliveries, and those they cause. */
  performAll(overrides?: Partial<IngestDeps>): Promise<RunResult[]>;
  perform(delivery: Delivery, overrides?: Partial<IngestDeps>, shutdown?: AbortSignal): Promise<RunResult>;
  dumpIndex(workspaceId: string): Promise<readonly unknown[]>;
  readRun(runId: string): Promise<typeof runs.$inferSelect>;
  close(): Promise<void>;
}

export interface StageWorkspace {
  readonly id: string;
  readonly write: Awaited<ReturnType<typeof authorizeSystem<'document.write'>>>;
  readonly read: Awaited<ReturnType<typeof authorizeSystem<'document.read'>>>;
  readonly cancel: Awaited<ReturnType<typeof authorizeSystem<'run.cancel'>>>;
}

export async function openIngestionStage(
  db: DatabaseExecutor,
  runtimeOptions: FakeRuntimeOptions = {},
): Promise<IngestionStage> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-stage-'));
  const blobsDir = path.join(directory, 'blobs');
  const blobs = createBlobStore(blobsDir);
  const fake = await startFakeRuntime(runtimeOptions);
  const runtime = createRuntimeClient({ socketPath: fake.socketPath });
  const deliveries: Delivery[] = [];
  const queue: JobQueue = {
    open: () => Promise.resolve(),
    enqueue(_tx, kind, payload, options) {
      deliveries.push({ kind, payload, startAfterMs: options?.startAfterMs ?? 0 });
      return Promise.resolve();
    },
  };
  const logger = pino({ level: 'silent' });

  const chooseHandler = (kind: RunKind, overrides: Partial<IngestDeps>): RunHandler => {
    switch (kind) {
      case 'document.ingest':
        return createIngestHandler({ db, blobs, runtime, ...overrides });
      case 'index.rebuild':
        return createRebuildHandler({ db, blobs, runtime, ...overrides });
      case 'document.delete':
        return createDeleteHandler({ db, blobs, blobGraceMs: 0 });
      case 'archive.unpack':
        return createUnpackHandler({ db, blobs, queue });
      case 'retrieval.evaluate':
      case 'adapter.train':
      case 'evaluation.run':
      case 'adapter.blend':
      case 'adapter.merge':
      case 'dataset.import':
      case 'dataset.freeze':
      case 'suite.draft':
        throw new Error(`the ingestion stage performs no runs of kind ${kind}`);
    }
  };
  const perform: IngestionStage['perform'] = (
    { kind, payload },
    overrides = {},
    shutdown = new AbortController().signal,
  ) => {
    return performRun({ db, queue, logger }, kind, payload, chooseHandler(kind, overrides), shutdown);
  };

  return {
    blobs,
    blobsDir,
    runtime,
    queue,
    deliveries,
    perform,
    async addWorkspace() {
      const slug = `w-${randomUUID()}`;
      const [row] = await db.insert(workspaces).values({ slug, name: slug }).returning();
      if (!row) throw new Error('insert of a workspace returned no row');
      return {
        id: row.id,
        write: await authorizeSystem('test', row.id, 'document.write'),
        read: await authorizeSystem('test', row.id, 'document.read'),
        cancel: await authorizeSystem('test', row.id, 'run.cancel'),
      };
    },
    addText(workspace, fileName, text) {
      return addDocument({ db, queue, blobs }, workspace.write, { fileName, stream: streamText(text) });
    },
    addFile(workspace, fileName, bytes) {
      return addUpload({ db, queue, blobs }, workspace.write, { fileName, stream: streamBytes(bytes) });
    },
    async performAll(overrides) {
      const results: RunResult[] = [];
      for (let next = deliveries.shift(); next; next = deliveries.shift()) results.push(await perform(next, overrides));
      return results;
    },
    dumpIndex: (workspaceId) => dumpIndex(db, workspaceId),
    async readRun(runId) {
      const [row] = await db.select().from(runs).where(eq(runs.id, runId));
      if (!row) throw new Error(`no run ${runId}`);
      return row;
    },
    async close() {
      await runtime.close();
      await fake.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function* streamBytes(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

export async function* streamText(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
