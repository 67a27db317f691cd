/** Nearest neighbours of one workspace: exact while it is small, through an index of its own once it is large. */
import { and, eq, getTableColumns, notInArray, type SQL, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { chunkEmbeddings } from '#db/schema/documents.ts';
import { indexConfigs } from '#db/schema/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import type { DocumentPriority } from '#lib/domain/document-priority.ts';
import type { IndexConfig } from './index-configs.ts';
import { lockWorkspace } from './workspace-lock.ts';

/**
 * Vectors from which on a configuration gets an index. Below, comparing all of them takes some 20 ms on the embedded database;
 * above, the time grows with the workspace, and building the index later would hold the embedded database for longer.
 */
const INDEXED_FROM = 5000;

/** Candidates that the index looks at: recall@10 0.999 at 100,000 vectors (scripts/bench/retrieval.ts), at a few milliseconds. */
const EF_SEARCH = 200;

/** Vectors read for each one wanted, because those of a version that does not answer yet, or no more, are left out afterwards. */
const READ_PER_HIT = 2;

/** Memory for building; less makes pgvector build on disk, several times slower. */
const BUILD_MEMORY = '256MB';

type DenseConfig = Pick<IndexConfig, 'id' | 'dimensions'>;

const INDEX_NAME_PREFIX = 'chunk_embeddings_hnsw_';
const nameIndex = (configId: string) => `${INDEX_NAME_PREFIX}${configId.replaceAll('-', '')}`;

/** Into SQL as a literal: a partial index is used only where the planner sees that the condition is its own. */
const asLiteral = (configId: string) => sql.raw(`'${configId.replaceAll(/[^\da-f-]/gi, '')}'::uuid`);
const asColumn = (config: DenseConfig) => sql.raw(`(embedding::vector(${Math.trunc(config.dimensions)}))`);

/** @param name of the index, in SQL */
const isValidIndex = (name: SQL) => sql<boolean>`exists (
  select 1 from pg_class join pg_index on pg_index.indexrelid = pg_class.oid
  where pg_class.relname = ${name} and pg_index.indisvalid)`;

/** An index configuration, and whether its vectors have an index of their own. */
export interface SearchedIndex extends IndexConfig {
  readonly hasDenseIndex: boolean;
}

/** What questions are asked against; undefined: nothing was ever indexed in this workspace. */
export async function findSearchedIndex(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
): Promise<SearchedIndex | undefined> {
  const name = sql`${INDEX_NAME_PREFIX} || replace(${indexConfigs.id}::text, '-', '')`;
  const [row] = await db
    .select({ ...getTableColumns(indexConfigs), hasDenseIndex: isValidIndex(name) })
    .from(indexConfigs)
    .where(and(eq(indexConfigs.workspaceId, access.workspaceId), eq(indexConfigs.isActive, true)));
  return row;
}

const ofConfig = (access: Authorized<Permission>, configId: string) =>
  and(eq(chunkEmbeddings.workspaceId, access.workspaceId), eq(chunkEmbeddings.indexConfigId, configId));

/**
 * Give a configuration that has grown its own index. The index holds the vectors of this configuration and so of this workspace
 * only: a filter behind a shared index would lose most results of a small tenant. Call it when vectors were written; building takes
 * seconds, once, during which the embedded database serves nobody else.
 * @see docs/decisions/0025-search-at-scale.md
 */
export async function maintainDenseIndex(
  db: DatabaseExecutor,
  access: Authorized<'document.write'>,
  config: DenseConfig,
): Promise<void> {
  const result = await db.execute<{ is_due: boolean }>(sql`
    select not ${isValidIndex(sql`${nameIndex(config.id)}`)} and (
      select count(*) from (
        select 1 from chunk_embeddings where ${ofConfig(access, config.id)} limit ${INDEXED_FROM}
      ) as counted) = ${INDEXED_FROM} as is_due`);
  if (result.rows[0]?.is_due !== true) return;
  await db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    await tx.execute(sql`set local maintenance_work_mem = ${sql.raw(`'${BUILD_MEMORY}'`)}`);
    await tx.execute(sql`
      create index if not exists ${sql.identifier(nameIndex(config.id))}
      on chunk_embeddings using hnsw (${asColumn(config)} vector_ip_ops)
      where index_config_id = ${asLiteral(config.id)}`);
  });
}

