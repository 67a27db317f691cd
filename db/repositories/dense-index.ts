/** Nearest neighbours of one workspace: exact while it is small, through an index of its own once it is large. */
import { and, eq, notInArray, sql } from 'drizzle-orm';
import pgvector from 'pgvector';
import type { DatabaseExecutor } from '#db/executor.ts';
import { chunkEmbeddings } from '#db/schema/documents.ts';
import { indexConfigs } from '#db/schema/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
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

const nameIndex = (configId: string) => `chunk_embeddings_hnsw_${configId.replaceAll('-', '')}`;

/** Into SQL as a literal: a partial index is used only where the planner sees that the condition is its own. */
const asLiteral = (configId: string) => sql.raw(`'${configId.replaceAll(/[^\da-f-]/gi, '')}'::uuid`);
const asColumn = (config: DenseConfig) => sql.raw(`(embedding::vector(${Math.trunc(config.dimensions)}))`);

async function hasIndex(db: DatabaseExecutor, configId: string): Promise<boolean> {
  const result = await db.execute(sql`
    select 1 from pg_class join pg_index on pg_index.indexrelid = pg_class.oid
    where pg_class.relname = ${nameIndex(configId)} and pg_index.indisvalid`);
  return result.rows.length > 0;
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
  if (await hasIndex(db, config.id)) return;
  if ((await db.$count(chunkEmbeddings, ofConfig(access, config.id))) < INDEXED_FROM) return;
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
 * @param embedding L2-normalised, of the configuration's dimensions
 * @param options.documentIds only chunks of these documents
 * @param options.method default: by the index where there is one
 */
export async function searchDense(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  config: DenseConfig,
  embedding: Float32Array,
  options: { readonly limit: number; readonly documentIds?: readonly string[]; readonly method?: 'exact' },
): Promise<DenseResult> {
  const { limit, documentIds } = options;
  const vector = sql`${pgvector.toSql([...embedding])}::vector`;
  const read = READ_PER_HIT * limit;
  if (documentIds === undefined) {
    const isIndexed = options.method !== 'exact' && (await hasIndex(db, config.id));
    const result = isIndexed
      ? await db.transaction(async (tx) => {
          await tx.execute(sql`set local hnsw.ef_search = ${sql.raw(String(Math.max(EF_SEARCH, read)))}`);
          return await readNearest(
            tx,
            access,
            config,
            limit,
            sql`
              select chunk_id, ${asColumn(config)} <#> ${vector} as distance from chunk_embeddings
              where workspace_id = ${access.workspaceId}::uuid and index_config_id = ${asLiteral(config.id)}
              order by ${asColumn(config)} <#> ${vector} limit ${read}`,
          );
        })
      : await readNearest(
          db,
          access,
          config,
          limit,
          sql`
            select chunk_id, embedding <#> ${vector} as distance from chunk_embeddings
            where workspace_id = ${access.workspaceId}::uuid and index_config_id = ${config.id}::uuid
            order by distance limit ${read}`,
        );
    if (result.hits.length === limit || result.readCount < read) {
      return { hits: result.hits, method: isIndexed ? 'index' : 'exact' };
    }
  }
  const isWanted = documentIds ? sql`c.document_id = any(${sql.param([...documentIds])}::uuid[])` : sql`true`;
  const { hits } = await readNearest(
    db,
    access,
    config,
    limit,
    sql`
      select e.chunk_id, e.embedding <#> ${vector} as distance
      from chunks c
      join documents d on d.id = c.document_id and d.workspace_id = c.workspace_id
        and d.current_version_id = c.version_id and d.deleted_at is null and d.superseded_by_id is null
      join chunk_embeddings e on e.chunk_id = c.id
      where c.workspace_id = ${access.workspaceId}::uuid and c.index_config_id = ${config.id}::uuid and ${isWanted}
      order by distance limit ${limit}`,
  );
  return { hits, method: 'exact' };
}

async function readNearest(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  config: DenseConfig,
  limit: number,
  nearest: ReturnType<typeof sql>,
): Promise<{ readonly hits: DenseHit[]; readonly readCount: number }> {
  const result = await db.execute<{ chunk_id: string; distance: number; is_live: boolean }>(sql`
    with nearest as materialized (${nearest})
    select nearest.chunk_id, nearest.distance, d.id is not null as is_live
    from nearest
    left join chunks c on c.id = nearest.chunk_id and c.workspace_id = ${access.workspaceId}::uuid
      and c.index_config_id = ${config.id}::uuid
    left join documents d on d.id = c.document_id and d.workspace_id = c.workspace_id
      and d.current_version_id = c.version_id and d.deleted_at is null and d.superseded_by_id is null
    order by nearest.distance, nearest.chunk_id`);
  const hits = result.rows
    .filter((row) => row.is_live)
    .slice(0, limit)
    .map((row) => ({ chunkId: row.chunk_id, similarity: -row.distance }));
  return { hits, readCount: result.rows.length };
}
