/** A throw-away embedded database and the real embedding model in this process, for evaluations and tests of models. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { createDatabase, type Database } from '#db/client.ts';
import { startEmbeddedServer } from '#db/embedded/embedded-server.ts';
import { migrateDatabase } from '#db/migrate.ts';
import { maintainTables } from '#db/repositories/chunks.ts';
import {
  type DocumentVersion,
  insertDocument,
  insertDocumentVersion,
  type NewPage,
  writePages,
} from '#db/repositories/documents.ts';
import { claimRun, finishRun, insertRun } from '#db/repositories/runs.ts';
import { workspaces } from '#db/schema/workspaces.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { loadEnv } from '#lib/config/env.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { createBlobStore, type StoredBlob } from '#lib/ingestion/blob-store.ts';
import { type IngestDeps, ingestVersion } from '#lib/ingestion/ingest-version.ts';
import { resolveModel } from '#lib/models/model-store.ts';
import type { RuntimeStatus } from '#lib/runtime/runtime-port.ts';
import { type EmbeddingModel, loadOnnxEmbeddingModel } from '#lib/runtime/server/embedding-model.ts';
import { openVectorCache, type VectorCache } from './vector-cache.ts';

export interface Workbench {
  readonly db: Database;
  readonly ingest: IngestDeps;
  /** One thread; no queue, so timings are those of the model alone. */
  readonly runtime: IngestDeps['runtime'];
  addWorkspace(slug: string): Promise<WorkbenchWorkspace>;
  /** Index a file by the product's own stages, its extraction process included. @throws AppError as {@link ingestVersion} */
  addFile(workspace: WorkbenchWorkspace, document: WorkbenchDocument, bytes: Uint8Array): Promise<void>;
  /** Index pages as a document, by the product's own stages after extraction. */
  addPages(workspace: WorkbenchWorkspace, document: WorkbenchDocument, pages: readonly NewPage[]): Promise<void>;
  /** How fast `index` fills a workspace of its own beside the bare model, which then embeds the same texts. Vectors kept from earlier are not used. */
  measureRate(index: (workspace: WorkbenchWorkspace) => Promise<void>): Promise<IndexingRate>;
  close(): Promise<void>;
}

export interface WorkbenchDocument {
  readonly fileName: string;
  readonly title: string;
  readonly mediaType: string;
}

export interface IndexingRate {
  readonly chunks: number;
  readonly chunksPerSecond: number;
  readonly bareChunksPerSecond: number;
  /** Of the bare rate, by the clock: other work on the machine changes it. */
  readonly share: number;
  /** CPU time of the bare model over that of indexing, the extraction process left out. */
  readonly cpuShare: number;
}

export interface WorkbenchWorkspace {
  readonly id: string;
  readonly write: Authorized<'document.write'>;
  readonly read: Authorized<'document.read'>;
}

export interface ThrowawayDatabase {
  readonly db: Database;
  /** The temporary directory that goes with it. */
  readonly directory: string;
  readonly addWorkspace: (slug: string) => Promise<WorkbenchWorkspace>;
  readonly close: () => Promise<void>;
}

