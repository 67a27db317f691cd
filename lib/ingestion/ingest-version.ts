import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseExecutor } from '#db/executor.ts';
import {
  type Chunk,
  type ChunkInIndex,
  countChunks,
  createChunk,
  deleteChunksOfOtherVersions,
  deleteChunksOfVersion,
  type IndexedVersion,
  insertChunks,
  insertEmbeddings,
  listChunksInIndex,
} from '#db/repositories/chunks.ts';
import { maintainDenseIndex } from '#db/repositories/dense-index.ts';
import {
  type Document,
  type DocumentPage,
  type DocumentVersion,
  findDocumentVersion,
  listPages,
  publishVersion,
  writePages,
} from '#db/repositories/documents.ts';
import {
  ensureActiveIndexConfig,
  findActiveIndexConfig,
  findPendingIndexConfigs,
  type IndexConfig,
  listLivingIndexConfigIds,
} from '#db/repositories/index-configs.ts';
import { insertTerms } from '#db/repositories/lexical-index.ts';
import { lockHeldRun } from '#db/repositories/runs.ts';
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

/** A document of up to so many characters may be one call of the embedding model; only its chunks tell for sure. */
const SHORT_DOCUMENT_CHARACTERS = 6000;
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
 * it stood; a short document has one stage, {@link ingestAtOnce}. Nothing is written after the claim is lost. The version before
 * answers until the last transaction.
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
  if (version.extractedAt === null) {
    const extracted = await extract(deps, access, context, version);
    const details = await ingestAtOnce(deps, access, context, found, extracted);
    if (details !== null) return details;
    await writeHeld(deps, context, (tx) => writePages(tx, access, version.id, extracted));
  }
  for (;;) {
    const config = await openIndexConfig(deps, access, context.signal);
    const { chunkCount, ...key } = await indexVersion(
      deps,
      access,
      context,
      { document, versionId: version.id },
      config,
    );
    const details = await writeHeld(deps, context, async (tx) => {
      const living = await lockLivingIndexConfigs(tx, access);
      if (!living.includes(config.id)) return null;
      return { isPublished: await publish(tx, access, key, version, living), chunkCount };
    });
    // A re-index put another configuration in this one's place meanwhile, and has not seen this version.
    if (details !== null) return details;
  }
}

/** Ids of the configurations that answer or are about to. A re-index swaps them under the same lock, after it has seen every version that answers. */
async function lockLivingIndexConfigs(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
): Promise<readonly string[]> {
  await lockWorkspace(tx, access);
  return listLivingIndexConfigIds(tx, access);
}

/**
 * All stages of a document that is one call of the embedding model, written in one transaction: statements and commits would cost it
 * more than the model does.
 * @returns null when it is not such a document, or a re-index came between; nothing was written
 */
async function ingestAtOnce(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
  { document, version }: { readonly document: Document; readonly version: DocumentVersion },
  extracted: ExtractedPages,
): Promise<Readonly<Record<string, unknown>> | null> {
  const characters = extracted.pages.reduce((sum, page) => sum + page.text.length, 0);
  // Recognised text took seconds a page: it is kept before anything else can fail.
  if (characters > SHORT_DOCUMENT_CHARACTERS || extracted.pages.some((page) => page.isRecognised)) return null;
  const config = await openIndexConfig(deps, access, context.signal);
  const key: IndexedVersion = { documentId: document.id, versionId: version.id, indexConfigId: config.id };
  const chunks = await cut(deps, access, context, key, config, extracted.pages);
  if (!isOneCall(chunks)) return null;
  const vectors = await embedReported(deps, context, config, document, chunks);
  const details = await writeHeld(deps, context, async (tx) => {
    const living = await lockLivingIndexConfigs(tx, access);
    if (!living.includes(config.id)) return null;
    await writePages(tx, access, version.id, extracted);
    await insertEntered(tx, access, config, document, chunks, vectors);
    return { isPublished: await publish(tx, access, key, version, living), chunkCount: chunks.length };
  });
  if (details !== null) await maintainDenseIndex(deps.db, access, config);
  return details;
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
): Promise<IndexedVersion & { readonly chunkCount: number }> {
  const { document, versionId } = subject;
  const key: IndexedVersion = { documentId: document.id, versionId, indexConfigId: config.id };
  const stored = await listChunksInIndex(deps.db, access, key);
  const chunks = stored.length > 0 ? stored : await split(deps, access, context, key, config, document);
  await embed(deps, access, context, config, document, chunks);
  await enterTerms(deps, access, context, config, document, chunks);
  await maintainDenseIndex(deps.db, access, config);
  return { ...key, chunkCount: chunks.length };
}

