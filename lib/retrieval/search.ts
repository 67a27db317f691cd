import type { DatabaseExecutor } from '#db/executor.ts';
import { type FoundChunk, listChunksByIds } from '#db/repositories/chunks.ts';
import { type DenseResult, findSearchedIndex, searchDense } from '#db/repositories/dense-index.ts';
import type { IndexConfig } from '#db/repositories/index-configs.ts';
import { type Bm25Parameters, type LexicalResult, searchLexical } from '#db/repositories/lexical-index.ts';
import { listPageTexts, type PageText, type PassageSurroundings, readSurroundings } from '#db/repositories/passages.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { type AnswerConfig, LEXICAL_WEIGHT } from '#lib/domain/answer-config.ts';
import type { Source, SourcePart } from '#lib/domain/chat.ts';
import { applyPriorities, findRequiredPassages, type PrioritisedPassage } from '#lib/domain/document-priority.ts';
import { describeModelChange } from '#lib/domain/embedding-model-change.ts';
import { AppError } from '#lib/domain/errors.ts';
import { prepareLexicalText } from '#lib/domain/lexical-text.ts';
import type { RuntimeClient, RuntimeStatus } from '#lib/runtime/runtime-port.ts';
import { completePassage, type TextRange } from './complete-passage.ts';
import { findNamedDocuments } from './find-named-documents.ts';
import { findMissingNames, findNames } from './find-names.ts';
import { type FusedItem, fuseRankings, RRF_K } from './fuse-rankings.ts';
import { findWantedNeighbours, joinPages } from './join-pages.ts';
import type { Reranker } from './reranker.ts';
import { type SupportEvidence, scoreSupport } from './score-support.ts';
import { type CandidateFate, selectSources } from './select-sources.ts';
import { splitQuestion } from './split-question.ts';

/** Anserini's defaults, tuned for passages of about this length (k1 = 0.9, b = 0.4). */
const BM25: Bm25Parameters = { k1: 0.9, b: 0.4 };

/** Passages read from the database for each one wanted: some repeat each other, some do not fit the prompt. */
const READ_PER_SOURCE = 3;

export interface SearchDeps {
  readonly db: DatabaseExecutor;
  readonly runtime: Pick<RuntimeClient, 'readStatus' | 'embedTexts'>;
  /** Default: none, the fused ranking stands. */
  readonly reranker?: Reranker | undefined;
}

/** Asking, reading, and measuring how well asking works. */
export type SearchAccess = Authorized<'chat.use' | 'document.read' | 'evaluation.read' | 'evaluation.run'>;

export interface SearchInput {
  readonly query: string;
  /**
   * As they were asked: the question, then those that it goes on from, newest first. A document that one of them names is
   * looked in alone, unless a newer one turns elsewhere. Default: the query.
   */
  readonly scopeQuestions?: readonly string[];
  readonly config: Pick<AnswerConfig, 'candidatesPerLeg' | 'topK'> &
    Partial<Pick<AnswerConfig, 'lexicalWeight' | 'passagesPerDocument' | 'rerankCandidates'>>;
  /** Tokens (embedding model) that all passages may take. Default: no bound, the caller cuts passages for its prompt. */
  readonly tokenBudget?: number;
  readonly signal?: AbortSignal;
}

/** What became of one passage that a leg found. Ranks from 1; null where the leg did not have it among its candidates. */
export interface SearchCandidate {
  readonly chunkId: string;
  readonly lexical: { readonly rank: number; readonly score: number } | null;
  readonly dense: { readonly rank: number; readonly similarity: number } | null;
  /** After fusion and the documents' priorities. */
  readonly fusedRank: number;
  readonly fusedScore: number;
  /** Null: not among those that the reranker read, or there is none. */
  readonly rerankScore: number | null;
  readonly fate: CandidateFate;
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
    /** Null: nothing was reranked. */
    readonly rerank: number | null;
    readonly total: number;
  };
  /** Ids of chunks, best first, for inspection and evaluation. The legs are those of the whole question. */
  readonly legs: {
    readonly dense: readonly string[];
    readonly lexical: readonly string[];
    readonly fused: readonly string[];
    /** Null: nothing was reranked. */
    readonly reranked: readonly string[] | null;
  };
  /** In fused order. */
  readonly candidates: readonly SearchCandidate[];
  /** What was searched for besides the question: its parts, and the documents that it asks to look in. */
  readonly plan: { readonly parts: readonly string[]; readonly documentTitles: readonly string[] };
  readonly denseMethod: DenseResult['method'] | null;
  /** Why nothing was reranked although there is a reranker; the fused ranking stands then. Null: no trouble. */
  readonly rerankProblem: string | null;
}

