import type { DatabaseExecutor } from '#db/executor.ts';
import {
  type DocumentListRow,
  findDocument,
  findDocumentVersion,
  findPage,
  listDocuments,
  listDocumentVersions,
} from '#db/repositories/documents.ts';
import type { Authorized } from '#lib/domain/access.ts';
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
  /** ISO 8601. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

function viewDocument({ document, latestVersion, run }: DocumentListRow): DocumentView {
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
    state: findState({ document, latestVersion, run }),
    progress: isWaiting && run ? { stage: run.stage, done: run.progressDone, total: run.progressTotal } : null,
    error: !isCurrent && run?.errorCode ? { code: run.errorCode, message: run.errorMessage ?? run.errorCode } : null,
    runId: run?.id ?? null,
    createdAt: document.createdAt.toISOString(),
    updatedAt: (run?.finishedAt ?? latestVersion.createdAt).toISOString(),
  };
}

function findState({ document, latestVersion, run }: DocumentListRow): DocumentState {
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

export interface DocumentVersionView {
  readonly id: string;
  readonly ordinal: number;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly pageCount: number | null;
  /** Pages that are pictures without text, ascending: no search finds what is on them. */
  readonly imagePages: readonly number[];
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
  return {
    ...viewDocument(row),
    versions: versions.map((version) => ({
      id: version.id,
      ordinal: version.ordinal,
      mediaType: version.mediaType,
      sizeBytes: version.sizeBytes,
      pageCount: version.pageCount,
      imagePages: version.imagePages,
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

export interface StoredFile {
  readonly fileName: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly blobSha256: string;
}

/** What the original file is called and where its bytes are. @throws AppError `document.not-found` */
export async function findStoredFile(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
  address: { readonly documentId: string; readonly versionId: string },
): Promise<StoredFile> {
  const { document, version } = await findVersionOf(deps, access, address);
  return {
    fileName: document.fileName,
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
