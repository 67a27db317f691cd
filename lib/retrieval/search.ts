import type { DatabaseExecutor } from '#db/executor.ts';
import {
  type Bm25Parameters,
  type FoundChunk,
  listChunksByIds,
  listPrioritisedPassages,
  readTermCoverage,
  searchDense,
  searchLexical,
} from '#db/repositories/chunks.ts';
import { findActiveIndexConfig, type IndexConfig } from '#db/repositories/index-configs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { AnswerConfig } from '#lib/domain/answer-config.ts';
import type { Source } from '#lib/domain/chat.ts';
import { applyPriorities } from '#lib/domain/document-priority.ts';
import { describeModelChange } from '#lib/domain/embedding-model-change.ts';
import { AppError } from '#lib/domain/errors.ts';
import { prepareLexicalText } from '#lib/domain/lexical-text.ts';
import type { RuntimeClient, RuntimeStatus } from '#lib/runtime/runtime-port.ts';
import { dropNearDuplicates } from './drop-near-duplicates.ts';
import { fuseRankings } from './fuse-rankings.ts';
import { type SupportEvidence, scoreSupport } from './score-support.ts';
import { selectSources } from './select-sources.ts';

/** Anserini's defaults, tuned for passages of about this length (k1 = 0.9, b = 0.4). */
export const BM25: Bm25Parameters = { k1: 0.9, b: 0.4 };

/** Passages read from the database for each one wanted: some repeat each other, some do not fit the prompt. */
const READ_PER_SOURCE = 3;

export interface SearchDeps {
  readonly db: DatabaseExecutor;
  readonly runtime: Pick<RuntimeClient, 'readStatus' | 'embedTexts'>;
}

export interface SearchInput {
  readonly query: string;
  readonly config: Pick<AnswerConfig, 'candidatesPerLeg' | 'topK'>;
  /** Tokens (embedding model) that all passages may take. Default: no bound, the caller cuts passages for its prompt. */
  readonly tokenBudget?: number;
  readonly signal?: AbortSignal;
}

export interface SearchResult {
  /** Best first, numbered from 1. */
  readonly sources: readonly Source[];
  /** How likely the sources hold an answer, 0 to 1; compared with the configuration's threshold. */
  readonly supportScore: number;
  /** What `supportScore` was made from. */
  readonly evidence: SupportEvidence;
  /** Empty: nothing was ever indexed in this workspace. */
  readonly indexConfigId: string;
  readonly embeddingModel: string;
  readonly timingsMs: {
    /** Includes waiting in the runtime's queue. */
    readonly embed: number;
    readonly dense: number;
    readonly lexical: number;
    readonly total: number;
  };
  /** Ids of chunks, best first, for inspection and evaluation. */
  readonly legs: {
    readonly dense: readonly string[];
    readonly lexical: readonly string[];
    readonly fused: readonly string[];
  };
}

/**
 * Passages of the workspace that bear on a question: nearest by embedding and best by BM25, merged by reciprocal rank,
 * without near repetitions. Only current versions of documents that are not deleted.
 * @throws AppError `index.model-changed`, `runtime.unavailable`, `runtime.busy`
 */
