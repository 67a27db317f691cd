import { and, asc, eq, inArray, ne, notExists, notInArray, or, sql } from 'drizzle-orm';
import pgvector from 'pgvector';
import { v7 as createUuid } from 'uuid';
import type { DatabaseExecutor } from '#db/executor.ts';
import { chunkEmbeddings, chunks, documents } from '#db/schema/documents.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import type { PrioritisedPassage } from '#lib/domain/document-priority.ts';
import type { LexicalText } from '#lib/domain/lexical-text.ts';

export type Chunk = typeof chunks.$inferSelect;

/** What one index holds of one version. Stages of ingestion are keyed by it. */
export interface IndexedVersion {
  readonly documentId: string;
  readonly versionId: string;
  readonly indexConfigId: string;
}

export type NewChunk = Pick<
  Chunk,
  | 'ordinal'
  | 'pageNumber'
  | 'startOffset'
  | 'endOffset'
  | 'sectionStartOffset'
  | 'sectionEndOffset'
  | 'headings'
  | 'text'
  | 'tokenCount'
>;

const ofVersion = (access: Authorized<Permission>, key: Pick<IndexedVersion, 'versionId' | 'indexConfigId'>) =>
  and(
    eq(chunks.workspaceId, access.workspaceId),
    eq(chunks.versionId, key.versionId),
    eq(chunks.indexConfigId, key.indexConfigId),
  );

export async function countChunks(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  key: IndexedVersion,
): Promise<number> {
  return db.$count(chunks, ofVersion(access, key));
}

/** All chunks of a version at once, so that a version has either all of them or none. */
export async function insertChunks(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  key: IndexedVersion,
  rows: readonly NewChunk[],
): Promise<void> {
  const ROWS_PER_INSERT = 200;
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
    await tx.insert(chunks).values(
      rows.slice(start, start + ROWS_PER_INSERT).map((row) => ({
        id: createUuid(),
        workspaceId: access.workspaceId,
        ...key,
        ...row,
        termCount: 0,
      })),
    );
  }
}

/** The next chunks, in reading order, that have no vector yet. */
export async function listChunksWithoutEmbedding(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  key: IndexedVersion,
  limit: number,
): Promise<Chunk[]> {
  return db
    .select()
    .from(chunks)
    .where(
      and(
        ofVersion(access, key),
        notExists(db.select({ one: sql`1` }).from(chunkEmbeddings).where(eq(chunkEmbeddings.chunkId, chunks.id))),
      ),
    )
    .orderBy(asc(chunks.ordinal))
    .limit(limit);
}

