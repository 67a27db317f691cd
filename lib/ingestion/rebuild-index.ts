import type { DatabaseExecutor } from '#db/executor.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import { deleteAbandonedChunks, maintainTables, measureIndex, sampleChunks } from '#db/repositories/chunks.ts';
import { dropEmptyDenseIndexes } from '#db/repositories/dense-index.ts';
import { listCurrentVersions } from '#db/repositories/documents.ts';
import {
  activateIndexConfig,
  findActiveIndexConfig,
  findIndexConfig,
  findPendingIndexConfigs,
  type IndexConfig,
  insertIndexConfig,
  listLivingIndexConfigIds,
} from '#db/repositories/index-configs.ts';
import { insertRun, listRunsOfSubjects } from '#db/repositories/runs.ts';
import { lockWorkspace } from '#db/repositories/workspace-lock.ts';
import { type Authorized, findUserId } from '#lib/domain/access.ts';
import { describeModelChange } from '#lib/domain/embedding-model-change.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import type { RuntimeClient } from '#lib/runtime/runtime-port.ts';
import { composeSearchText } from './embedding-text.ts';
import {
  defaultChunkSizes,
  describeEmbeddingModel,
  type IngestContext,
  type IngestDeps,
  indexVersion,
  readEmbeddingModel,
  writeHeld,
} from './ingest-version.ts';
import { type ChunkSizes, SPLITTER_VERSION } from './split-pages.ts';

/** A chunk below this holds no whole sentence. */
const MIN_CHUNK_TOKENS = 40;

/** Passages embedded to measure the rate: about a second on a slow machine. */
const SAMPLE_CHUNKS = 16;

const CHUNKS_PER_REMOVAL = 500;

export interface RebuildDeps {
  readonly db: DatabaseExecutor;
  readonly queue: JobQueue;
  readonly runtime: Pick<RuntimeClient, 'readStatus' | 'embedTexts'>;
}

export interface IndexView {
  /** Null: nothing was indexed yet, and `chunkSizes` are what the first document will be cut with. */
  readonly configId: string | null;
  readonly chunkSizes: ChunkSizes;
  readonly embeddingModel: string | null;
  readonly dimensions: number | null;
  /** ISO 8601. */
  readonly createdAt: string | null;
  readonly documents: number;
  readonly chunks: number;
  /** The text would be cut by other rules today. */
  readonly isSplitterOutdated: boolean;
  /** What runs now; null while the runtime does not answer. */
  readonly runningModel: { readonly id: string; readonly maxTokens: number } | null;
  /** Questions are refused until the model is set back or a re-index is done. */
  readonly isModelChanged: boolean;
  /** The re-index that waits or runs. */
  readonly pending: { readonly runId: string; readonly chunkSizes: ChunkSizes; readonly embeddingModel: string } | null;
}

/** The index that serves, and whether it still fits what runs. */
export async function readIndex(
  deps: Pick<RebuildDeps, 'db' | 'runtime'>,
  access: Authorized<'document.write'>,
): Promise<IndexView> {
  const [active, [next], current, status] = await Promise.all([
    findActiveIndexConfig(deps.db, access),
    findPendingIndexConfigs(deps.db, access),
    listCurrentVersions(deps.db, access),
    deps.runtime.readStatus().catch(() => null),
  ]);
  const model = status?.embeddingModel ?? null;
  const [run] = next ? await listRunsOfSubjects(deps.db, access, [next.id]) : [];
  return {
    configId: active?.id ?? null,
    chunkSizes: active ? pickSizes(active) : defaultChunkSizes,
    embeddingModel: active?.embeddingModel ?? null,
    dimensions: active?.dimensions ?? null,
    createdAt: active?.createdAt.toISOString() ?? null,
    documents: current.length,
    chunks: active ? (await measureIndex(deps.db, access, active.id)).chunks : 0,
    isSplitterOutdated: active !== undefined && active.splitterVersion !== SPLITTER_VERSION,
    runningModel: model && { id: model.id, maxTokens: model.maxTokens },
    isModelChanged: active !== undefined && model !== null && describeModelChange(active, model) !== null,
    pending: next && run ? { runId: run.id, chunkSizes: pickSizes(next), embeddingModel: next.embeddingModel } : null,
  };
}

const stride = ({ chunkSizeTokens, chunkOverlapTokens }: ChunkSizes): number => chunkSizeTokens - chunkOverlapTokens;

const pickSizes = ({ chunkSizeTokens, chunkOverlapTokens }: ChunkSizes): ChunkSizes => ({
  chunkSizeTokens,
  chunkOverlapTokens,
});

