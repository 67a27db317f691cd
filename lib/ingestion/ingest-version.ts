import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseExecutor } from '#db/executor.ts';
import {
  countChunks,
  deleteChunksOfOtherVersions,
  deleteChunksOfVersion,
  type IndexedVersion,
  insertChunks,
  insertEmbeddings,
  insertTerms,
  listChunksWithoutEmbedding,
  listChunksWithoutTerms,
  refreshStatistics,
} from '#db/repositories/chunks.ts';
import {
  type Document,
  type DocumentVersion,
  findDocumentVersion,
  hasPages,
  listPages,
  publishVersion,
  writePages,
} from '#db/repositories/documents.ts';
import { ensureActiveIndexConfig, type IndexConfig } from '#db/repositories/index-configs.ts';
import { lockClaim } from '#db/repositories/runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { describeModelChange } from '#lib/domain/embedding-model-change.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';
import { prepareLexicalText } from '#lib/domain/lexical-text.ts';
import type { RunContext } from '#lib/jobs/perform-run.ts';
import type { RuntimeClient, RuntimeStatus } from '#lib/runtime/runtime-port.ts';
import type { BlobStore } from './blob-store.ts';
import { composeSearchText } from './embedding-text.ts';
import { type ExtractionLimits, runExtraction } from './extract/run-extraction.ts';
import { documentFormats } from './formats.ts';
import { type ChunkSizes, SPLITTER_VERSION, splitPages } from './split-pages.ts';

/**
 * Chunk sizes of new workspaces, in tokens of the embedding model. The default embedding model reads 256, and the default
 * language model reads slowly: compared with `scripts/eval-support.ts --chunk-size`.
 */
export const defaultChunkSizes: ChunkSizes = { chunkSizeTokens: 160, chunkOverlapTokens: 20 };

/** Vectors asked for and written at once: a quarter of a second on one thread. A question waits no longer than that for its turn, and a kill loses no more. */
const CHUNKS_PER_EMBEDDING_CALL = 8;
const CHUNKS_PER_TERM_INSERT = 100;
const BUSY_WAIT_MS = 1000;

export interface IngestDeps {
  readonly db: DatabaseExecutor;
  readonly blobs: BlobStore;
  readonly runtime: Pick<RuntimeClient, 'readStatus' | 'embedTexts' | 'countEmbeddingTokens'>;
  readonly extractionLimits?: ExtractionLimits;
  /** For a workspace that has no index configuration yet. Default {@link defaultChunkSizes}. */
  readonly chunkSizes?: ChunkSizes;
}

type IngestContext = Pick<RunContext, 'run' | 'claim' | 'signal' | 'report'>;

/**
 * Index one version of a document: extract → split → embed → enter into the inverted index → let it answer. Each stage keeps
 * its result under (version, index configuration) and is skipped when that is there, so a run that was killed goes on where
 * it stood. Nothing is written after the claim is lost. The version before answers until the last transaction.
 * @throws AppError `document.not-found`, `document.unreadable`, `document.no-text`, `document.too-complex`,
 *   `index.model-changed`, `runtime.unavailable` (retryable)
 */
export async function ingestVersion(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
): Promise<Readonly<Record<string, unknown>>> {
  const found = await findDocumentVersion(deps.db, access, context.run.subjectId);
  if (!found) throw notFound('document');
  const { document, version } = found;
  await extract(deps, access, context, version);
  const config = await openIndexConfig(deps, access, context.signal);
  const key: IndexedVersion = { documentId: document.id, versionId: version.id, indexConfigId: config.id };
  await split(deps, access, context, key, config);
  await embed(deps, access, context, key, config, document);
  await enterTerms(deps, access, context, key, document);
  const details = await publish(deps, access, context, key, version);
  await refreshStatistics(deps.db);
  return details;
}

/** Every write of a stage goes through here. */
async function writeHeld(
  deps: IngestDeps,
  context: IngestContext,
  write: (tx: DatabaseExecutor) => Promise<void>,
): Promise<void> {
  context.signal.throwIfAborted();
  await deps.db.transaction(async (tx) => {
    if (!(await lockClaim(tx, context.claim))) throw new Error('the claim on the run was lost');
    await write(tx);
  });
}

async function extract(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
  version: DocumentVersion,
): Promise<void> {
  if (await hasPages(deps.db, access, version.id)) return;
  await context.report({ stage: 'extracting', done: 0, total: 0 });
  const mediaType = documentFormats.find((format) => format.mediaType === version.mediaType)?.mediaType;
  if (!mediaType) throw new Error(`stored version has the media type ${version.mediaType}, which nothing reads`);
  if ((await deps.blobs.measure(version.blobSha256)) === null) {
    throw new AppError({
      code: 'document.file-missing',
      message: `blob ${version.blobSha256} is not in the blob store`,
      userMessage: 'The stored file is gone. Upload it again.',
    });
  }
  const pages = await runExtraction(deps.blobs.locate(version.blobSha256), mediaType, {
    signal: context.signal,
    ...(deps.extractionLimits && { limits: deps.extractionLimits }),
    // Only a value to be written with the next heartbeat; an abort is seen by the signal.
    onProgress: ({ done, total }) => void context.report({ stage: 'extracting', done, total }).catch(() => undefined),
  });
  await writeHeld(deps, context, (tx) => writePages(tx, access, version.id, pages));
}