/** Take away the indexes of configurations that are not `kept` and whose vectors are gone. */
export async function dropEmptyDenseIndexes(
  db: DatabaseExecutor,
  access: Authorized<'document.write'>,
  keptConfigIds: readonly string[],
): Promise<void> {
  const configs = await db
    .select({ id: indexConfigs.id })
    .from(indexConfigs)
    .where(and(eq(indexConfigs.workspaceId, access.workspaceId), notInArray(indexConfigs.id, [...keptConfigIds])));
  for (const { id } of configs) {
    if ((await db.$count(chunkEmbeddings, ofConfig(access, id))) > 0) continue;
    await db.execute(sql`drop index if exists ${sql.identifier(nameIndex(id))}`);
  }
}

export interface DenseHit {
  readonly chunkId: string;
  readonly documentId: string;
  readonly priority: DocumentPriority;
  /** Cosine similarity, −1 to 1. */
  readonly similarity: number;
}

export interface DenseResult {
  /** Best first. */
  readonly hits: readonly DenseHit[];
  readonly method: 'exact' | 'index';
}

/**
 * Nearest live chunks of the workspace by inner product. Never fewer than there are: where too many of the index's answers belong
 * to versions that do not answer, and where only some documents are asked for, all vectors are compared.
 * @param index as {@link findSearchedIndex} found it; an index that went away since costs time, but no passage
 * @param embedding L2-normalised, of the configuration's dimensions
 * @param options.documentIds only chunks of these documents
 */
export async function searchDense(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  index: DenseConfig & Pick<SearchedIndex, 'hasDenseIndex'>,
  embedding: Float32Array,
  options: { readonly limit: number; readonly documentIds?: readonly string[] },
): Promise<DenseResult> {
  const { limit, documentIds } = options;
  const vector = sql.param(embedding, chunkEmbeddings.embedding);
  const read = READ_PER_HIT * limit;
  if (documentIds === undefined) {
    const nearest = index.hasDenseIndex
      ? sql`
          select chunk_id, ${asColumn(index)} <#> ${vector}::vector as distance from chunk_embeddings
          where workspace_id = ${access.workspaceId}::uuid and index_config_id = ${asLiteral(index.id)}
            and ${raiseEffort(Math.max(EF_SEARCH, read))}
          order by distance limit ${read}`
      : sql`
          select chunk_id, embedding <#> ${vector}::vector as distance from chunk_embeddings
          where workspace_id = ${access.workspaceId}::uuid and index_config_id = ${index.id}::uuid
          order by distance limit ${read}`;
    const { hits, readCount } = await readNearest(db, access, index, limit, nearest);
    if (hits.length === limit || readCount < read) return { hits, method: index.hasDenseIndex ? 'index' : 'exact' };
  }
  const isWanted = documentIds ? sql`c.document_id = any(${sql.param([...documentIds])}::uuid[])` : sql`true`;
  const { hits } = await readNearest(
    db,
    access,
    index,
    limit,
    sql`
      select e.chunk_id, e.embedding <#> ${vector}::vector as distance
      from chunks c
      join documents d on d.id = c.document_id and d.workspace_id = c.workspace_id
        and d.current_version_id = c.version_id and d.deleted_at is null and d.superseded_by_id is null
      join chunk_embeddings e on e.chunk_id = c.id
      where c.workspace_id = ${access.workspaceId}::uuid and c.index_config_id = ${index.id}::uuid and ${isWanted}
      order by distance limit ${limit}`,
  );
  return { hits, method: 'exact' };
}

/**
 * True, and as long as the statement runs the index looks at so many candidates: evaluated once, before the scan begins. In the
 * statement itself, since a transaction for `set local` would cost three more round trips.
 */
const raiseEffort = (candidates: number) =>
  sql`(select set_config('hnsw.ef_search', ${String(candidates)}, true)) is not null`;

async function readNearest(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  index: DenseConfig,
  limit: number,
  nearest: SQL,
): Promise<{ readonly hits: DenseHit[]; readonly readCount: number }> {
  const result = await db.execute<{
    chunk_id: string;
    distance: number;
    document_id: string | null;
    priority: DocumentPriority | null;
  }>(sql`
    with nearest as materialized (${nearest})
    select nearest.chunk_id, nearest.distance, d.id as document_id, d.priority
    from nearest
    left join chunks c on c.id = nearest.chunk_id and c.workspace_id = ${access.workspaceId}::uuid
      and c.index_config_id = ${index.id}::uuid
    left join documents d on d.id = c.document_id and d.workspace_id = c.workspace_id
      and d.current_version_id = c.version_id and d.deleted_at is null and d.superseded_by_id is null
    order by nearest.distance, nearest.chunk_id`);
  const hits = result.rows
    .flatMap(({ chunk_id: chunkId, distance, document_id: documentId, priority }): DenseHit[] =>
      documentId !== null && priority !== null ? [{ chunkId, documentId, priority, similarity: -distance }] : [],
    )
    .slice(0, limit);
  return { hits, readCount: result.rows.length };
}