export async function openThrowawayDatabase(): Promise<ThrowawayDatabase> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-eval-'));
  const socketDir = path.join(directory, 'run');
  const server = await startEmbeddedServer({
    databaseDir: path.join(directory, 'database'),
    socketDir,
    durability: 'process',
  });
  const database = createDatabase({ socketDir });
  await migrateDatabase(database.pool);
  const { db } = database;
  return {
    db,
    directory,
    async addWorkspace(slug) {
      const [row] = await db.insert(workspaces).values({ slug, name: slug }).returning();
      if (!row) throw new Error('insert of a workspace returned no row');
      return {
        id: row.id,
        write: await authorizeSystem('evaluation', row.id, 'document.write'),
        read: await authorizeSystem('evaluation', row.id, 'document.read'),
      };
    },
    async close() {
      await database.close();
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export async function openWorkbench(
  options: { readonly chunkSizes?: IngestDeps['chunkSizes']; readonly vectorCacheFile?: string | undefined } = {},
): Promise<Workbench> {
  const { db, directory, addWorkspace, close } = await openThrowawayDatabase();
  const model = await loadEmbeddingModel();
  const cache =
    options.vectorCacheFile === undefined
      ? null
      : openVectorCache(options.vectorCacheFile, model.sha256, model.dimensions);
  const usedCache = { current: cache };
  const embeddedTexts: { current: string[] | null } = { current: null };
  const runtime = createEmbeddingRuntime(model, usedCache, (texts) => embeddedTexts.current?.push(...texts));
  const blobs = createBlobStore(path.join(directory, 'blobs'));
  const ingest: IngestDeps = { db, blobs, runtime, ...(options.chunkSizes && { chunkSizes: options.chunkSizes }) };
  async function addVersion({ write }: WorkbenchWorkspace, document: WorkbenchDocument, blob: StoredBlob) {
    const { id: documentId } = await insertDocument(db, write, { ...document, createdBy: null });
    return insertDocumentVersion(db, write, {
      documentId,
      fileName: document.fileName,
      blobSha256: blob.sha256,
      mediaType: document.mediaType,
      sizeBytes: blob.sizeBytes,
    });
  }
  async function indexVersion(workspace: WorkbenchWorkspace, { id: subjectId, fileName: title }: DocumentVersion) {
    const access = workspace.write;
    const { id } = await insertRun(db, access, { kind: 'document.ingest', subjectId, title, createdBy: null });
    const run = await claimRun(db, workspace.id, id);
    if (!run) throw new Error('a new run could not be claimed');
    const details = await ingestVersion(ingest, access, {
      run,
      claim: run,
      signal: new AbortController().signal,
      report: () => Promise.resolve(),
    });
    await finishRun(db, run, { state: 'succeeded', details });
    await maintainTables(db);
  }
  return {
    db,
    ingest,
    runtime,
    addWorkspace,
    async addFile(workspace, document, bytes) {
      const blob = await blobs.put(Readable.from([bytes]), { maxBytes: bytes.length });
      await indexVersion(workspace, await addVersion(workspace, document, blob));
    },
    async addPages(workspace, document, pages) {
      const version = await addVersion(workspace, document, { sha256: '0'.repeat(64), sizeBytes: 0 });
      await writePages(db, workspace.write, version.id, { pages, leftOut: [] });
      await indexVersion(workspace, version);
    },
    async measureRate(index) {
      usedCache.current = null;
      const workspace = await addWorkspace('rate');
      const texts: string[] = [];
      embeddedTexts.current = texts;
      const indexing = await measureWork(() => index(workspace));
      embeddedTexts.current = null;
      const bare = await measureWork(async () => {
        for (let start = 0; start < texts.length; start += 8) await model.embed(texts.slice(start, start + 8));
      });
      usedCache.current = cache;
      const rate = (seconds: number) => Number((texts.length / seconds).toFixed(1));
      return {
        chunks: texts.length,
        chunksPerSecond: rate(indexing.seconds),
        bareChunksPerSecond: rate(bare.seconds),
        share: Number((bare.seconds / indexing.seconds).toFixed(3)),
        cpuShare: Number((bare.cpuSeconds / indexing.cpuSeconds).toFixed(3)),
      };
    },
    async close() {
      cache?.close();
      await model.close();
      await close();
    },
  };
}

async function measureWork(work: () => Promise<void>) {
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  return { seconds, cpuSeconds: (cpu.user + cpu.system) / 1e6 };
}

/** The embedding model of the settings, in this process. */
export async function loadEmbeddingModel(threads = 1): Promise<EmbeddingModel> {
  const env = loadEnv();
  const resolved = await resolveModel(env.embeddingModel, env.modelsDir);
  const [weights] = resolved.files;
  const tokenizer = resolved.files.find((file) => file.name === 'tokenizer.json');
  if (!weights || !tokenizer || resolved.entry?.kind !== 'embedding') {
    throw new Error(`${env.embeddingModel}: expected an ONNX embedding model of the catalog`);
  }
  return loadOnnxEmbeddingModel(
    {
      kind: 'onnx',
      id: resolved.id,
      sha256: resolved.sha256,
      modelPath: weights.path,
      tokenizerPath: tokenizer.path,
      pooling: resolved.entry.embedding.pooling,
      maxTokens: resolved.entry.contextTokens,
      queryPrefix: resolved.entry.embedding.queryPrefix,
      passagePrefix: '',
    },
    {
      threads,
      onCrash: (error) => {
        throw error;
      },
    },
  );
}

function createEmbeddingRuntime(
  model: EmbeddingModel,
  cache: { readonly current: VectorCache | null },
  onEmbed: (texts: readonly string[]) => void,
): IngestDeps['runtime'] {
  const status: RuntimeStatus = {
    state: 'ready',
    baseModel: null,
    embeddingModel: model,
    gpu: false,
    threads: 1,
    queue: { active: 0, waiting: 0, limit: 1 },
    problems: [],
  };
  return {
    readStatus: () => Promise.resolve(status),
    async embedTexts(texts, options = {}) {
      const prefix = options.purpose === 'query' ? model.prefixes.query : model.prefixes.passage;
      const wanted = texts.map((text) => prefix + text);
      onEmbed(wanted);
      const missing = wanted.filter((text) => !cache.current?.find(text));
      const { vectors } = await model.embed(missing);
      const fresh = new Map(missing.map((text, index) => [text, vectors[index] ?? new Float32Array()]));
      for (const [text, vector] of fresh) cache.current?.add(text, vector);
      return wanted.map((text) => fresh.get(text) ?? cache.current?.find(text) ?? new Float32Array());
    },
    async countEmbeddingTokens(texts) {
      return (await model.tokenize(texts, false)).map((tokens) => tokens.length);
    },
  };
}