interface Leg {
  readonly lexical: LexicalResult;
  readonly dense: DenseResult;
}

/**
 * Passages of the workspace that bear on a question: nearest by embedding and best by BM25, merged by reciprocal rank,
 * without near repetitions, grown to whole sentences. A question that asks several things is searched for in its parts as well,
 * and each part has a source; a question that names a document is searched for there alone. Only current versions of documents
 * that answer.
 * @throws AppError `index.model-changed`, `runtime.unavailable`, `runtime.busy`
 */
export async function search(deps: SearchDeps, access: SearchAccess, input: SearchInput): Promise<SearchResult> {
  const startedAt = performance.now();
  const call = { priority: 'chat' as const, ...(input.signal && { signal: input.signal }) };
  const parts = splitQuestion(input.query);
  const embedding = timed(() => deps.runtime.embedTexts([input.query, ...parts], { ...call, purpose: 'query' }));
  // Rejections are seen where it is awaited; this keeps an earlier throw from leaving it unhandled.
  embedding.catch(() => undefined);
  const [config, status] = await Promise.all([findSearchedIndex(deps.db, access), deps.runtime.readStatus(call)]);
  if (!config) return describeEmptyResult(status, performance.now() - startedAt);
  requireSameModel(config, status);
  const documents = await findNamedDocuments(deps, access, input.scopeQuestions ?? [input.query]);
  const { candidatesPerLeg: limit, topK, lexicalWeight = LEXICAL_WEIGHT } = input.config;
  const narrowed = { limit, ...(documents.length > 0 && { documentIds: documents.map(({ id }) => id) }) };

  const lexical = await timed(() =>
    mapInTurn([input.query, ...parts], (query) =>
      searchLexical(deps.db, access, config.id, prepareLexicalText(query), { ...BM25, ...narrowed }),
    ),
  );
  const embedded = await embedding;
  const dense = await timed(() =>
    mapInTurn(embedded.value, (vector) => {
      if (vector.length !== config.dimensions) throw dimensionsDiffer(vector.length, config);
      return searchDense(deps.db, access, config, vector, narrowed);
    }),
  );
  const legs = lexical.value.flatMap((hits, index): Leg[] => {
    const nearest = dense.value[index];
    return nearest ? [{ lexical: hits, dense: nearest }] : [];
  });
  const [whole, ...legsOfParts] = legs;
  if (!whole) throw new Error('the runtime returned no embedding for the question');

  const merged = mergeLegs(legs, lexicalWeight, 2 * limit * legs.length);
  const prioritised = listPrioritised(legs);
  const fused = applyPriorities(merged, prioritised, topK);
  const readCount = Math.max(READ_PER_SOURCE * topK, deps.reranker ? (input.config.rerankCandidates ?? 0) : 0);
  const read = await readCandidates(
    deps,
    access,
    fused.slice(0, readCount).map((item) => item.id),
  );
  const reranking = await rerank(deps, input, read);
  const { reranked } = reranking;
  const ranked = reranked?.chunks ?? read;
  // The best passage of each part has a place, whatever the whole question prefers; so has that of a document with the
  // priority for it, whatever the reranker prefers.
  const required = new Set([
    ...legsOfParts.flatMap((leg) => mergeLegs([leg], lexicalWeight, 1).map((item) => item.id)),
    ...findRequiredPassages(fused, prioritised, topK),
  ]);
  const { selected, fates } = selectSources(ranked, {
    topK,
    tokenBudget: input.tokenBudget ?? Number.POSITIVE_INFINITY,
    perDocument: documents.length > 0 ? topK : (input.config.passagesPerDocument ?? topK),
    required,
  });
  const similarities = new Map(legs.flatMap((leg) => leg.dense.hits.map((hit) => [hit.chunkId, hit.similarity])));
  const scores = new Map(fused.map((item) => [item.id, item.score]));
  const { terms } = whole.lexical;
  const surroundings = await readSurroundings(
    deps.db,
    access,
    config.id,
    selected.map((chunk) => chunk.id),
    terms.map(({ term }) => term),
  );
  const passages = await completePassages(deps, access, selected, surroundings.pages);
  const sources = describeSources(passages, scores, similarities);
  const evidence = gatherEvidence(input.query, terms, surroundings.terms, sources);
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
      rerank: reranked?.ms ?? null,
      total: performance.now() - startedAt,
    },
    legs: {
      dense: whole.dense.hits.map((hit) => hit.chunkId),
      lexical: whole.lexical.hits.map((hit) => hit.chunkId),
      fused: fused.map((item) => item.id),
      reranked: reranked?.chunks.map((chunk) => chunk.id) ?? null,
    },
    candidates: describeCandidates(fused, whole, reranked?.scores ?? new Map(), fates),
    plan: { parts, documentTitles: documents.map(({ title }) => title) },
    denseMethod: whole.dense.method,
    rerankProblem: reranking.problem,
  };
}

