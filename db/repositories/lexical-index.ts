/**
 * The inverted index and BM25 over it. Statistics of the collection (number of chunks, average length, document frequencies) are
 * summed from the rows that answer, in the statement that uses them: they are never stored a second time, so no insert, delete,
 * replacement, re-indexing, kill or second worker can leave them wrong.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import type { DocumentPriority } from '#lib/domain/document-priority.ts';
import type { LexicalText } from '#lib/domain/lexical-text.ts';

/** What one number of `term_postings.postings` has room for in frequency and in length. */
const MAX_PACKED = 65_535;

/** Share of a question's weight that its common terms may have together; measured in docs/decisions/0025-search-at-scale.md. */
const COMMON_SHARE = 0.15;

/**
 * Enter chunks into the inverted index, as one batch for each version among them. Words are stemmed by the database's own English
 * dictionary, for chunks and for questions alike, so both always agree.
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
  const { workspaceId } = access;
  await tx.execute(sql`
    with input as (
      select * from unnest(${ids}::uuid[], ${words}::text[], ${codes}::text[]) as input(chunk_id, words, codes)
    ), found as (
      select chunk_id, lexeme as term, cardinality(positions) as frequency
      from input, unnest(to_tsvector('english', words))
      union all
      select chunk_id, code, 1 from input, unnest(string_to_array(codes, ' ')) as code where code <> ''
    ), counted as materialized (
      select chunk_id, term, sum(frequency)::integer as frequency from found group by chunk_id, term
    ), numbered as materialized (
      select c.id as chunk_id, c.version_id, c.ordinal, lengths.length,
        first_value(c.id) over version as batch_id, c.ordinal - first_value(c.ordinal) over version as position
      from (select chunk_id, sum(frequency)::integer as length from counted group by chunk_id) as lengths
      join chunks c on c.id = lengths.chunk_id
      where c.workspace_id = ${workspaceId}::uuid and c.index_config_id = ${indexConfigId}::uuid and c.term_count = 0
      window version as (partition by c.version_id order by c.ordinal)
    ), batches as (
      insert into term_batches
        (first_chunk_id, workspace_id, index_config_id, version_id, first_ordinal, chunk_count, term_count)
      select batch_id, ${workspaceId}::uuid, ${indexConfigId}::uuid, version_id, min(ordinal), count(*), sum(length)
      from numbered group by batch_id, version_id
    ), entered as (
      insert into term_postings (workspace_id, index_config_id, term, batch_id, postings)
      select ${workspaceId}::uuid, ${indexConfigId}::uuid, term, batch_id, array_agg(
        (position::bigint << 32) | (least(frequency, ${MAX_PACKED})::bigint << 16) | least(length, ${MAX_PACKED})
        order by position)
      from counted join numbered using (chunk_id) group by term, batch_id
    )
    update chunks set term_count = numbered.length from numbered
    where chunks.id = numbered.chunk_id and chunks.workspace_id = ${workspaceId}::uuid`);
}

export interface Bm25Parameters {
  /** Saturation of term frequency; 0 counts presence only. */
  readonly k1: number;
  /** Strength of length normalisation, 0 to 1. */
  readonly b: number;
}

export interface LexicalHit {
  readonly chunkId: string;
  readonly documentId: string;
  readonly priority: DocumentPriority;
  /** BM25; comparable within one question only. */
  readonly score: number;
}

export interface QuestionTerm {
  readonly term: string;
  readonly isCode: boolean;
  /** Live chunks of the workspace that have the term. */
  readonly documentFrequency: number;
  /** ln(1 + (N − df + 0.5) / (df + 0.5)); highest for a term that no live chunk has. */
  readonly idf: number;
}

export interface LexicalResult {
  /** Best first. */
  readonly hits: readonly LexicalHit[];
  readonly terms: readonly QuestionTerm[];
}

/**
 * Best chunks by Okapi BM25 over the live chunks of the workspace:
 * Σ over terms of ln(1 + (N − df + 0.5) / (df + 0.5)) · f · (k1 + 1) / (f + k1 · (1 − b + b · length / averageLength)).
 * Document frequencies, N and the average length count live chunks of this workspace only, so nothing of another tenant
 * shows in a score. Chunks without any term count nowhere.
 *
 * Exact, though common terms are not scored everywhere: a chunk gets less from a term than the term's weight. So where the last of
 * the best by rare terms has more than all common ones can give, only batches with a chunk that common terms could still lift
 * among the best are looked at for them; where it has not, all are.
 * @param options.documentIds only chunks of these documents are ranked; statistics stay those of the workspace
 * @see Robertson, Zaragoza, The Probabilistic Relevance Framework, 2009; the idf is Lucene's, which is never negative; the bound is
 *   MaxScore: Turtle, Flood, Query Evaluation: Strategies and Optimizations, 1995
 */