/**
 * Every write of a stage goes through here.
 * @throws when the claim on the run was lost, or someone asked it to stop
 */
export async function writeHeld<T>(
  deps: IngestDeps,
  context: IngestContext,
  write: (tx: DatabaseExecutor) => Promise<T>,
): Promise<T> {
  context.signal.throwIfAborted();
  return deps.db.transaction(async (tx) => {
    const { isHeld, isCancelRequested } = await lockHeldRun(tx, context.claim);
    if (!isHeld) throw new Error('the claim on the run was lost');
    if (isCancelRequested) throw new Error('the run is to be cancelled');
    return write(tx);
  });
}

type ExtractedPages = Parameters<typeof writePages>[3];

async function extract(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
  version: DocumentVersion,
): Promise<ExtractedPages> {
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
    owner: access.workspaceId,
    ...(deps.extractionLimits && { limits: deps.extractionLimits }),
    // Only a value to be written with the next heartbeat; an abort is seen by the signal.
    onLeftOut: (part) => leftOut.push(part),
    onProgress: ({ done, total }) => void context.report({ stage: 'extracting', done, total }).catch(() => undefined),
  });
  return { pages, leftOut };
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
  const active =
    (await findActiveIndexConfig(deps.db, access)) ??
    (await ensureActiveIndexConfig(deps.db, access, {
      ...describeEmbeddingModel(model),
      ...(deps.chunkSizes ?? defaultChunkSizes),
      splitterVersion: SPLITTER_VERSION,
    }));
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

async function cut(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
  key: IndexedVersion,
  config: IndexConfig,
  pages: readonly Pick<DocumentPage, 'pageNumber' | 'text' | 'headings'>[],
): Promise<readonly Chunk[]> {
  await context.report({ stage: 'splitting', done: 0, total: 0 });
  const rows = await splitPages(
    pages.map((page) => ({ ...page, headings: [...page.headings] })),
    config,
    (words) =>
      waitWhileBusy(context.signal, () =>
        deps.runtime.countEmbeddingTokens(words, { signal: context.signal, priority: 'ingestion' }),
      ),
  );
  return rows.map((row) => createChunk(access, key, row));
}

const isOneCall = (chunks: readonly Chunk[]) => chunks.length > 0 && chunks.length <= CHUNKS_PER_EMBEDDING_CALL;

/** Cut the pages and store the chunks; those of one call of the embedding model with their vectors and terms. */
async function split(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
  key: IndexedVersion,
  config: IndexConfig,
  document: Pick<Document, 'title'>,
): Promise<readonly ChunkInIndex[]> {
  const chunks = await cut(deps, access, context, key, config, await listPages(deps.db, access, key.versionId));
  const isWhole = isOneCall(chunks);
  const vectors = isWhole ? await embedReported(deps, context, config, document, chunks) : [];
  const isMine = await writeHeld(deps, context, async (tx) => {
    // A re-index may have cut the same version under the same configuration meanwhile.
    if ((await countChunks(tx, access, key)) > 0) return false;
    if (isWhole) await insertEntered(tx, access, config, document, chunks, vectors);
    else await insertChunks(tx, chunks);
    return true;
  });
  return isMine
    ? chunks.map((chunk) => ({ ...chunk, isEmbedded: isWhole, isEntered: isWhole }))
    : await listChunksInIndex(deps.db, access, key);
}

async function insertEntered(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  config: IndexConfig,
  document: Pick<Document, 'title'>,
  chunks: readonly Chunk[],
  vectors: Awaited<ReturnType<typeof embedChunks>>,
): Promise<void> {
  await insertChunks(tx, chunks);
  await insertEmbeddings(tx, access, config.id, vectors);
  await insertTerms(
    tx,
    access,
    config.id,
    chunks.map((chunk) => composeTerms(document, chunk)),
  );
}

