import type { DatabaseExecutor } from '#db/executor.ts';
import { listChunksOfPage, measureChunks } from '#db/repositories/chunks.ts';
import {
  countLiveDocuments,
  countTags,
  type DeletedDocument,
  type FoundDocuments,
  findDocuments,
  listDeletedDocuments,
  type TagCount,
} from '#db/repositories/document-list.ts';
import {
  type DocumentListRow,
  findDocument,
  findDocumentVersion,
  findPage,
  listDocuments,
  listDocumentsByIds,
  listDocumentVersions,
  listWebPages,
} from '#db/repositories/documents.ts';
import { findActiveIndexConfig } from '#db/repositories/index-configs.ts';
import { listRunsOfSubjects } from '#db/repositories/runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { DocumentPageQuery } from '#lib/domain/document-list.ts';
import type { DocumentPriority } from '#lib/domain/document-priority.ts';
import { notFound } from '#lib/domain/errors.ts';

/**
 * `queued`, `processing`: not answering yet. `ready`: answers. `updating`: an older version answers while a new one is made
 * ready. `failed`, `cancelled`: see `error`; if `currentVersionId` is set, an older version still answers.
 */
export type DocumentState = 'queued' | 'processing' | 'ready' | 'updating' | 'failed' | 'cancelled';

