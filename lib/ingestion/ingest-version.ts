import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseExecutor } from '#db/executor.ts';
import {
  countChunks,
  deleteChunksOfOtherVersions,
  deleteChunksOfVersion,
  type IndexedVersion,
  insertChunks,
  insertEmbeddings,
  listChunksWithoutEmbedding,
  refreshStatistics,
} from '#db/repositories/chunks.ts';
import { maintainDenseIndex } from '#db/repositories/dense-index.ts';
import {
  type Document,
  type DocumentVersion,
  findDocumentVersion,
  hasPages,
  listPages,
  publishVersion,
  writePages,
} from '#db/repositories/documents.ts';
import {
  ensureActiveIndexConfig,
  findActiveIndexConfig,
  findPendingIndexConfigs,
  type IndexConfig,
} from '#db/repositories/index-configs.ts';
import { insertTerms, listChunksWithoutTerms } from '#db/repositories/lexical-index.ts';
import { lockClaim } from '#db/repositories/runs.ts';
import { lockWorkspace } from '#db/repositories/workspace-lock.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { describeModelChange } from '#lib/domain/embedding-model-change.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';
import { prepareLexicalText } from '#lib/domain/lexical-text.ts';
import type { RunContext } from '#lib/jobs/perform-run.ts';
import type { RuntimeClient, RuntimeStatus } from '#lib/runtime/runtime-port.ts';
import type { BlobStore } from './blob-store.ts';
import { composeSearchText } from './embedding-text.ts';
import type { LeftOutPart } from './extract/extracted-page.ts';
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

export type IngestContext = Pick<RunContext, 'run' | 'claim' | 'signal' | 'report'>;

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
  for (;;) {
    const config = await openIndexConfig(deps, access, context.signal);
    const key = await indexVersion(deps, access, context, { document, versionId: version.id }, config);
    const details = await publish(deps, access, context, key, version);
    // Null: a re-index put another configuration in this one's place meanwhile, and has not seen this version.
    if (details === null) continue;
    await refreshStatistics(deps.db);
    return details;
  }
}

/**
 * The stages of one version under one index configuration, from its pages to an index that is complete and that nobody searches
 * yet, unless the configuration is active and the version current. What is there already is kept.
 * @throws AppError as {@link ingestVersion}
 */
export async function indexVersion(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
  subject: { readonly document: Pick<Document, 'id' | 'title'>; readonly versionId: string },
  config: IndexConfig,
): Promise<IndexedVersion> {
  const { document, versionId } = subject;
  const key: IndexedVersion = { documentId: document.id, versionId, indexConfigId: config.id };
  await split(deps, access, context, key, config);
  await embed(deps, access, context, key, config, document);
  await enterTerms(deps, access, context, key, document);
  await maintainDenseIndex(deps.db, access, config);
  return key;
}

/** Every write of a stage goes through here. */
export async function writeHeld(
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
  const leftOut: LeftOutPart[] = [];
  const pages = await runExtraction(deps.blobs.locate(version.blobSha256), mediaType, {
    signal: context.signal,
    ...(deps.extractionLimits && { limits: deps.extractionLimits }),
    // Only a value to be written with the next heartbeat; an abort is seen by the signal.
    onLeftOut: (part) => leftOut.push(part),
    onProgress: ({ done, total }) => void context.report({ stage: 'extracting', done, total }).catch(() => undefined),
  });
  await writeHeld(deps, context, (tx) => writePages(tx, access, version.id, { pages, leftOut }));
}

/**
 * The workspace's active index configuration, made from the embedding model that runs when there is none. Where the active one
 * belongs to another model, the one that a re-index is making ready, if that belongs to the running model: the document is then
 * found as soon as the re-index is done, and until then no document is.
 * @throws AppError `index.model-changed`, `runtime.unavailable`
 */
async function openIndexConfig(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  signal: AbortSignal,
): Promise<IndexConfig> {
  const model = await readEmbeddingModel(deps, signal);
  const active = await ensureActiveIndexConfig(deps.db, access, {
    ...describeEmbeddingModel(model),
    ...(deps.chunkSizes ?? defaultChunkSizes),
    splitterVersion: SPLITTER_VERSION,
  });
  const change = describeModelChange(active, model);
  if (!change) return active;
  const pending = await findPendingIndexConfigs(deps.db, access);
  const fitting = pending.find((config) => describeModelChange(config, model) === null);
  if (!fitting) throw change;
  return fitting;
}

/** The columns of an index configuration that say which model its vectors are from. */
export function describeEmbeddingModel(
  model: NonNullable<RuntimeStatus['embeddingModel']>,
): Pick<IndexConfig, 'embeddingModel' | 'embeddingSha256' | 'dimensions'> {
  return { embeddingModel: model.id, embeddingSha256: model.sha256, dimensions: model.dimensions };
}

/** @throws AppError `runtime.unavailable` */
export async function readEmbeddingModel(
  deps: { readonly runtime: Pick<RuntimeClient, 'readStatus'> },
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
  document: Pick<Document, 'title'>,
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
  document: Pick<Document, 'title'>,
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

/** @returns null when the configuration is not one that answers or is about to: nothing was published */
async function publish(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
  key: IndexedVersion,
  version: DocumentVersion,
): Promise<Readonly<Record<string, unknown>> | null> {
  let details: Readonly<Record<string, unknown>> | null = null;
  await writeHeld(deps, context, async (tx) => {
    // A re-index swaps configurations under the same lock, after it has seen every version that answers.
    await lockWorkspace(tx, access);
    const active = await findActiveIndexConfig(tx, access);
    const pending = await findPendingIndexConfigs(tx, access);
    const living = [...(active ? [active.id] : []), ...pending.map((config) => config.id)];
    if (!living.includes(key.indexConfigId)) return;
    const chunkCount = await countChunks(tx, access, key);
    const isPublished = await publishVersion(tx, access, version);
    if (isPublished) await deleteChunksOfOtherVersions(tx, access, key, living);
    else await deleteChunksOfVersion(tx, access, key);
    details = { isPublished, chunkCount };
  });
  return details;
}