/** One after another: the embedded database serves one statement at a time, and others wait behind a crowd of them. */
async function mapInTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

function mergeLegs(legs: readonly Leg[], lexicalWeight: number, limit: number): FusedItem[] {
  return fuseRankings(
    // Words first: of two passages with equal ranks the one that has the code or name that was asked for goes ahead.
    legs.flatMap(({ lexical, dense }) => [
      { ids: lexical.hits.map((hit) => hit.chunkId), weight: lexicalWeight },
      { ids: dense.hits.map((hit) => hit.chunkId) },
    ]),
    limit,
    RRF_K,
  );
}

function listPrioritised(legs: readonly Leg[]): ReadonlyMap<string, PrioritisedPassage> {
  return new Map(
    legs
      .flatMap(({ lexical, dense }) => [...lexical.hits, ...dense.hits])
      .flatMap(({ chunkId, documentId, priority }) =>
        priority === 'normal' ? [] : [[chunkId, { documentId, priority }]],
      ),
  );
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const startedAt = performance.now();
  const value = await work();
  return { value, ms: performance.now() - startedAt };
}

/** In the order of `chunkIds`. */
async function readCandidates(
  deps: SearchDeps,
  access: SearchAccess,
  chunkIds: readonly string[],
): Promise<FoundChunk[]> {
  const rows = new Map((await listChunksByIds(deps.db, access, chunkIds)).map((chunk) => [chunk.id, chunk]));
  return chunkIds.flatMap((id) => rows.get(id) ?? []);
}

interface Reranked {
  readonly chunks: FoundChunk[];
  readonly scores: ReadonlyMap<string, number>;
  readonly ms: number;
}

/** The first `rerankCandidates` in the reranker's order, the others behind them; null when nothing is reranked. */
async function rerank(
  deps: SearchDeps,
  { query, config, signal }: SearchInput,
  chunks: readonly FoundChunk[],
): Promise<{ readonly reranked: Reranked | null; readonly problem: string | null }> {
  const read = chunks.slice(0, config.rerankCandidates ?? 0);
  const { reranker } = deps;
  if (!reranker || read.length === 0) return { reranked: null, problem: null };
  const texts = read.map((chunk) => [chunk.documentTitle, ...chunk.headings, chunk.text].join('\n'));
  try {
    const { value, ms } = await timed(() => reranker.scoreTexts(query, texts, signal ? { signal } : {}));
    const scores = new Map(read.map((chunk, index) => [chunk.id, value[index] ?? 0]));
    const order = read.toSorted((a, b) => (scores.get(b.id) ?? 0) - (scores.get(a.id) ?? 0));
    return { reranked: { chunks: [...order, ...chunks.slice(read.length)], scores, ms }, problem: null };
  } catch (error) {
    // An answer from the fused ranking is better than none.
    if (!AppError.isInstance(error) || error.code !== 'reranker.unavailable') throw error;
    return { reranked: null, problem: error.message };
  }
}

interface CompletePassage {
  readonly chunk: FoundChunk;
  readonly text: string;
  readonly range: TextRange;
  readonly parts: readonly SourcePart[] | null;
}

const findPage = (texts: readonly PageText[], versionId: string, pageNumber: number) =>
  texts.find((page) => page.versionId === versionId && page.pageNumber === pageNumber);