export interface RebuildCost {
  readonly documents: number;
  /** Estimated from how the present index fills its chunks. */
  readonly chunks: number;
  /** From embedding some of the present chunks now, with whatever else the machine is doing. Null: nothing to measure with. */
  readonly minutes: number | null;
}

/**
 * What a re-index with these sizes would cost.
 * @throws AppError `index.sizes-invalid`, `index.unchanged`, `runtime.unavailable`, `runtime.busy`
 */
export async function estimateRebuild(
  deps: Pick<RebuildDeps, 'db' | 'runtime'>,
  access: Authorized<'document.write'>,
  sizes: ChunkSizes,
): Promise<RebuildCost> {
  const { active } = await planConfig(deps, access, sizes);
  const documents = (await listCurrentVersions(deps.db, access)).length;
  if (!active) return { documents, chunks: 0, minutes: documents === 0 ? 0 : null };
  const index = await measureIndex(deps.db, access, active.id);
  if (index.chunks === 0) return { documents, chunks: 0, minutes: documents === 0 ? 0 : null };
  const chunks = Math.max(documents, Math.ceil((index.chunks * stride(active)) / stride(sizes)));
  const sample = await sampleChunks(deps.db, access, active.id, SAMPLE_CHUNKS);
  const startedAt = performance.now();
  await deps.runtime.embedTexts(
    sample.map((chunk) => composeSearchText('', chunk)),
    { priority: 'ingestion', purpose: 'passage' },
  );
  const sampledTokens = sample.reduce((sum, chunk) => sum + chunk.tokenCount, 0);
  const tokensPerMs = sampledTokens / (performance.now() - startedAt);
  const overlapping = sizes.chunkSizeTokens / stride(sizes) / (active.chunkSizeTokens / stride(active));
  return { documents, chunks, minutes: (index.tokens * overlapping) / tokensPerMs / 60_000 };
}

/** @throws AppError `index.sizes-invalid`, `index.unchanged`, `runtime.unavailable` */
async function planConfig(
  deps: Pick<RebuildDeps, 'db' | 'runtime'>,
  access: Authorized<'document.write'>,
  sizes: ChunkSizes,
): Promise<{ readonly active: IndexConfig | undefined; readonly wanted: Parameters<typeof insertIndexConfig>[2] }> {
  const model = await readEmbeddingModel(deps, new AbortController().signal);
  checkSizes(sizes, model.maxTokens);
  const active = await findActiveIndexConfig(deps.db, access);
  const isSame =
    active !== undefined &&
    describeModelChange(active, model) === null &&
    active.splitterVersion === SPLITTER_VERSION &&
    active.chunkSizeTokens === sizes.chunkSizeTokens &&
    active.chunkOverlapTokens === sizes.chunkOverlapTokens;
  if (isSame) {
    throw new AppError({
      code: 'index.unchanged',
      message: 'the wanted index configuration equals the active one',
      userMessage: 'The index is made with exactly these settings. Nothing would change.',
    });
  }
  return { active, wanted: { ...describeEmbeddingModel(model), ...sizes, splitterVersion: SPLITTER_VERSION } };
}

function checkSizes({ chunkSizeTokens, chunkOverlapTokens }: ChunkSizes, maxTokens: number): void {
  const isFine =
    Number.isInteger(chunkSizeTokens) &&
    Number.isInteger(chunkOverlapTokens) &&
    chunkSizeTokens >= MIN_CHUNK_TOKENS &&
    chunkSizeTokens <= maxTokens &&
    chunkOverlapTokens >= 0 &&
    chunkOverlapTokens <= chunkSizeTokens / 2;
  if (isFine) return;
  const range = `${MIN_CHUNK_TOKENS} to ${maxTokens} tokens, the most that the embedding model reads at once`;
  throw new AppError({
    code: 'index.sizes-invalid',
    message: `expected a chunk size of ${range}, and an overlap of at most half of it; got ${chunkSizeTokens} and ${chunkOverlapTokens}`,
    userMessage: `A chunk holds ${range}. The overlap is at most half of that.`,
  });
}

/**
 * Have the workspace indexed anew under another configuration. The present index serves until the new one is complete.
 * @throws AppError `index.sizes-invalid`, `index.unchanged`, `index.rebuild-running`, `runtime.unavailable`
 */