export interface DocumentView {
  readonly id: string;
  readonly title: string;
  readonly fileName: string;
  /** Of a web page: the address that was entered. */
  readonly sourceUrl: string | null;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** Null until extracted. */
  readonly pageCount: number | null;
  /** 1, 2, 3 …: the newest version. */
  readonly versionOrdinal: number;
  readonly latestVersionId: string;
  /** The version that answers. */
  readonly currentVersionId: string | null;
  readonly state: DocumentState;
  /** Progress of the newest version's run; null when there is nothing to wait for. */
  readonly progress: { readonly stage: string | null; readonly done: number; readonly total: number } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly runId: string | null;
  /** Alphabetical. */
  readonly tags: readonly string[];
  readonly priority: DocumentPriority;
  /** The document that answers in this one's place; null: it answers for itself. */
  readonly supersededBy: { readonly id: string; readonly title: string } | null;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

function viewDocument({ document, latestVersion, run, successor }: DocumentListRow): DocumentView {
  const isCurrent = document.currentVersionId === latestVersion.id;
  const isWaiting = !isCurrent && (run?.state === 'queued' || run?.state === 'running');
  return {
    id: document.id,
    title: document.title,
    fileName: document.fileName,
    sourceUrl: document.sourceUrl,
    mediaType: latestVersion.mediaType,
    sizeBytes: latestVersion.sizeBytes,
    pageCount: latestVersion.pageCount,
    versionOrdinal: latestVersion.ordinal,
    latestVersionId: latestVersion.id,
    currentVersionId: document.currentVersionId,
    state: findState(document, latestVersion, run),
    progress: isWaiting && run ? { stage: run.stage, done: run.progressDone, total: run.progressTotal } : null,
    error: !isCurrent && run?.errorCode ? { code: run.errorCode, message: run.errorMessage ?? run.errorCode } : null,
    runId: run?.id ?? null,
    tags: document.tags,
    priority: document.priority,
    supersededBy: successor,
    createdAt: document.createdAt.toISOString(),
    updatedAt: (run?.finishedAt ?? latestVersion.createdAt).toISOString(),
  };
}

function findState(
  document: DocumentListRow['document'],
  latestVersion: DocumentListRow['latestVersion'],
  run: DocumentListRow['run'],
): DocumentState {
  if (document.currentVersionId === latestVersion.id) return 'ready';
  if (run?.state === 'failed' || run?.state === 'cancelled') return run.state;
  if (document.currentVersionId !== null) return 'updating';
  return run?.state === 'running' ? 'processing' : 'queued';
}

/** Newest first. */
export async function listDocumentViews(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
): Promise<DocumentView[]> {
  return (await listDocuments(deps.db, access)).map(viewDocument);
}

export interface WebPageView {
  readonly document: DocumentView;
  /** Of the newest version; ISO 8601. */
  readonly fetchedAt: string;
}

/** Documents whose newest version was fetched from an address; newest first. */
export async function listWebPageViews(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
): Promise<WebPageView[]> {
  const rows = await listWebPages(deps.db, access);
  return rows.flatMap((row) => {
    const { fetchedAt } = row.latestVersion;
    return fetchedAt === null ? [] : [{ document: viewDocument(row), fetchedAt: fetchedAt.toISOString() }];
  });
}

export interface DocumentPage {
  readonly documents: readonly DocumentView[];
  /** All that pass the filter. */
  readonly total: number;
  readonly byGroup: FoundDocuments['byGroup'];
  readonly tags: readonly TagCount[];
}

/** One page of the list, with what the list can be filtered by. */
export async function readDocumentPage(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
  query: DocumentPageQuery,
): Promise<DocumentPage> {
  const [found, tags] = await Promise.all([findDocuments(deps.db, access, query), countTags(deps.db, access)]);
  const rows = await listDocumentsByIds(deps.db, access, found.ids);
  return { documents: rows.map(viewDocument), total: found.total, byGroup: found.byGroup, tags };
}

/** How many documents answer, and how many are on the way to their first version. */
export async function countDocumentsInUse(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
): Promise<{ readonly indexed: number; readonly pending: number }> {
  return countLiveDocuments(deps.db, access);
}

/** Tags in use, in alphabetical order. */
export async function listTags(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
): Promise<TagCount[]> {
  return countTags(deps.db, access);
}

const FOUND_BY_NAME = 10;

/** A few documents whose names have these words, the latest first; for choosing one. */
export async function findDocumentsByName(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
  search: string,
): Promise<readonly Pick<DocumentView, 'id' | 'title' | 'fileName' | 'currentVersionId'>[]> {
  const query = { search, group: null, tag: null, mediaType: null, order: 'added', isDescending: true } as const;
  const found = await findDocuments(deps.db, access, { ...query, offset: 0, limit: FOUND_BY_NAME });
  const rows = await listDocumentsByIds(deps.db, access, found.ids);
  return rows.map(({ document: { id, title, fileName, currentVersionId } }) => ({
    id,
    title,
    fileName,
    currentVersionId,
  }));
}

/** A document that was deleted. Its row is gone when `state` is `gone`; until then its files and vectors are being removed. */
export interface DeletedDocumentView {
  readonly documentId: string;
  readonly fileName: string;
  readonly state: 'removing' | 'waiting' | 'gone' | 'failed';
  readonly runId: string;
  /** Why its removal failed. */
  readonly error: string | null;
  /** Files that went with it; 0 where another document has the same bytes. */
  readonly removedFiles: number | null;
  readonly deletedAt: string;
  readonly goneAt: string | null;
}

/** Newest first. */
export async function readDeletedDocuments(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
  page: { readonly offset: number; readonly limit: number },
): Promise<{
  readonly documents: readonly DeletedDocumentView[];
  readonly total: number;
  /** How many are still being removed. */
  readonly unfinished: number;
}> {
  const { rows, total, unfinished } = await listDeletedDocuments(deps.db, access, page);
  const documents = rows.map((row): DeletedDocumentView => {
    const removedFiles = row.details['removedFiles'];
    return {
      documentId: row.documentId,
      fileName: row.fileName,
      state: findDeletedState(row),
      runId: row.runId,
      error: row.errorMessage,
      removedFiles: typeof removedFiles === 'number' ? removedFiles : null,
      deletedAt: row.deletedAt.toISOString(),
      goneAt: row.state === 'succeeded' ? (row.finishedAt?.toISOString() ?? null) : null,
    };
  });
  return { documents, total, unfinished };
}

function findDeletedState(row: DeletedDocument): DeletedDocumentView['state'] {
  if (row.state === 'succeeded') return 'gone';
  if (row.state === 'failed' || row.state === 'cancelled') return 'failed';
  return row.stage === 'waiting' ? 'waiting' : 'removing';
}

export interface DocumentVersionView {
  readonly id: string;
  readonly ordinal: number;
  /** As it was uploaded. */
  readonly fileName: string;
  /** Of its indexing. Null: made by the seed. */
  readonly runState: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | null;
  readonly error: string | null;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly pageCount: number | null;
  /** Pages that are pictures without text, ascending: no search finds what is on them. */
  readonly imagePages: readonly number[];
  /** Pages whose text was recognised from a picture, ascending: it may hold mistakes. */
  readonly recognisedPages: readonly number[];
  /** Parts of the file that were not read, each with its reason. */
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  /** Of a web page: where this version came from, and when (ISO 8601). */
  readonly fetched: { readonly url: string; readonly at: string } | null;
  readonly isCurrent: boolean;
  readonly createdAt: string;
}

/** @throws AppError `document.not-found` */
export async function readDocument(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
  documentId: string,
): Promise<DocumentView & { readonly versions: readonly DocumentVersionView[] }> {
  const row = await findDocument(deps.db, access, documentId);
  if (!row) throw notFound('document');
  const versions = await listDocumentVersions(deps.db, access, documentId);
  const runs = await listRunsOfSubjects(
    deps.db,
    access,
    versions.map((version) => version.id),
  );
  const runOf = new Map(runs.toReversed().map((run) => [run.subjectId, run]));
  return {
    ...viewDocument(row),
    versions: versions.map((version) => ({
      id: version.id,
      ordinal: version.ordinal,
      fileName: version.fileName,
      runState: runOf.get(version.id)?.state ?? null,
      error: runOf.get(version.id)?.errorMessage ?? null,
      mediaType: version.mediaType,
      sizeBytes: version.sizeBytes,
      pageCount: version.pageCount,
      imagePages: version.imagePages,
      recognisedPages: version.recognisedPages,
      leftOut: version.leftOut,
      fetched:
        version.fetchedUrl === null || version.fetchedAt === null
          ? null
          : { url: version.fetchedUrl, at: version.fetchedAt.toISOString() },
      isCurrent: version.id === row.document.currentVersionId,
      createdAt: version.createdAt.toISOString(),
    })),
  };
}

export interface PageView {
  readonly documentId: string;
  readonly versionId: string;
  readonly documentTitle: string;
  readonly mediaType: string;
  readonly pageNumber: number;
  /** Pages of this version; null until it is extracted. */
  readonly pageCount: number | null;
  readonly label: string | null;
  readonly text: string;
  readonly isCurrent: boolean;
}

/**
 * Text of one page; chunks and citations point into it. Superseded versions are still there for answers that cite them.
 * @throws AppError `document.not-found`, `page.not-found`
 */
export async function readPage(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
  address: { readonly documentId: string; readonly versionId: string; readonly pageNumber: number },
): Promise<PageView> {
  const { document, version } = await findVersionOf(deps, access, address);
  const page = await findPage(deps.db, access, version.id, address.pageNumber);
  if (!page) throw notFound('page');
  return {
    documentId: document.id,
    versionId: version.id,
    documentTitle: document.title,
    mediaType: version.mediaType,
    pageNumber: page.pageNumber,
    pageCount: version.pageCount,
    label: page.label,
    text: page.text,
    isCurrent: document.currentVersionId === version.id,
  };
}

export interface ChunkView {
  readonly id: string;
  /** From 0, in reading order through the whole document. */
  readonly ordinal: number;
  /** Into the page's text, in UTF-16 code units, end exclusive. */
  readonly startOffset: number;
  readonly endOffset: number;
  /** Outermost first. */
  readonly headings: readonly string[];
  readonly text: string;
  /** Under the embedding model. */
  readonly tokenCount: number;
}

export interface PageChunks {
  readonly chunks: readonly ChunkView[];
  /** Of the whole version; 0 while it is not split, and for a version that a newer one has replaced. */
  readonly chunkCount: number;
  readonly tokenCount: number;
  readonly embeddingModel: string | null;
}

/** What the search index holds of one page: the pieces that questions are compared with. @throws AppError `document.not-found` */
export async function readPageChunks(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
  address: { readonly documentId: string; readonly versionId: string; readonly pageNumber: number },
): Promise<PageChunks> {
  const { version } = await findVersionOf(deps, access, address);
  const config = await findActiveIndexConfig(deps.db, access);
  if (!config) return { chunks: [], chunkCount: 0, tokenCount: 0, embeddingModel: null };
  const key = { versionId: version.id, indexConfigId: config.id };
  const [rows, size] = await Promise.all([
    listChunksOfPage(deps.db, access, key, address.pageNumber),
    measureChunks(deps.db, access, key),
  ]);
  return {
    chunks: rows.map(({ id, ordinal, startOffset, endOffset, headings, text, tokenCount }) => ({
      id,
      ordinal,
      startOffset,
      endOffset,
      headings,
      text,
      tokenCount,
    })),
    chunkCount: size.count,
    tokenCount: size.tokens,
    embeddingModel: config.embeddingModel,
  };
}

export interface StoredFile {
  readonly fileName: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly blobSha256: string;
}

/** What an upload of it was called and where its bytes are. @throws AppError `document.not-found` */
export async function findStoredFile(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
  address: { readonly documentId: string; readonly versionId: string },
): Promise<StoredFile> {
  const { version } = await findVersionOf(deps, access, address);
  return {
    fileName: version.fileName.split('/').at(-1) ?? version.fileName,
    mediaType: version.mediaType,
    sizeBytes: version.sizeBytes,
    blobSha256: version.blobSha256,
  };
}

async function findVersionOf(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
  address: { readonly documentId: string; readonly versionId: string },
) {
  const found = await findDocumentVersion(deps.db, access, address.versionId);
  if (found?.document.id !== address.documentId) throw notFound('document');
  return found;
}