/**
 * The workspace's index configuration, made from the embedding model that runs when there is none.
 * @throws AppError `index.model-changed`, `runtime.unavailable`
 */
async function openIndexConfig(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  signal: AbortSignal,
): Promise<IndexConfig> {
  const model = await readEmbeddingModel(deps, signal);
  const config = await ensureActiveIndexConfig(deps.db, access, {
    embeddingModel: model.id,
    embeddingSha256: model.sha256,
    dimensions: model.dimensions,
    ...(deps.chunkSizes ?? defaultChunkSizes),
    splitterVersion: SPLITTER_VERSION,
  });
  const change = describeModelChange(config, model);
  if (change) throw change;
  return config;
}

async function readEmbeddingModel(
  deps: IngestDeps,
  signal: AbortSignal,
): Promise<NonNullable<RuntimeStatus['embeddingModel']>> {
  const status = await deps.runtime.readStatus({ signal });
  if (status.embeddingModel) return status.embeddingModel;
  throw new AppError({
    code: 'runtime.unavailable',
    message: `the runtime has no embedding model (state ${status.state}); check EMBEDDING_MODEL`,
    userMessage: 'The embedding model is not loaded yet, so documents cannot be indexed.',
    isRetryable: true,
  });
}

async function split(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
  key: IndexedVersion,
  config: IndexConfig,
): Promise<void> {
  if ((await countChunks(deps.db, access, key)) > 0) return;
  await context.report({ stage: 'splitting', done: 0, total: 0 });
  const pages = await listPages(deps.db, access, key.versionId);
  const chunks = await splitPages(
    pages.map((page) => ({ ...page, headings: [...page.headings] })),
    config,
    (words) =>
      waitWhileBusy(context.signal, () =>
        deps.runtime.countEmbeddingTokens(words, { signal: context.signal, priority: 'ingestion' }),
      ),
  );
  await writeHeld(deps, context, async (tx) => {
    if ((await countChunks(tx, access, key)) === 0) await insertChunks(tx, access, key, chunks);
  });
}

async function embed(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
  key: IndexedVersion,
  config: IndexConfig,
  document: Document,
): Promise<void> {
  const total = await countChunks(deps.db, access, key);
  let left = await listChunksWithoutEmbedding(deps.db, access, key, total);
  while (left.length > 0) {
    await context.report({ stage: 'embedding', done: total - left.length, total });
    const batch = left.slice(0, CHUNKS_PER_EMBEDDING_CALL);
    const texts = batch.map((chunk) => composeSearchText(document.title, chunk));
    const embeddings = await waitWhileBusy(context.signal, () =>
      deps.runtime.embedTexts(texts, { signal: context.signal, priority: 'ingestion', purpose: 'passage' }),
    );
    const rows = batch.map((chunk, index) => {
      const embedding = embeddings[index];
      if (embedding?.length !== config.dimensions) {
        throw new AppError({
          code: 'index.dimensions-differ',
          message: `embedding has ${embedding?.length} dimensions, the index expects ${config.dimensions}; set EMBEDDING_MODEL back or re-index`,
        });
      }
      return { chunkId: chunk.id, embedding };
    });
    await writeHeld(deps, context, (tx) => insertEmbeddings(tx, access, key.indexConfigId, rows));
    left = left.slice(batch.length);
  }
}

/** A busy runtime is no failure of the run: chat goes first, ingestion waits its turn. */
async function waitWhileBusy<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!AppError.isInstance(error) || error.code !== 'runtime.busy') throw error;
      await delay(error.retryAfterMs ?? BUSY_WAIT_MS, undefined, { signal });
    }
  }
}

async function enterTerms(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
  key: IndexedVersion,
  document: Document,
): Promise<void> {
  const total = await countChunks(deps.db, access, key);
  let afterOrdinal = -1;
  for (;;) {
    const batch = await listChunksWithoutTerms(deps.db, access, key, { afterOrdinal, limit: CHUNKS_PER_TERM_INSERT });
    const last = batch.at(-1);
    if (!last) return;
    await context.report({ stage: 'indexing', done: afterOrdinal + 1, total });
    const rows = batch.map((chunk) => ({
      chunkId: chunk.id,
      text: prepareLexicalText(composeSearchText(document.title, chunk)),
    }));
    await writeHeld(deps, context, (tx) => insertTerms(tx, access, key.indexConfigId, rows));
    afterOrdinal = last.ordinal;
  }
}

async function publish(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
  key: IndexedVersion,
  version: DocumentVersion,
): Promise<Readonly<Record<string, unknown>>> {
  let isPublished = false;
  let chunkCount = 0;
  await writeHeld(deps, context, async (tx) => {
    chunkCount = await countChunks(tx, access, key);
    isPublished = await publishVersion(tx, access, version);
    if (isPublished) await deleteChunksOfOtherVersions(tx, access, key);
    else await deleteChunksOfVersion(tx, access, key);
  });
  return { isPublished, chunkCount };
}