/** The model computes the next vectors while the last ones are being stored. */
async function embed(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
  config: IndexConfig,
  document: Pick<Document, 'title'>,
  chunks: readonly ChunkInIndex[],
): Promise<void> {
  const left = chunks.filter((chunk) => !chunk.isEmbedded);
  const compute = (start: number) => {
    const batch = left.slice(start, start + CHUNKS_PER_EMBEDDING_CALL);
    if (batch.length === 0) return null;
    const vectors = embedChunks(deps, context.signal, config, document, batch);
    // Rejections are seen where it is awaited; a write that fails before leaves it behind.
    vectors.catch(() => undefined);
    return vectors;
  };
  let next = compute(0);
  for (let start = 0; next !== null; start += CHUNKS_PER_EMBEDDING_CALL) {
    await context.report({ stage: 'embedding', done: chunks.length - left.length + start, total: chunks.length });
    const rows = await next;
    next = compute(start + CHUNKS_PER_EMBEDDING_CALL);
    await writeHeld(deps, context, (tx) => insertEmbeddings(tx, access, config.id, rows));
  }
}

async function embedReported(
  deps: IngestDeps,
  context: IngestContext,
  config: IndexConfig,
  document: Pick<Document, 'title'>,
  chunks: readonly Chunk[],
): ReturnType<typeof embedChunks> {
  await context.report({ stage: 'embedding', done: 0, total: chunks.length });
  const vectors = await embedChunks(deps, context.signal, config, document, chunks);
  await context.report({ stage: 'indexing', done: 0, total: chunks.length });
  return vectors;
}

/** @throws AppError `index.dimensions-differ` */
async function embedChunks(
  deps: IngestDeps,
  signal: AbortSignal,
  config: IndexConfig,
  document: Pick<Document, 'title'>,
  chunks: readonly Chunk[],
): Promise<{ readonly chunkId: string; readonly embedding: Float32Array }[]> {
  const texts = chunks.map((chunk) => composeSearchText(document.title, chunk));
  const embeddings = await waitWhileBusy(signal, () =>
    deps.runtime.embedTexts(texts, { signal, priority: 'ingestion', purpose: 'passage' }),
  );
  return chunks.map((chunk, index) => {
    const embedding = embeddings[index];
    if (embedding?.length !== config.dimensions) {
      throw new AppError({
        code: 'index.dimensions-differ',
        message: `embedding has ${embedding?.length} dimensions, the index expects ${config.dimensions}; set EMBEDDING_MODEL back or re-index`,
      });
    }
    return { chunkId: chunk.id, embedding };
  });
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
  config: IndexConfig,
  document: Pick<Document, 'title'>,
  chunks: readonly ChunkInIndex[],
): Promise<void> {
  const left = chunks.filter((chunk) => !chunk.isEntered);
  for (let start = 0; start < left.length; start += CHUNKS_PER_TERM_INSERT) {
    await context.report({ stage: 'indexing', done: chunks.length - left.length + start, total: chunks.length });
    const rows = left.slice(start, start + CHUNKS_PER_TERM_INSERT).map((chunk) => composeTerms(document, chunk));
    await writeHeld(deps, context, (tx) => insertTerms(tx, access, config.id, rows));
  }
}

const composeTerms = (document: Pick<Document, 'title'>, chunk: Chunk) => ({
  chunkId: chunk.id,
  text: prepareLexicalText(composeSearchText(document.title, chunk)),
});

/**
 * Let an indexed version answer in place of the one before.
 * @returns false when its document is gone or a newer version answers already; it is then in no index
 */
async function publish(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  key: IndexedVersion,
  version: DocumentVersion,
  livingConfigIds: readonly string[],
): Promise<boolean> {
  const isPublished = await publishVersion(tx, access, version);
  if (isPublished) await deleteChunksOfOtherVersions(tx, access, key, livingConfigIds);
  else await deleteChunksOfVersion(tx, access, key);
  return isPublished;
}
