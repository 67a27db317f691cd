import { and, eq, or, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { documentPages } from '#db/schema/documents.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';

export interface PagePlace {
  readonly versionId: string;
  readonly pageNumber: number;
}

/** Texts of pages; places of another workspace are silently left out. Order is not kept. */
export async function listPageTexts(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  places: readonly PagePlace[],
): Promise<(PagePlace & { readonly text: string })[]> {
  if (places.length === 0) return [];
  return db
    .select({ versionId: documentPages.versionId, pageNumber: documentPages.pageNumber, text: documentPages.text })
    .from(documentPages)
    .where(
      and(
        eq(documentPages.workspaceId, access.workspaceId),
        or(
          ...places.map((place) =>
            and(eq(documentPages.versionId, place.versionId), eq(documentPages.pageNumber, place.pageNumber)),
          ),
        ),
      ),
    );
}

export interface NamedDocument {
  readonly id: string;
  readonly title: string;
}

const squash = (text: ReturnType<typeof sql>) => sql`trim(regexp_replace(lower(${text}), '[^[:alnum:]]+', ' ', 'g'))`;

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
    select id, title from (
      select d.id, d.title, ${squash(sql`d.title`)} as title_words, ${squash(sql`d.file_name`)} as file_words
      from documents d
      where d.workspace_id = ${access.workspaceId}::uuid and d.deleted_at is null and d.superseded_by_id is null
        and d.current_version_id is not null
    ) as named
    where (title_words <> '' and strpos(${` ${words} `}, ' ' || title_words || ' ') > 0)
      or (file_words <> '' and strpos(${` ${words} `}, ' ' || file_words || ' ') > 0)
    order by length(title_words) desc, id`);
  return result.rows;
}