export async function searchLexical(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  indexConfigId: string,
  question: LexicalText,
  options: Bm25Parameters & { readonly limit: number; readonly documentIds?: readonly string[] },
): Promise<LexicalResult> {
  const { k1, b, limit, documentIds } = options;
  const isWanted = documentIds ? sql`d.id = any(${sql.param([...documentIds])}::uuid[])` : sql`true`;
  const scorePostings = (which: SQL) => sql`
    select batch_id, (posting >> 32)::integer as position,
      weight * ((posting >> 16) & ${MAX_PACKED})
      / (((posting >> 16) & ${MAX_PACKED})
        + ${k1}::float8 * (1 - ${b}::float8 + ${b}::float8 * (posting & ${MAX_PACKED}) / average_length)) as score
    from term_postings p join weights using (term) join live on live.first_chunk_id = p.batch_id
    cross join collection cross join unnest(p.postings) as posting
    where p.index_config_id = ${indexConfigId}::uuid and p.term = any((select array_agg(term) from weights where ${which})::text[]) and live.is_wanted`;
  // Rows of three kinds in one answer, so that all of it is true of the same moment: the collection, the terms, the hits.
  // A posting's workspace is that of its batch in `live`; a condition on its own column would fetch each row from the table.
  const result = await db.execute<LexicalRow>(sql`
    with terms as materialized (
      select term, bool_or(is_code) as is_code from (
        select lexeme as term, false as is_code from unnest(to_tsvector('english', ${question.words}))
        union all
        select code, true from unnest(${sql.param([...question.codes])}::text[]) as code
      ) as found group by term
    ), live as materialized (
      select t.first_chunk_id, t.version_id, t.first_ordinal, t.chunk_count, t.term_count,
        d.id as document_id, d.priority, ${isWanted} as is_wanted
      from term_batches t
      join documents d on d.workspace_id = t.workspace_id and d.current_version_id = t.version_id and d.deleted_at is null and d.superseded_by_id is null
      where t.workspace_id = ${access.workspaceId}::uuid and t.index_config_id = ${indexConfigId}::uuid
    ), collection as materialized (
      select coalesce(sum(chunk_count), 0)::float8 as size,
        coalesce(sum(term_count)::float8 / sum(chunk_count), 1) as average_length
      from live
    ), frequencies as materialized (
      select p.term, sum(cardinality(p.postings))::float8 as document_frequency
      from term_postings p join live on live.first_chunk_id = p.batch_id
      where p.index_config_id = ${indexConfigId}::uuid and p.term = any((select array_agg(term) from terms)::text[])
      group by p.term
    ), weights as materialized (
      select term, weight,
        sum(weight) over (order by weight, term) <= ${COMMON_SHARE}::float8 * sum(weight) over () as is_common
      from (
        select term, ln(1 + (size - document_frequency + 0.5) / (document_frequency + 0.5)) * (${k1}::float8 + 1) as weight
        from frequencies, collection
      ) as weighed
    ), rare as materialized (
      select batch_id, position, sum(score) as score
      from (${scorePostings(sql`not is_common`)}) as found
      group by batch_id, position
    ), bounds as materialized (
      select coalesce((select sum(weight) from weights where is_common), 0) as common,
        coalesce((select score from rare order by score desc offset ${limit - 1} limit 1), 0) as least
    ), promising as materialized (
      select distinct batch_id from rare, bounds where score >= least - common
    ), scored as materialized (
      select batch_id, position, sum(score) as score from (
        select * from rare
        union all
        ${scorePostings(sql`is_common`)}
          and ((select least < common from bounds) or p.batch_id in (select batch_id from promising))
      ) as found
      group by batch_id, position
      order by score desc, batch_id, position
      limit ${limit}
    )
    select 'collection' as kind, '' as key, size as value, null::uuid as document_id, null::text as priority, false as is_code
    from collection
    union all
    select 'term', terms.term, coalesce(document_frequency, 0), null, null, is_code
    from terms left join frequencies using (term)
    union all
    select 'hit', c.id::text, scored.score, live.document_id, live.priority, false
    from scored join live on live.first_chunk_id = scored.batch_id
    join chunks c on c.version_id = live.version_id and c.index_config_id = ${indexConfigId}::uuid
      and c.ordinal = live.first_ordinal + scored.position and c.workspace_id = ${access.workspaceId}::uuid`);
  const size = result.rows.find((row) => row.kind === 'collection')?.value ?? 0;
  // The order of a union is not promised.
  return {
    hits: result.rows
      .flatMap((row): LexicalHit[] =>
        row.kind === 'hit'
          ? [{ chunkId: row.key, documentId: row.document_id, priority: row.priority, score: row.value }]
          : [],
      )
      .sort((a, c) => c.score - a.score || (a.chunkId < c.chunkId ? -1 : 1)),
    terms: result.rows
      .flatMap((row): QuestionTerm[] => {
        if (row.kind !== 'term') return [];
        const idf = Math.log(1 + (size - row.value + 0.5) / (row.value + 0.5));
        return [{ term: row.key, isCode: row.is_code, documentFrequency: row.value, idf }];
      })
      .sort((a, c) => (a.term < c.term ? -1 : 1)),
  };
}

type LexicalRow =
  | { readonly kind: 'collection'; readonly value: number }
  | { readonly kind: 'term'; readonly key: string; readonly value: number; readonly is_code: boolean }
  | {
      readonly kind: 'hit';
      readonly key: string;
      readonly value: number;
      readonly document_id: string;
      readonly priority: DocumentPriority;
    };
