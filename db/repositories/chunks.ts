import { and, asc, count, eq, inArray, ne, notInArray, or, sql } from 'drizzle-orm';
import { v7 as createUuid } from 'uuid';
import type { DatabaseExecutor } from '#db/executor.ts';
import { chunkEmbeddings, chunks, documents } from '#db/schema/documents.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';

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

/** Chunks that begin on one page of a version, in reading order. */
export async function listChunksOfPage(
  db: DatabaseExecutor,
  access: Authorized<'document.read'>,
  key: Pick<IndexedVersion, 'versionId' | 'indexConfigId'>,
  pageNumber: number,
): Promise<Chunk[]> {
  return db
    .select()
    .from(chunks)
    .where(and(ofVersion(access, key), eq(chunks.pageNumber, pageNumber)))
    .orderBy(asc(chunks.ordinal));
}

/** How many chunks a version has, and their tokens under the embedding model together. */
export async function measureChunks(
  db: DatabaseExecutor,
  access: Authorized<'document.read'>,
  key: Pick<IndexedVersion, 'versionId' | 'indexConfigId'>,
): Promise<{ readonly count: number; readonly tokens: number }> {
  const [row] = await db
    .select({ count: count(), tokens: sql<number>`coalesce(sum(${chunks.tokenCount}), 0)::integer` })
    .from(chunks)
    .where(ofVersion(access, key));
  return row ?? { count: 0, tokens: 0 };
}

/** A chunk that is not stored yet. */
export const createChunk = (access: Authorized<'document.write'>, key: IndexedVersion, row: NewChunk): Chunk => ({
  id: createUuid(),
  workspaceId: access.workspaceId,
  documentId: key.documentId,
  versionId: key.versionId,
  indexConfigId: key.indexConfigId,
  ...row,
  termCount: 0,
});

/** All chunks of a version at once, so that a version has either all of them or none. */
export async function insertChunks(tx: DatabaseExecutor, rows: readonly Chunk[]): Promise<void> {
  const ROWS_PER_INSERT = 200;
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
    await tx.insert(chunks).values(rows.slice(start, start + ROWS_PER_INSERT));
  }
}

/** A chunk, and which parts of the index hold it. */
export interface ChunkInIndex extends Chunk {
  readonly isEmbedded: boolean;
  readonly isEntered: boolean;
}

/** All chunks of a version in reading order. */
export async function listChunksInIndex(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  key: IndexedVersion,
): Promise<ChunkInIndex[]> {
  const rows = await db
    .select({ chunk: chunks, embeddedId: chunkEmbeddings.chunkId })
    .from(chunks)
    .leftJoin(chunkEmbeddings, eq(chunkEmbeddings.chunkId, chunks.id))
    .where(ofVersion(access, key))
    .orderBy(asc(chunks.ordinal));
  return rows.map(({ chunk, embeddedId }) => ({
    ...chunk,
    isEmbedded: embeddedId !== null,
    isEntered: chunk.termCount > 0,
  }));
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

const SEARCHED_TABLES = [
  'documents',
  'document_versions',
  'document_pages',
  'chunks',
  'chunk_embeddings',
  'term_batches',
  'term_postings',
  'runs',
];

/**
 * What autovacuum does elsewhere and the embedded database leaves undone: tell the planner how large the tables have become, make
 * room of what was deleted, and mark pages as seen by all, without which the index of postings is read with the table beside it
 * (docs/decisions/0025-search-at-scale.md). Only tables that changed by a tenth, autovacuum's own measure: a small document is
 * indexed in less time than all of them take. Not inside a transaction.
 */
export async function maintainTables(db: DatabaseExecutor): Promise<void> {
  const changed = await db.execute<{ relname: string }>(sql`
    select s.relname from pg_stat_user_tables s join pg_class c on c.oid = s.relid
    where s.relname = any(${sql.param(SEARCHED_TABLES)}::text[])
      and s.n_mod_since_analyze > 50 + 0.1 * greatest(c.reltuples, 0)`);
  if (changed.rows.length === 0) return;
  // Giving pages back to the disk would wait for everybody who reads, and a table that another worker looks after needs no second one.
  await db.execute(
    sql`vacuum (analyze, truncate false, skip_locked) ${sql.join(
      changed.rows.map((row) => sql.identifier(row.relname)),
      sql`, `,
    )}`,
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