/** Vectors of one batch; a chunk that has one keeps it. */
export async function insertEmbeddings(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  indexConfigId: string,
  rows: readonly { readonly chunkId: string; readonly embedding: Float32Array }[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx
    .insert(chunkEmbeddings)
    .values(rows.map((row) => ({ ...row, workspaceId: access.workspaceId, indexConfigId })))
    .onConflictDoNothing();
}

/** The next chunks, in reading order, that are not in the inverted index yet. */
export async function listChunksWithoutTerms(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  key: IndexedVersion,
  page: { readonly afterOrdinal: number; readonly limit: number },
): Promise<Chunk[]> {
  return db
    .select()
    .from(chunks)
    .where(and(ofVersion(access, key), eq(chunks.termCount, 0), sql`${chunks.ordinal} > ${page.afterOrdinal}`))
    .orderBy(asc(chunks.ordinal))
    .limit(page.limit);
}

/**
 * Enter chunks into the inverted index. Words are stemmed by the database's own English dictionary, for chunks and for
 * questions alike, so both always agree.
 */
export async function insertTerms(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  indexConfigId: string,
  rows: readonly { readonly chunkId: string; readonly text: LexicalText }[],
): Promise<void> {
  if (rows.length === 0) return;
  const ids = sql.param(rows.map((row) => row.chunkId));
  const words = sql.param(rows.map((row) => row.text.words));
  const codes = sql.param(rows.map((row) => row.text.codes.join(' ')));
  await tx.execute(sql`
    with input as (
      select * from unnest(${ids}::uuid[], ${words}::text[], ${codes}::text[]) as input(chunk_id, words, codes)
    ), found as (
      select chunk_id, lexeme as term, cardinality(positions) as frequency
      from input, unnest(to_tsvector('english', words))
      union all
      select chunk_id, code, 1 from input, unnest(string_to_array(codes, ' ')) as code where code <> ''
    ), counted as (
      select chunk_id, term, sum(frequency)::integer as frequency from found group by chunk_id, term
    ), entered as (
      insert into chunk_terms (workspace_id, index_config_id, term, chunk_id, frequency)
      select ${access.workspaceId}::uuid, ${indexConfigId}::uuid, term, chunk_id, frequency from counted
      on conflict do nothing
    )
    update chunks set term_count = total.frequency
    from (select chunk_id, sum(frequency)::integer as frequency from counted group by chunk_id) as total
    where chunks.id = total.chunk_id and chunks.workspace_id = ${access.workspaceId}::uuid`);
}

/**
 * Take every other version of the document out of the index, and this one out of indexes that are no longer in use. Pages
 * stay, for answers that cite them.
 */
export async function deleteChunksOfOtherVersions(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  key: IndexedVersion,
  livingConfigIds: readonly string[],
): Promise<void> {
  await tx
    .delete(chunks)
    .where(
      and(
        eq(chunks.workspaceId, access.workspaceId),
        eq(chunks.documentId, key.documentId),
        or(ne(chunks.versionId, key.versionId), notInArray(chunks.indexConfigId, [...livingConfigIds])),
      ),
    );
}

/** Take one version out of the index. */
export async function deleteChunksOfVersion(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  key: IndexedVersion,
): Promise<void> {
  await tx.delete(chunks).where(ofVersion(access, key));
}

/**
 * Remove some of the chunks that nobody will search again: of indexes that are not `kept`, and of versions that a newer one has
 * replaced. Not those of versions that are being indexed: their run takes its own along, and would stumble over rows that go
 * while it works.
 * @returns how many went; fewer than `limit`: there are no more
 */
export async function deleteAbandonedChunks(
  db: DatabaseExecutor,
  access: Authorized<'document.write'>,
  keptConfigIds: readonly string[],
  limit: number,
): Promise<number> {
  const result = await db.execute<{ id: string }>(sql`
    delete from chunks where id in (
      select c.id from chunks c
      join document_versions own on own.workspace_id = c.workspace_id and own.id = c.version_id
      join documents d on d.workspace_id = c.workspace_id and d.id = c.document_id
      left join document_versions answering on answering.workspace_id = c.workspace_id and answering.id = d.current_version_id
      where c.workspace_id = ${access.workspaceId}::uuid
        and (c.index_config_id <> all(${sql.param([...keptConfigIds])}::uuid[]) or own.ordinal < answering.ordinal)
        and not exists (
          select 1 from runs r where r.workspace_id = c.workspace_id and r.subject_id = c.version_id
            and r.kind = 'document.ingest' and r.state = 'running'
        )
      limit ${limit}
    ) returning id`);
  return result.rows.length;
}

/** What the index holds of versions that answer. */
export async function measureIndex(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  indexConfigId: string,
): Promise<{ readonly chunks: number; readonly tokens: number }> {
  const result = await db.execute<{ chunks: number; tokens: number }>(sql`
    select count(*)::float8 as chunks, coalesce(sum(c.token_count), 0)::float8 as tokens
    from chunks c join documents d on d.id = c.document_id
    where ${liveChunks(access, indexConfigId)}`);
  return result.rows[0] ?? { chunks: 0, tokens: 0 };
}

/** Some chunks from all over the index. */
export async function sampleChunks(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  indexConfigId: string,
  limit: number,
): Promise<Chunk[]> {
  return db
    .select()
    .from(chunks)
    .where(and(eq(chunks.workspaceId, access.workspaceId), eq(chunks.indexConfigId, indexConfigId)))
    .orderBy(sql`md5(${chunks.id}::text)`)
    .limit(limit);
}

/** Chunks that may answer: of the version that stands for its document, which is neither deleted nor superseded. Needs `c` and `d` in scope. */
const liveChunks = (access: Authorized<Permission>, indexConfigId: string) => sql`
  c.workspace_id = ${access.workspaceId}::uuid and c.index_config_id = ${indexConfigId}::uuid
  and d.workspace_id = ${access.workspaceId}::uuid and d.id = c.document_id
  and d.deleted_at is null and d.superseded_by_id is null and d.current_version_id = c.version_id`;

export interface DenseHit {
  readonly chunkId: string;
  /** Cosine similarity, −1 to 1. */
  readonly similarity: number;
}

/**
 * Nearest chunks by exact inner product: every vector of the workspace's live chunks is compared, so no index can
 * under-return a small tenant.
 * @param embedding L2-normalised, of the configuration's dimensions
 */
export async function searchDense(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  indexConfigId: string,
  embedding: Float32Array,
  limit: number,
): Promise<DenseHit[]> {
  const result = await db.execute<{ chunk_id: string; similarity: number }>(sql`
    select e.chunk_id, -(e.embedding <#> ${pgvector.toSql([...embedding])}::vector) as similarity
    from chunk_embeddings e
    join chunks c on c.id = e.chunk_id
    join documents d on d.id = c.document_id
    where e.workspace_id = ${access.workspaceId}::uuid and e.index_config_id = ${indexConfigId}::uuid
      and ${liveChunks(access, indexConfigId)}
    order by similarity desc, e.chunk_id
    limit ${limit}`);
  return result.rows.map((row) => ({ chunkId: row.chunk_id, similarity: row.similarity }));
}

export interface Bm25Parameters {
  /** Saturation of term frequency; 0 counts presence only. */
  readonly k1: number;
  /** Strength of length normalisation, 0 to 1. */
  readonly b: number;
}

export interface LexicalHit {
  readonly chunkId: string;
  /** BM25; comparable within one question only. */
  readonly score: number;
}

interface IndexedTerm {
  readonly term: string;
  readonly isCode: boolean;
}

/**
 * Distinct terms of a question, as the index holds them. Asked for first, so that the statements that use them name plain
 * values: the planner knows nothing of what a function inside a statement will return.
 */
async function readQuestionTerms(db: DatabaseExecutor, question: LexicalText): Promise<IndexedTerm[]> {
  const result = await db.execute<{ term: string; is_code: boolean }>(sql`
    select term, bool_or(is_code) as is_code from (
      select lexeme as term, false as is_code from unnest(to_tsvector('english', ${question.words}))
      union all
      select code, true from unnest(${sql.param([...question.codes])}::text[]) as code
    ) as terms group by term order by term`);
  return result.rows.map((row) => ({ term: row.term, isCode: row.is_code }));
}

/**
 * `live(id, length)`: each chunk that may answer, once. Materialised with its own id as key, because the embedded database
 * gathers no statistics by itself and would otherwise join row by row.
 */
const liveLengths = (access: Authorized<Permission>, indexConfigId: string) => sql`
  live as materialized (
    select c.id, c.term_count::float8 as length
    from chunks c join documents d on d.id = c.document_id
    where ${liveChunks(access, indexConfigId)}
  )`;

/** `postings(term, chunk_id, frequency, length, document_frequency)` of live chunks; needs `live`. */
const livePostings = (access: Authorized<Permission>, indexConfigId: string, terms: readonly IndexedTerm[]) => sql`
  entries as materialized (
    select t.term, t.chunk_id, t.frequency::float8 as frequency
    from chunk_terms t
    where t.workspace_id = ${access.workspaceId}::uuid and t.index_config_id = ${indexConfigId}::uuid
      and t.term = any(${sql.param(terms.map(({ term }) => term))}::text[])
  ), postings as materialized (
    select e.term, e.chunk_id, e.frequency, live.length,
      count(*) over (partition by e.term)::float8 as document_frequency
    from entries e join live on live.id = e.chunk_id
  )`;

/**
 * Best chunks by Okapi BM25 over the live chunks of the workspace:
 * Σ over terms of ln(1 + (N − df + 0.5) / (df + 0.5)) · f · (k1 + 1) / (f + k1 · (1 − b + b · length / averageLength)).
 * Document frequencies, N and the average length count live chunks of this workspace only, so nothing of another tenant
 * shows in a score.
 * @see Robertson, Zaragoza, The Probabilistic Relevance Framework, 2009; the idf is Lucene's, which is never negative
 */
export async function searchLexical(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  indexConfigId: string,
  question: LexicalText,
  parameters: Bm25Parameters,
  limit: number,
): Promise<LexicalHit[]> {
  const terms = await readQuestionTerms(db, question);
  if (terms.length === 0) return [];
  const result = await db.execute<{ chunk_id: string; score: number }>(sql`
    with ${liveLengths(access, indexConfigId)}, collection as materialized (
      select count(*)::float8 as size, greatest(avg(length), 1)::float8 as average_length from live
    ), ${livePostings(access, indexConfigId, terms)}
    select chunk_id, sum(
        ln(1 + (size - document_frequency + 0.5) / (document_frequency + 0.5))
        * frequency * (${parameters.k1}::float8 + 1)
        / (frequency + ${parameters.k1}::float8 * (1 - ${parameters.b}::float8 + ${parameters.b}::float8 * length / average_length))
      ) as score
    from postings, collection
    group by chunk_id
    order by score desc, chunk_id
    limit ${limit}`);
  return result.rows.map((row) => ({ chunkId: row.chunk_id, score: row.score }));
}

export interface QuestionTerm {
  readonly term: string;
  readonly isCode: boolean;
  /** ln(1 + (N − df + 0.5) / (df + 0.5)); highest for a term that no live chunk has. */
  readonly idf: number;
  /** Which of the asked chunks have the term. */
  readonly chunkIds: readonly string[];
}

/** How far chunks cover a question: its terms, what each is worth, and which of `chunkIds` contain it. */
export async function readTermCoverage(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  indexConfigId: string,
  question: LexicalText,
  chunkIds: readonly string[],
): Promise<QuestionTerm[]> {
  const terms = await readQuestionTerms(db, question);
  if (terms.length === 0) return [];
  const result = await db.execute<{ size: number; term: string; found: number; chunk_ids: string[] }>(sql`
    with ${liveLengths(access, indexConfigId)}, ${livePostings(access, indexConfigId, terms)}
    select (select count(*) from live)::float8 as size, term, count(*)::float8 as found,
      coalesce(array_agg(chunk_id::text) filter (where chunk_id = any(${sql.param([...chunkIds])}::uuid[])), '{}') as chunk_ids
    from postings group by term
    union all
    select count(*)::float8, '', 0, '{}' from live`);
  const size = result.rows[0]?.size ?? 0;
  const found = new Map(result.rows.map((row) => [row.term, row]));
  return terms.map(({ term, isCode }) => {
    const documentFrequency = found.get(term)?.found ?? 0;
    return {
      term,
      isCode,
      idf: Math.log(1 + (size - documentFrequency + 0.5) / (documentFrequency + 0.5)),
      chunkIds: found.get(term)?.chunk_ids ?? [],
    };
  });
}

/** Tell the planner how large the tables have become: the embedded database has no autovacuum to do it. */
export async function refreshStatistics(db: DatabaseExecutor): Promise<void> {
  await db.execute(
    sql`analyze documents, document_versions, document_pages, chunks, chunk_embeddings, chunk_terms, runs`,
  );
}

/** Which of these chunks belong to documents with a priority of their own. */
export async function listPrioritisedPassages(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  chunkIds: readonly string[],
): Promise<Map<string, PrioritisedPassage>> {
  if (chunkIds.length === 0) return new Map();
  const rows = await db
    .select({ id: chunks.id, documentId: documents.id, priority: documents.priority })
    .from(chunks)
    .innerJoin(documents, and(eq(documents.id, chunks.documentId), eq(documents.workspaceId, chunks.workspaceId)))
    .where(
      and(
        eq(chunks.workspaceId, access.workspaceId),
        inArray(chunks.id, [...chunkIds]),
        ne(documents.priority, 'normal'),
      ),
    );
  return new Map(
    rows.flatMap(({ id, documentId, priority }) => (priority === 'normal' ? [] : [[id, { documentId, priority }]])),
  );
}

export interface FoundChunk extends Chunk {
  readonly documentTitle: string;
}

/** Chunks by id with their document's title; ids of another workspace are silently left out. Order is not kept. */
export async function listChunksByIds(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  chunkIds: readonly string[],
): Promise<FoundChunk[]> {
  if (chunkIds.length === 0) return [];
  const rows = await db
    .select({ chunk: chunks, documentTitle: documents.title })
    .from(chunks)
    .innerJoin(documents, and(eq(documents.id, chunks.documentId), eq(documents.workspaceId, chunks.workspaceId)))
    .where(and(eq(chunks.workspaceId, access.workspaceId), inArray(chunks.id, [...chunkIds])));
  return rows.map((row) => ({ ...row.chunk, documentTitle: row.documentTitle }));
}
