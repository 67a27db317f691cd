import { type SQL, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import type { DocumentFilter, DocumentGroup, DocumentOrder, DocumentPageQuery } from '#lib/domain/document-list.ts';

export interface FoundDocuments {
  /** Of this page, in order. */
  readonly ids: readonly string[];
  /** All that pass the filter. */
  readonly total: number;
  /** What the filter without its group would find, by group. */
  readonly byGroup: Readonly<Record<DocumentGroup, number>>;
}

const escapeLike = (word: string) => word.replaceAll(/[\\%_]/g, '\\$&');

function matchWords(search: string): SQL {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return sql`true`;
  const text = sql`lower(d.title || ' ' || d.file_name || ' ' || array_to_string(d.tags, ' '))`;
  return sql.join(
    words.map((word) => sql`${text} like ${`%${escapeLike(word)}%`}`),
    sql` and `,
  );
}

/** `listed`: every document that passes the filter but for its group, each with its newest version and that one's newest run. */
const listed = (access: Authorized<Permission>, filter: DocumentFilter) => sql`
  listed as materialized (
    select d.id, lower(d.title) as name, d.created_at as added, v.size_bytes as size,
      greatest(v.created_at, r.finished_at) as changed,
      case
        when d.superseded_by_id is not null then 'superseded'
        when d.current_version_id = v.id then 'ready'
        when r.state in ('failed', 'cancelled') then r.state
        else 'moving'
      end as document_group
    from documents d
    join lateral (
      select id, size_bytes, created_at, media_type from document_versions
      where document_id = d.id and workspace_id = d.workspace_id
      order by ordinal desc limit 1
    ) v on true
    left join lateral (
      select state, finished_at from runs
      where workspace_id = d.workspace_id and subject_id = v.id and kind = 'document.ingest'
      order by created_at desc, id desc limit 1
    ) r on true
    where d.workspace_id = ${access.workspaceId}::uuid and d.deleted_at is null
      and ${matchWords(filter.search)}
      and (${filter.tag}::text is null or ${filter.tag}::text = any(d.tags))
      and (${filter.mediaType}::text is null or v.media_type = ${filter.mediaType}::text)
  )`;

const inGroup = (filter: DocumentFilter) =>
  sql`(${filter.group}::text is null or document_group = ${filter.group}::text)`;

const orderColumns: Readonly<Record<DocumentOrder, SQL>> = {
  added: sql`added`,
  changed: sql`changed`,
  name: sql`name`,
  size: sql`size`,
};

/** One page of the workspace's documents. Work grows with the number of documents, not with what they hold. */
export async function findDocuments(
  db: DatabaseExecutor,
  access: Authorized<'document.read'>,
  query: DocumentPageQuery,
): Promise<FoundDocuments> {
  const direction = query.isDescending ? sql`desc` : sql`asc`;
  const result = await db.execute<{ ids: string[]; groups: Partial<Record<DocumentGroup, number>> }>(sql`
    with ${listed(access, query)}, page as (
      select id, row_number() over (order by ${orderColumns[query.order]} ${direction}, id ${direction}) as position
      from listed where ${inGroup(query)}
      order by position limit ${query.limit} offset ${query.offset}
    )
    select coalesce((select array_agg(id::text order by position) from page), '{}') as ids,
      coalesce((select jsonb_object_agg(document_group, n) from (
        select document_group, count(*)::integer as n from listed group by document_group
      ) as counted), '{}') as groups`);
  const [row] = result.rows;
  const byGroup = { moving: 0, ready: 0, failed: 0, cancelled: 0, superseded: 0, ...row?.groups };
  const total =
    query.group === null ? Object.values(byGroup).reduce((sum, count) => sum + count, 0) : byGroup[query.group];
  return { ids: row?.ids ?? [], total, byGroup };
}

/** All ids that pass a filter, newest document first. */
export async function listMatchingDocumentIds(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  filter: DocumentFilter,
): Promise<string[]> {
  const result = await db.execute<{ id: string }>(
    sql`with ${listed(access, filter)} select id from listed where ${inGroup(filter)} order by added desc, id`,
  );
  return result.rows.map((row) => row.id);
}

/** `indexed`: in answers. `pending`: the first version waits or is being indexed. */
export async function countLiveDocuments(
  db: DatabaseExecutor,
  access: Authorized<'document.read'>,
): Promise<{ readonly indexed: number; readonly pending: number }> {
  const result = await db.execute<{ indexed: number; pending: number }>(sql`
    select count(*) filter (where d.current_version_id is not null and d.superseded_by_id is null)::integer as indexed,
      count(*) filter (where d.current_version_id is null and exists (
        select 1 from document_versions v
        join runs r on r.workspace_id = v.workspace_id and r.subject_id = v.id and r.kind = 'document.ingest'
        where v.document_id = d.id and v.workspace_id = d.workspace_id and r.state in ('queued', 'running')
      ))::integer as pending
    from documents d where d.workspace_id = ${access.workspaceId}::uuid and d.deleted_at is null`);
  return result.rows[0] ?? { indexed: 0, pending: 0 };
}

export interface TagCount {
  readonly tag: string;
  readonly count: number;
}

/** Tags in use, in alphabetical order. */
export async function countTags(db: DatabaseExecutor, access: Authorized<'document.read'>): Promise<TagCount[]> {
  const result = await db.execute<{ tag: string; count: number }>(sql`
    select tag, count(*)::integer as count from documents d, unnest(d.tags) as tag
    where d.workspace_id = ${access.workspaceId}::uuid and d.deleted_at is null
    group by tag order by tag collate "C"`);
  return result.rows.map(({ tag, count }) => ({ tag, count }));
}

export interface DeletedDocument {
  readonly documentId: string;
  readonly fileName: string;
  readonly deletedAt: Date;
  readonly state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly stage: string | null;
  readonly runId: string;
  readonly errorMessage: string | null;
  readonly finishedAt: Date | null;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Documents that were deleted, newest first: those being removed, and those of which nothing is left. */
export async function listDeletedDocuments(
  db: DatabaseExecutor,
  access: Authorized<'document.read'>,
  page: { readonly offset: number; readonly limit: number },
): Promise<{ readonly rows: readonly DeletedDocument[]; readonly total: number; readonly unfinished: number }> {
  const [counts, result] = await Promise.all([
    db.execute<{ total: number; unfinished: number }>(sql`
      select count(*)::integer as total, count(*) filter (where state <> 'succeeded')::integer as unfinished
      from runs where workspace_id = ${access.workspaceId}::uuid and kind = 'document.delete'`),
    db.execute<{
      id: string;
      subject_id: string;
      title: string;
      state: DeletedDocument['state'];
      stage: string | null;
      error_message: string | null;
      created_at: Date | string;
      finished_at: Date | string | null;
      details: Record<string, unknown>;
    }>(sql`
      select id, subject_id, title, state, stage, error_message, created_at, finished_at, details
      from runs where workspace_id = ${access.workspaceId}::uuid and kind = 'document.delete'
      order by created_at desc, id desc limit ${page.limit} offset ${page.offset}`),
  ]);
  return {
    total: counts.rows[0]?.total ?? 0,
    unfinished: counts.rows[0]?.unfinished ?? 0,
    rows: result.rows.map((row) => ({
      documentId: row.subject_id,
      fileName: row.title,
      deletedAt: new Date(row.created_at),
      state: row.state,
      stage: row.stage,
      runId: row.id,
      errorMessage: row.error_message,
      finishedAt: row.finished_at === null ? null : new Date(row.finished_at),
      details: row.details,
    })),
  };
}