export async function search(
  deps: SearchDeps,
  access: Authorized<'chat.use' | 'document.read'>,
  input: SearchInput,
): Promise<SearchResult> {
  const startedAt = performance.now();
  const call = { priority: 'chat' as const, ...(input.signal && { signal: input.signal }) };
  const embedding = timed(() => deps.runtime.embedTexts([input.query], { ...call, purpose: 'query' }));
  // Rejections are seen where it is awaited; this keeps an earlier throw from leaving it unhandled.
  embedding.catch(() => undefined);
  const [config, status] = await Promise.all([findActiveIndexConfig(deps.db, access), deps.runtime.readStatus(call)]);
  if (!config) return describeEmptyResult(status, performance.now() - startedAt);
  requireSameModel(config, status);
  const question = prepareLexicalText(input.query);
  const limit = input.config.candidatesPerLeg;
  const lexical = await timed(() => searchLexical(deps.db, access, config.id, question, BM25, limit));
  const embedded = await embedding;
  const [vector] = embedded.value;
  if (vector?.length !== config.dimensions) throw dimensionsDiffer(vector?.length ?? 0, config);
  const dense = await timed(() => searchDense(deps.db, access, config.id, vector, limit));

  const merged = fuseRankings(
    // Words first: of two passages with equal ranks the one that has the code or name that was asked for goes ahead.
    [lexical.value.map((hit) => hit.chunkId), dense.value.map((hit) => hit.chunkId)],
    2 * limit,
  );
  const prioritised = await listPrioritisedPassages(
    deps.db,
    access,
    merged.map((item) => item.id),
  );
  const fused = applyPriorities(merged, prioritised, input.config.topK);
  const similarities = new Map(dense.value.map((hit) => [hit.chunkId, hit.similarity]));
  const scores = new Map(fused.map((item) => [item.id, item.score]));
  const candidates = await readCandidates(
    deps,
    access,
    fused.slice(0, READ_PER_SOURCE * input.config.topK).map((item) => item.id),
  );
  const selected = selectSources(
    dropNearDuplicates(candidates).map((chunk) => ({ chunk, tokens: chunk.tokenCount })),
    { topK: input.config.topK, tokenBudget: input.tokenBudget ?? Number.POSITIVE_INFINITY },
  );
  const sources = selected.map(
    ({ chunk }, index): Source => ({
      number: index + 1,
      documentId: chunk.documentId,
      versionId: chunk.versionId,
      chunkId: chunk.id,
      documentTitle: chunk.documentTitle,
      pageNumber: chunk.pageNumber,
      startOffset: chunk.startOffset,
      endOffset: chunk.endOffset,
      headings: chunk.headings,
      text: chunk.text,
      score: scores.get(chunk.id) ?? 0,
      similarity: similarities.get(chunk.id) ?? null,
    }),
  );
  const terms = await readTermCoverage(
    deps.db,
    access,
    config.id,
    question,
    sources.map((source) => source.chunkId),
  );
  const foundSimilarities = sources.flatMap((source) => source.similarity ?? []);
  const evidence: SupportEvidence = {
    topSimilarity: foundSimilarities.length === 0 ? null : Math.max(...foundSimilarities),
    terms: terms.map(({ idf, isCode, chunkIds }) => ({ idf, isCode, isFound: chunkIds.length > 0 })),
  };
  return {
    sources,
    supportScore: sources.length === 0 ? 0 : scoreSupport(evidence),
    evidence,
    indexConfigId: config.id,
    embeddingModel: config.embeddingModel,
    timingsMs: {
      embed: embedded.ms,
      dense: dense.ms,
      lexical: lexical.ms,
      total: performance.now() - startedAt,
    },
    legs: {
      dense: dense.value.map((hit) => hit.chunkId),
      lexical: lexical.value.map((hit) => hit.chunkId),
      fused: fused.map((item) => item.id),
    },
  };
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const startedAt = performance.now();
  const value = await work();
  return { value, ms: performance.now() - startedAt };
}

/** In the order of `chunkIds`. */
async function readCandidates(
  deps: SearchDeps,
  access: Authorized<'chat.use' | 'document.read'>,
  chunkIds: readonly string[],
): Promise<FoundChunk[]> {
  const rows = new Map((await listChunksByIds(deps.db, access, chunkIds)).map((chunk) => [chunk.id, chunk]));
  return chunkIds.flatMap((id) => rows.get(id) ?? []);
}

function describeEmptyResult(status: RuntimeStatus, totalMs: number): SearchResult {
  return {
    sources: [],
    supportScore: 0,
    evidence: { topSimilarity: null, terms: [] },
    indexConfigId: '',
    embeddingModel: status.embeddingModel?.id ?? '',
    timingsMs: { embed: 0, dense: 0, lexical: 0, total: totalMs },
    legs: { dense: [], lexical: [], fused: [] },
  };
}

function requireSameModel(config: IndexConfig, status: RuntimeStatus): void {
  const change = status.embeddingModel && describeModelChange(config, status.embeddingModel);
  if (change) throw change;
}

function dimensionsDiffer(dimensions: number, config: IndexConfig): AppError {
  return new AppError({
    code: 'index.dimensions-differ',
    message: `embedding has ${dimensions} dimensions, the index expects ${config.dimensions}; set EMBEDDING_MODEL back or re-index`,
  });
}
