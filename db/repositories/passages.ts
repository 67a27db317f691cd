import { sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';

export interface PageText {
  readonly versionId: string;
  readonly pageNumber: number;
  readonly text: string;
}

export interface PassageSurroundings {
  /** The pages that the chunks begin on, each once. Order is not kept. */
  readonly pages: readonly PageText[];
  /** Which of the chunks have which of the terms. */
  readonly terms: readonly { readonly term: string; readonly chunkId: string }[];
}

/** What a reader wants to know of chunks that were found; ids of another workspace are silently left out. */
export async function readSurroundings(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  indexConfigId: string,
  chunkIds: readonly string[],
  terms: readonly string[],
): Promise<PassageSurroundings> {
  if (chunkIds.length === 0) return { pages: [], terms: [] };
  const result = await db.execute<SurroundingsRow>(sql`
    with asked as materialized (
      select id, version_id, page_number, ordinal from chunks
      where workspace_id = ${access.workspaceId}::uuid and index_config_id = ${indexConfigId}::uuid
        and id = any(${sql.param([...chunkIds])}::uuid[])
    )
    select 'page' as kind, version_id, page_number, text, null::uuid as chunk_id
    from document_pages
    where workspace_id = ${access.workspaceId}::uuid
      and (version_id, page_number) in (select version_id, page_number from asked)
    union all
    select 'term', null, null, p.term, asked.id
    from asked
    join term_batches t on t.workspace_id = ${access.workspaceId}::uuid and t.index_config_id = ${indexConfigId}::uuid
      and t.version_id = asked.version_id and t.first_ordinal <= asked.ordinal
    join term_postings p on p.batch_id = t.first_chunk_id and p.index_config_id = t.index_config_id
      and p.term = any(${sql.param([...terms])}::text[])
    where exists (select 1 from unnest(p.postings) as posting where posting >> 32 = asked.ordinal - t.first_ordinal)`);
  return {
    pages: result.rows.flatMap((row) =>
      row.kind === 'page' ? [{ versionId: row.version_id, pageNumber: row.page_number, text: row.text }] : [],
    ),
    terms: result.rows.flatMap((row) => (row.kind === 'term' ? [{ term: row.text, chunkId: row.chunk_id }] : [])),
  };
}

type SurroundingsRow =
  | { readonly kind: 'page'; readonly version_id: string; readonly page_number: number; readonly text: string }
  | { readonly kind: 'term'; readonly text: string; readonly chunk_id: string };

const squash = (text: ReturnType<typeof sql>) => sql`trim(regexp_replace(lower(${text}), '[^[:alnum:]]+', ' ', 'g'))`;

/** Texts of some pages; pages that there are not, and those of another workspace, are silently left out. */
export async function listPageTexts(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  places: readonly Omit<PageText, 'text'>[],
): Promise<PageText[]> {
  if (places.length === 0) return [];
  const result = await db.execute<{ versionId: string; pageNumber: number; text: string }>(sql`
    select version_id as "versionId", page_number as "pageNumber", text from document_pages
    where workspace_id = ${access.workspaceId}::uuid and (version_id, page_number) in (
      select * from unnest(
        ${sql.param(places.map(({ versionId }) => versionId))}::uuid[],
        ${sql.param(places.map(({ pageNumber }) => pageNumber))}::int[]
      )
    )`);
  return result.rows;
}

export interface NamedDocument {
  readonly id: string;
  readonly title: string;
}

/** Documents that answer, with the words of their names: lower case, single spaces between. */
const selectNames = (access: Authorized<Permission>) => sql`
  select d.id, d.title, d.file_name, ${squash(sql`d.title`)} as title_words, ${squash(sql`d.file_name`)} as file_words
  from documents d
  where d.workspace_id = ${access.workspaceId}::uuid and d.deleted_at is null and d.superseded_by_id is null
    and d.current_version_id is not null`;

/**
 * Documents whose whole title, or file name, stands in a text; case, punctuation and spacing do not count.
 * @param words the text's words, lower case, with single spaces between
 */
export async function listDocumentsNamedIn(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  words: string,
): Promise<NamedDocument[]> {
  const result = await db.execute<{ id: string; title: string }>(sql`
    select id, title from (${selectNames(access)}) as named
    where (title_words <> '' and strpos(${` ${words} `}, ' ' || title_words || ' ') > 0)
      or (file_words <> '' and strpos(${` ${words} `}, ' ' || file_words || ' ') > 0)
    order by length(title_words) desc, id`);
  return result.rows;
}

/**
 * Documents whose title and file name together hold every word of one of the phrases.
 * @param phrases at least one, of at least one word each; lower case
 */
export async function listDocumentsWithWords(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  phrases: readonly (readonly string[])[],
): Promise<(NamedDocument & { readonly fileName: string })[]> {
  const fits = phrases.map((words) => {
    const held = words.map((word) => sql`strpos(' ' || title_words || ' ' || file_words || ' ', ${` ${word} `}) > 0`);
    return sql`(${sql.join(held, sql` and `)})`;
  });
  const result = await db.execute<{ id: string; title: string; fileName: string }>(sql`
    select id, title, file_name as "fileName" from (${selectNames(access)}) as named
    where ${sql.join(fits, sql` or `)}
    order by id`);
  return result.rows;
}