export async function startRebuild(
  deps: RebuildDeps,
  access: Authorized<'document.write'>,
  sizes: ChunkSizes,
): Promise<{ readonly runId: string }> {
  const { wanted } = await planConfig(deps, access, sizes);
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    if ((await findPendingIndexConfigs(tx, access)).length > 0) {
      throw new AppError({
        code: 'index.rebuild-running',
        message: 'a re-index of this workspace waits or runs already',
        userMessage: 'A re-index is under way. Cancel it first, or wait until it is done.',
      });
    }
    const config = await insertIndexConfig(tx, access, wanted);
    const run = await insertRun(tx, access, {
      kind: 'index.rebuild',
      subjectId: config.id,
      title: `${wanted.embeddingModel}, chunks of ${sizes.chunkSizeTokens} tokens`,
      createdBy: findUserId(access),
    });
    await deps.queue.enqueue(tx, 'index.rebuild', { workspaceId: access.workspaceId, runId: run.id });
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'index.rebuild',
      targetId: config.id,
      details: { ...sizes, embeddingModel: wanted.embeddingModel },
    });
    return { runId: run.id };
  });
}

/**
 * The job behind {@link startRebuild}. Indexes every version that answers under the new configuration, then puts that in the
 * place of the old one in one transaction, if no version has come to answer meanwhile that it has not seen; else it catches
 * up. Stages that are done are kept, so a retry goes on. Whatever ends it before the swap leaves the old index serving.
 * @throws AppError `index.not-found`, `index.model-changed`, and as `ingestVersion`
 */
export async function rebuildIndex(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
): Promise<Readonly<Record<string, unknown>>> {
  const config = await findIndexConfig(deps.db, access, context.run.subjectId);
  if (!config) throw notFound('index');
  const startedAt = performance.now();
  const done = new Set<string>();
  // Killed right after the swap, only the clearing away is left.
  if (!config.isActive) {
    const change = describeModelChange(config, await readEmbeddingModel(deps, context.signal));
    if (change) throw modelGone(change, config);
    await removeAbandoned(deps, access, context);
    do await indexMissing(deps, access, context, config, done);
    while (!(await swap(deps, access, context, config, done)));
  }
  await context.report({ stage: 'clearing the old index', done: done.size, total: done.size });
  await removeAbandoned(deps, access, context);
  await maintainTables(deps.db);
  return { documents: done.size, seconds: Math.round((performance.now() - startedAt) / 1000) };
}

async function indexMissing(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
  config: IndexConfig,
  done: Set<string>,
): Promise<void> {
  const versions = await listCurrentVersions(deps.db, access);
  for (const version of versions) {
    if (done.has(version.versionId)) continue;
    const report = () => context.report({ stage: 'indexing documents', done: done.size, total: versions.length });
    await report();
    try {
      await indexVersion(deps, access, { ...context, report }, version, config);
      done.add(version.versionId);
    } catch (error) {
      context.signal.throwIfAborted();
      // Deleted or replaced while it was being indexed: its rows went away under the work.
      const now = await listCurrentVersions(deps.db, access);
      if (now.some(({ versionId }) => versionId === version.versionId)) throw error;
    }
  }
}

/** @returns false when a version answers that the new index does not hold */
async function swap(
  deps: IngestDeps,
  access: Authorized<'document.write'>,
  context: IngestContext,
  config: IndexConfig,
  done: ReadonlySet<string>,
): Promise<boolean> {
  await context.report({ stage: 'putting the new index in place', done: done.size, total: done.size });
  return writeHeld(deps, context, async (tx) => {
    await lockWorkspace(tx, access);
    const current = await listCurrentVersions(tx, access);
    if (!current.every(({ versionId }) => done.has(versionId))) return false;
    await activateIndexConfig(tx, access, config.id);
    return true;
  });
}

async function removeAbandoned(
  deps: Pick<IngestDeps, 'db'>,
  access: Authorized<'document.write'>,
  context: IngestContext,
): Promise<void> {
  for (;;) {
    context.signal.throwIfAborted();
    const kept = await listLivingIndexConfigIds(deps.db, access);
    if ((await deleteAbandonedChunks(deps.db, access, kept, CHUNKS_PER_REMOVAL)) === CHUNKS_PER_REMOVAL) continue;
    await dropEmptyDenseIndexes(deps.db, access, kept);
    return;
  }
}

function modelGone(change: AppError, config: IndexConfig): AppError {
  return new AppError({
    code: change.code,
    message: change.message,
    userMessage: `This re-index was asked for with the embedding model ${config.embeddingModel}, and the server now runs another. Set EMBEDDING_MODEL back and retry, or start a new re-index.`,
    details: change.details,
  });
}
