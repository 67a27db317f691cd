import { and, asc, desc, eq, inArray, isNotNull, isNull, ne, type SQL, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import type { DatabaseExecutor } from '#db/executor.ts';
import {
  archives,
  documentPages,
  documents,
  documentVersions,
  type LeftOutPart,
  type PageHeading,
} from '#db/schema/documents.ts';
import { runs } from '#db/schema/runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';

export type Document = typeof documents.$inferSelect;
export type DocumentVersion = typeof documentVersions.$inferSelect;
export type DocumentPage = typeof documentPages.$inferSelect;

export interface NewPage {
  /** From 1. */
  readonly pageNumber: number;
  readonly label: string | null;
  readonly text: string;
  readonly headings: readonly PageHeading[];
  /** Shows something and holds no text. */
  readonly isPicture?: boolean | undefined;
  readonly isRecognised?: boolean | undefined;
}

export interface DocumentListRow {
  readonly document: Document;
  /** The newest version, whether it answers yet or not. */
  readonly latestVersion: DocumentVersion;
  /** The newest ingest run of that version. */
  readonly run: typeof runs.$inferSelect | null;
  /** The document that answers in this one's place. */
  readonly successor: { readonly id: string; readonly title: string } | null;
}

const live = (access: Authorized<Permission>) =>
  and(eq(documents.workspaceId, access.workspaceId), isNull(documents.deletedAt));

/** The live document whose newest version has exactly these bytes. */
export async function findDocumentByBlob(
  db: DatabaseExecutor,
  access: Authorized<'document.write'>,
  blobSha256: string,
): Promise<{ document: Document; version: DocumentVersion } | undefined> {
  const [row] = await db
    .select({ document: documents, version: documentVersions })
    .from(documentVersions)
    .innerJoin(
      documents,
      and(eq(documents.id, documentVersions.documentId), eq(documents.workspaceId, documentVersions.workspaceId)),
    )
    .where(
      and(
        live(access),
        eq(documentVersions.workspaceId, access.workspaceId),
        eq(documentVersions.blobSha256, blobSha256),
        sql`${documentVersions.ordinal} = (select max(newer.ordinal) from document_versions newer where newer.document_id = ${documents.id})`,
      ),
    )
    .orderBy(asc(documents.createdAt))
    .limit(1);
  return row;
}

export async function findDocumentByFileName(
  db: DatabaseExecutor,
  access: Authorized<'document.write'>,
  fileName: string,
): Promise<Document | undefined> {
  const [row] = await db
    .select()
    .from(documents)
    .where(and(live(access), eq(documents.fileName, fileName), isNull(documents.sourceUrl)))
    .orderBy(asc(documents.createdAt))
    .limit(1);
  return row;
}

export async function findDocumentBySourceUrl(
  db: DatabaseExecutor,
  access: Authorized<'document.write'>,
  sourceUrl: string,
): Promise<Document | undefined> {
  const [row] = await db
    .select()
    .from(documents)
    .where(and(live(access), eq(documents.sourceUrl, sourceUrl)))
    .orderBy(asc(documents.createdAt))
    .limit(1);
  return row;
}

export async function insertDocument(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  values: Pick<Document, 'title' | 'fileName' | 'createdBy'> & Partial<Pick<Document, 'sourceUrl'>>,
): Promise<Document> {
  const [row] = await tx
    .insert(documents)
    .values({ ...values, workspaceId: access.workspaceId })
    .returning();
  if (!row) throw new Error('insert of a document returned no row');
  return row;
}

export async function renameDocument(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  documentId: string,
  names: Pick<Document, 'fileName' | 'title'>,
): Promise<Document> {
  const [row] = await tx
    .update(documents)
    .set(names)
    .where(and(live(access), eq(documents.id, documentId)))
    .returning();
  if (!row) throw new Error('update of a document returned no row');
  return row;
}

/** Add the next version. The caller holds the workspace's lock, which keeps ordinals free of races. */
export async function insertDocumentVersion(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  values: Pick<DocumentVersion, 'documentId' | 'fileName' | 'blobSha256' | 'mediaType' | 'sizeBytes'> &
    Partial<Pick<DocumentVersion, 'fetchedUrl' | 'fetchedAt'>>,
): Promise<DocumentVersion> {
  const [row] = await tx
    .insert(documentVersions)
    .values({
      ...values,
      workspaceId: access.workspaceId,
      ordinal: sql<number>`(select coalesce(max(ordinal), 0) + 1 from document_versions where workspace_id = ${access.workspaceId} and document_id = ${values.documentId})`,
    })
    .returning();
  if (!row) throw new Error('insert of a document version returned no row');
  return row;
}

async function selectDocuments(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  condition?: SQL,
): Promise<DocumentListRow[]> {
  const successors = alias(documents, 'successors');
  const rows = await db
    .selectDistinctOn([documents.id], {
      document: documents,
      latestVersion: documentVersions,
      run: runs,
      successor: { id: successors.id, title: successors.title },
    })
    .from(documents)
    .leftJoin(
      successors,
      and(eq(successors.id, documents.supersededById), eq(successors.workspaceId, documents.workspaceId)),
    )
    .innerJoin(
      documentVersions,
      and(eq(documentVersions.documentId, documents.id), eq(documentVersions.workspaceId, documents.workspaceId)),
    )
    .leftJoin(
      runs,
      and(
        eq(runs.workspaceId, documents.workspaceId),
        eq(runs.subjectId, documentVersions.id),
        eq(runs.kind, 'document.ingest'),
      ),
    )
    .where(and(live(access), condition))
    .orderBy(documents.id, desc(documentVersions.ordinal), desc(runs.createdAt), desc(runs.id));
  return rows;
}

/** Newest document first. */
export async function listDocuments(
  db: DatabaseExecutor,
  access: Authorized<'document.read'>,
): Promise<DocumentListRow[]> {
  return sortNewestFirst(await selectDocuments(db, access));
}

/** Documents that were fetched from an address, newest first. */
export async function listWebPages(
  db: DatabaseExecutor,
  access: Authorized<'document.read'>,
): Promise<DocumentListRow[]> {
  return sortNewestFirst(await selectDocuments(db, access, isNotNull(documents.sourceUrl)));
}

const sortNewestFirst = (rows: DocumentListRow[]) =>
  rows.sort((a, b) => b.document.createdAt.getTime() - a.document.createdAt.getTime());

/** In the order of the ids; what is not here or deleted is left out. */
export async function listDocumentsByIds(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  documentIds: readonly string[],
): Promise<DocumentListRow[]> {
  if (documentIds.length === 0) return [];
  const rows = new Map(
    (await selectDocuments(db, access, inArray(documents.id, [...documentIds]))).map((row) => [row.document.id, row]),
  );
  return documentIds.flatMap((id) => rows.get(id) ?? []);
}

export async function findDocument(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  documentId: string,
): Promise<DocumentListRow | undefined> {
  const [row] = await selectDocuments(db, access, eq(documents.id, documentId));
  return row;
}

/** A version with its document. Versions of deleted documents are not found. */
export async function findDocumentVersion(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  versionId: string,
): Promise<{ document: Document; version: DocumentVersion } | undefined> {
  const [row] = await db
    .select({ document: documents, version: documentVersions })
    .from(documentVersions)
    .innerJoin(
      documents,
      and(eq(documents.id, documentVersions.documentId), eq(documents.workspaceId, documentVersions.workspaceId)),
    )
    .where(and(live(access), eq(documentVersions.workspaceId, access.workspaceId), eq(documentVersions.id, versionId)));
  return row;
}

/** The version that answers, of every document that has one; oldest document first. */
export async function listCurrentVersions(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
): Promise<{ readonly document: Pick<Document, 'id' | 'title'>; readonly versionId: string }[]> {
  const rows = await db
    .select({ id: documents.id, title: documents.title, versionId: documents.currentVersionId })
    .from(documents)
    .where(live(access))
    .orderBy(asc(documents.createdAt), asc(documents.id));
  return rows.flatMap(({ id, title, versionId }) =>
    versionId === null ? [] : [{ document: { id, title }, versionId }],
  );
}

/** Newest first. */
export async function listDocumentVersions(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  documentId: string,
): Promise<DocumentVersion[]> {
  return db
    .select()
    .from(documentVersions)
    .where(and(eq(documentVersions.workspaceId, access.workspaceId), eq(documentVersions.documentId, documentId)))
    .orderBy(desc(documentVersions.ordinal));
}

/** Those of the ids that are documents here and not deleted. */
export async function listLiveDocuments(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  documentIds: readonly string[],
): Promise<Document[]> {
  if (documentIds.length === 0) return [];
  return db
    .select()
    .from(documents)
    .where(and(live(access), inArray(documents.id, [...documentIds])));
}

/** The newest indexing run of each document's newest version. */
export async function listLatestRuns(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  documentIds: readonly string[],
): Promise<readonly { readonly documentId: string; readonly run: typeof runs.$inferSelect | null }[]> {
  const rows = await listDocumentsByIds(db, access, documentIds);
  return rows.map(({ document, run }) => ({ documentId: document.id, run }));
}

/** @returns the documents whose tags changed, as they are now */
export async function changeTags(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  documentIds: readonly string[],
  change: { readonly add: readonly string[]; readonly remove: readonly string[]; readonly maxTags: number },
): Promise<Document[]> {
  if (documentIds.length === 0) return [];
  const changed = sql`array(
    select tag from (
      select unnest(${documents.tags} || ${sql.param([...change.add])}::text[]) as tag
      except select unnest(${sql.param([...change.remove])}::text[])
    ) as kept order by tag collate "C"
  )`;
  return tx
    .update(documents)
    .set({ tags: changed })
    .where(
      and(
        live(access),
        inArray(documents.id, [...documentIds]),
        sql`${documents.tags} <> ${changed}`,
        sql`cardinality(${changed}) <= greatest(${change.maxTags}, cardinality(${documents.tags}))`,
      ),
    )
    .returning();
}

/** @returns the documents whose priority changed */
export async function setPriority(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  documentIds: readonly string[],
  priority: Document['priority'],
): Promise<Document[]> {
  if (documentIds.length === 0) return [];
  return tx
    .update(documents)
    .set({ priority })
    .where(and(live(access), inArray(documents.id, [...documentIds]), ne(documents.priority, priority)))
    .returning();
}

/** @param successorId null: the document answers for itself */
export async function setSuccessor(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  documentId: string,
  successorId: string | null,
): Promise<void> {
  await tx
    .update(documents)
    .set({ supersededById: successorId })
    .where(and(live(access), eq(documents.id, documentId)));
}

export async function listVersionIds(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  documentIds: readonly string[],
): Promise<string[]> {
  if (documentIds.length === 0) return [];
  const rows = await db
    .select({ id: documentVersions.id })
    .from(documentVersions)
    .where(
      and(eq(documentVersions.workspaceId, access.workspaceId), inArray(documentVersions.documentId, [...documentIds])),
    );
  return rows.map((row) => row.id);
}

/**
 * From this moment the documents are in no search and no answer. What they superseded gets their own successor, or none.
 * The caller holds the workspace's lock. @returns those that were here and not deleted before
 */
export async function markDocumentsDeleted(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  documentIds: readonly string[],
): Promise<Document[]> {
  if (documentIds.length === 0) return [];
  const rows = await tx
    .update(documents)
    .set({ deletedAt: sql`now()` })
    .where(and(live(access), inArray(documents.id, [...documentIds])))
    .returning();
  // One by one: of a chain that is deleted together, each passes on what the one before it was given.
  for (const { id } of rows) {
    await tx
      .update(documents)
      .set({
        supersededById: sql`(select gone.superseded_by_id from documents gone where gone.id = ${id} and gone.workspace_id = ${access.workspaceId})`,
      })
      .where(and(eq(documents.workspaceId, access.workspaceId), eq(documents.supersededById, id)));
  }
  return rows;
}

/** Rows of a document that was marked deleted, with everything that hangs on them. */
export async function removeDeletedDocument(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  documentId: string,
): Promise<void> {
  await tx
    .delete(documents)
    .where(
      and(
        eq(documents.workspaceId, access.workspaceId),
        eq(documents.id, documentId),
        sql`${documents.deletedAt} is not null`,
      ),
    );
}

/**
 * Worker only, all workspaces: which of these blobs are still needed, by any document version or by an archive that is not
 * unpacked. Blobs are shared by equal bytes.
 * @param exceptDocumentId a document that does not count, because it is being removed
 */
export async function filterReferencedBlobs(
  db: DatabaseExecutor,
  blobSha256s: readonly string[],
  exceptDocumentId?: string,
): Promise<Set<string>> {
  if (blobSha256s.length === 0) return new Set();
  const asked = [...blobSha256s];
  const rows = await db
    .selectDistinct({ blobSha256: documentVersions.blobSha256 })
    .from(documentVersions)
    .where(
      and(
        inArray(documentVersions.blobSha256, asked),
        exceptDocumentId === undefined ? undefined : ne(documentVersions.documentId, exceptDocumentId),
      ),
    )
    .union(
      db
        .selectDistinct({ blobSha256: archives.blobSha256 })
        .from(archives)
        .where(and(inArray(archives.blobSha256, asked), isNull(archives.unpackedAt))),
    );
  return new Set(rows.map((row) => row.blobSha256));
}

/** All pages of a version at once: `extractedAt` is set only together with the last of them. */
export async function writePages(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  versionId: string,
  { pages, leftOut }: { readonly pages: readonly NewPage[]; readonly leftOut: readonly LeftOutPart[] },
): Promise<void> {
  const PAGES_PER_INSERT = 100;
  for (let start = 0; start < pages.length; start += PAGES_PER_INSERT) {
    await tx.insert(documentPages).values(
      pages.slice(start, start + PAGES_PER_INSERT).map((page) => ({
        workspaceId: access.workspaceId,
        versionId,
        pageNumber: page.pageNumber,
        label: page.label,
        text: page.text,
        headings: page.headings,
      })),
    );
  }
  await tx
    .update(documentVersions)
    .set({
      extractedAt: sql`now()`,
      pageCount: pages.length,
      imagePages: pages.flatMap((page) => (page.isPicture === true ? [page.pageNumber] : [])),
      recognisedPages: pages.flatMap((page) => (page.isRecognised === true ? [page.pageNumber] : [])),
      leftOut: [...leftOut],
    })
    .where(and(eq(documentVersions.workspaceId, access.workspaceId), eq(documentVersions.id, versionId)));
}

export async function listPages(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  versionId: string,
): Promise<DocumentPage[]> {
  return db
    .select()
    .from(documentPages)
    .where(and(eq(documentPages.workspaceId, access.workspaceId), eq(documentPages.versionId, versionId)))
    .orderBy(asc(documentPages.pageNumber));
}

export async function findPage(
  db: DatabaseExecutor,
  access: Authorized<'document.read'>,
  versionId: string,
  pageNumber: number,
): Promise<DocumentPage | undefined> {
  const [row] = await db
    .select()
    .from(documentPages)
    .where(
      and(
        eq(documentPages.workspaceId, access.workspaceId),
        eq(documentPages.versionId, versionId),
        eq(documentPages.pageNumber, pageNumber),
      ),
    );
  return row;
}

/**
 * Let a version answer in place of the one before.
 * @returns false when the document is deleted or a newer version answers already
 */
export async function publishVersion(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  version: Pick<DocumentVersion, 'id' | 'documentId' | 'ordinal'>,
): Promise<boolean> {
  const rows = await tx
    .update(documents)
    .set({ currentVersionId: version.id })
    .where(
      and(
        live(access),
        eq(documents.id, version.documentId),
        sql`not exists (select 1 from document_versions newer where newer.id = ${documents.currentVersionId} and newer.ordinal > ${version.ordinal})`,
      ),
    )
    .returning({ id: documents.id });
  return rows.length === 1;
}