/** Passages grown to whole sentences, also over a page break. */
async function completePassages(
  deps: SearchDeps,
  access: SearchAccess,
  chunks: readonly FoundChunk[],
  pages: readonly PageText[],
): Promise<CompletePassage[]> {
  const grown = chunks.map((chunk) => {
    const page = findPage(pages, chunk.versionId, chunk.pageNumber);
    const range = { start: chunk.startOffset, end: chunk.endOffset };
    return { chunk, page, range: page ? completePassage(page.text, range) : range };
  });
  const wanted = grown.flatMap(({ page, range }) =>
    page ? findWantedNeighbours(page, range).map((pageNumber) => ({ versionId: page.versionId, pageNumber })) : [],
  );
  const beside = await listPageTexts(deps.db, access, wanted);
  return grown.map(({ chunk, page, range }) => {
    if (!page) return { chunk, text: chunk.text, range, parts: null };
    const { versionId, pageNumber, text } = page;
    const before = findPage(beside, versionId, pageNumber - 1)?.text ?? null;
    const after = findPage(beside, versionId, pageNumber + 1)?.text ?? null;
    return { chunk, ...joinPages({ pageNumber, text, before, after }, range) };
  });
}

function describeSources(
  passages: readonly CompletePassage[],
  scores: ReadonlyMap<string, number>,
  similarities: ReadonlyMap<string, number>,
): Source[] {
  return passages.map(({ chunk, text, range, parts }, index) => ({
    number: index + 1,
    documentId: chunk.documentId,
    versionId: chunk.versionId,
    chunkId: chunk.id,
    documentTitle: chunk.documentTitle,
    pageNumber: chunk.pageNumber,
    startOffset: range.start,
    endOffset: range.end,
    headings: chunk.headings,
    text,
    ...(parts && { parts: [...parts] }),
    score: scores.get(chunk.id) ?? 0,
    similarity: similarities.get(chunk.id) ?? null,
  }));
}

function gatherEvidence(
  question: string,
  terms: LexicalResult['terms'],
  present: PassageSurroundings['terms'],
  sources: readonly Source[],
): SupportEvidence {
  const similarities = sources.flatMap((source) => source.similarity ?? []);
  return {
    topSimilarity: similarities.length === 0 ? null : Math.max(...similarities),
    missingNames: findMissingNames(
      findNames(question),
      sources.map(({ documentTitle, headings, text }) => [documentTitle, ...headings, text].join(' ')),
    ),
    terms: terms.map(({ term, idf, isCode, documentFrequency }) => ({
      idf,
      isCode,
      isKnown: documentFrequency > 0,
      sourceNumbers: sources
        .filter((source) => present.some((each) => each.term === term && each.chunkId === source.chunkId))
        .map((source) => source.number),
    })),
  };
}

function describeCandidates(
  fused: readonly FusedItem[],
  whole: Leg,
  rerankScores: ReadonlyMap<string, number>,
  fates: ReadonlyMap<string, CandidateFate>,
): SearchCandidate[] {
  const lexical = new Map(whole.lexical.hits.map((hit, index) => [hit.chunkId, { rank: index + 1, score: hit.score }]));
  const dense = new Map(
    whole.dense.hits.map((hit, index) => [hit.chunkId, { rank: index + 1, similarity: hit.similarity }]),
  );
  return fused.map((item, index) => ({
    chunkId: item.id,
    lexical: lexical.get(item.id) ?? null,
    dense: dense.get(item.id) ?? null,
    fusedRank: index + 1,
    fusedScore: item.score,
    rerankScore: rerankScores.get(item.id) ?? null,
    fate: fates.get(item.id) ?? { kind: 'ranked-below' },
  }));
}

function describeEmptyResult(status: RuntimeStatus, totalMs: number): SearchResult {
  return {
    sources: [],
    supportScore: 0,
    evidence: { topSimilarity: null, missingNames: [], terms: [] },
    indexConfigId: '',
    embeddingModel: status.embeddingModel?.id ?? '',
    timingsMs: { embed: 0, dense: 0, lexical: 0, rerank: null, total: totalMs },
    legs: { dense: [], lexical: [], fused: [], reranked: null },
    candidates: [],
    plan: { parts: [], documentTitles: [] },
    denseMethod: null,
    rerankProblem: null,
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
