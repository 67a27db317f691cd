import type { DatabaseExecutor } from '#db/executor.ts';
import { insertArchive } from '#db/repositories/archives.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import {
  type Document,
  type DocumentVersion,
  findDocument,
  findDocumentByBlob,
  findDocumentByFileName,
  findDocumentBySourceUrl,
  insertDocument,
  insertDocumentVersion,
  renameDocument,
} from '#db/repositories/documents.ts';
import { insertRun, listRunsOfSubjects, reopenRun } from '#db/repositories/runs.ts';
import { lockWorkspace } from '#db/repositories/workspace-lock.ts';
import { type Authorized, findUserId } from '#lib/domain/access.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import type { BlobStore } from './blob-store.ts';
import { ARCHIVE, type MediaType } from './formats.ts';
import { type StoredUpload, storeUpload, type UploadInput } from './store-upload.ts';

export interface AddDocumentDeps {
  readonly db: DatabaseExecutor;
  readonly queue: JobQueue;
  readonly blobs: BlobStore;
}

export interface AddedDocument {
  readonly documentId: string;
  readonly versionId: string;
  /** The name that the document has here; with `unchanged` it may be another one than the upload's. */
  readonly fileName: string;
  /** The run that indexes it; null when these bytes were indexed before. */
  readonly runId: string | null;
  /** `unchanged`: the workspace has exactly these bytes already, whatever the name. */
  readonly outcome: 'created' | 'new-version' | 'unchanged';
}

/** An archive that was taken in. A job makes documents of its files; `readArchive` tells what became of each. */
export interface AddedArchive {
  readonly outcome: 'unpacking';
  readonly archiveId: string;
  readonly fileName: string;
  readonly runId: string;
}

/**
 * Take in an upload: a document, see {@link addDocument}, or a ZIP archive of documents, which a job unpacks.
 * @throws AppError as {@link addDocument}
 */
export async function addUpload(
  deps: AddDocumentDeps,
  access: Authorized<'document.write'>,
  input: UploadInput,
): Promise<AddedDocument | AddedArchive> {
  const stored = await storeUpload(deps.blobs, input);
  const { mediaType } = stored;
  if (mediaType === ARCHIVE) return enterArchive(deps, access, stored);
  return enterDocument(deps, access, { ...stored, mediaType, createdBy: findUserId(access) });
}

async function enterArchive(
  deps: AddDocumentDeps,
  access: Authorized<'document.write'>,
  { fileName, blob }: StoredUpload,
): Promise<AddedArchive> {
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    const createdBy = findUserId(access);
    const archive = await insertArchive(tx, access, {
      fileName,
      blobSha256: blob.sha256,
      sizeBytes: blob.sizeBytes,
      createdBy,
    });
    const run = await insertRun(tx, access, {
      kind: 'archive.unpack',
      subjectId: archive.id,
      title: fileName,
      createdBy,
    });
    await deps.queue.enqueue(tx, 'archive.unpack', { workspaceId: access.workspaceId, runId: run.id });
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'archive.add',
      targetId: archive.id,
      details: { fileName, sizeBytes: blob.sizeBytes, sha256: blob.sha256 },
    });
    return { outcome: 'unpacking', archiveId: archive.id, fileName, runId: run.id };
  });
}

/**
 * Take in one document: store its bytes, make it a new document, or the next version of the document with the same file name, and
 * have it indexed. Bytes that the workspace has already are recognised and indexed no second time, unless indexing them
 * had failed: then it is tried again. Until the new version is indexed the one before answers.
 * @throws AppError `document.too-large`, `document.empty`, `document.unsupported` (an archive too), `document.unreadable`,
 *   `document.name-missing`, `workspace.not-found`
 */
export async function addDocument(
  deps: AddDocumentDeps,
  access: Authorized<'document.write'>,
  input: UploadInput,
): Promise<AddedDocument> {
  const stored = await storeUpload(deps.blobs, input);
  return enterDocument(deps, access, {
    ...stored,
    mediaType: requireDocument(stored.mediaType),
    createdBy: findUserId(access),
  });
}

/** @throws AppError `document.unsupported` */
export function requireDocument(mediaType: StoredUpload['mediaType']): MediaType {
  if (mediaType !== ARCHIVE) return mediaType;
  throw new AppError({
    code: 'document.unsupported',
    message: 'expected a document, got an archive',
    userMessage: 'This is an archive where one document is expected. Unpack it and upload what is in it.',
  });
}

/** Of a web page: its address is its name. */
export interface WebOrigin {
  readonly title: string;
  /** As entered. */
  readonly sourceUrl: string;
  /** Where the bytes came from, after redirects. */
  readonly fetchedUrl: string;
  readonly fetchedAt: Date;
}

/** A stored file that is to become a document, or a version of one. */
export interface EnteringDocument {
  readonly fileName: string;
  readonly blob: StoredUpload['blob'];
  readonly mediaType: MediaType;
  /** Null: an API key or the system. */
  readonly createdBy: string | null;
  readonly origin?: WebOrigin;
}

/**
 * Give stored bytes their document, version and run, in one transaction.
 * @param alongside more to write in the same transaction; it throws to undo everything
 */
export async function enterDocument(
  deps: Pick<AddDocumentDeps, 'db' | 'queue'>,
  access: Authorized<'document.write'>,
  file: EnteringDocument,
  alongside?: (tx: DatabaseExecutor, added: AddedDocument) => Promise<void>,
): Promise<AddedDocument> {
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const known = await findDocumentByBlob(tx, access, file.blob.sha256);
    const added = known ? await recogniseVersion(deps, access, tx, known) : await insertFile(deps, access, tx, file);
    await alongside?.(tx, added);
    return added;
  });
}

async function insertFile(
  deps: Pick<AddDocumentDeps, 'queue'>,
  access: Authorized<'document.write'>,
  tx: DatabaseExecutor,
  file: EnteringDocument,
): Promise<AddedDocument> {
  const { fileName, createdBy, origin } = file;
  const namesake = origin
    ? await findDocumentBySourceUrl(tx, access, origin.sourceUrl)
    : await findDocumentByFileName(tx, access, fileName);
  if (namesake) return insertVersion(deps, access, tx, namesake, file);
  const document = await insertDocument(tx, access, {
    title: origin?.title ?? chooseTitle(fileName),
    fileName,
    createdBy,
    sourceUrl: origin?.sourceUrl ?? null,
  });
  return { ...(await insertVersion(deps, access, tx, document, file)), outcome: 'created' };
}

/**
 * Replace what a document says by a new file, whatever that file's name. The version before answers until this one is indexed,
 * and is kept for answers that cite it. The document takes the new file's name and stays in its folder.
 * @throws AppError as {@link addDocument}; `document.not-found`; `document.duplicate` when another document has these bytes
 */
export async function addVersion(
  deps: AddDocumentDeps,
  access: Authorized<'document.write'>,
  documentId: string,
  input: UploadInput,
): Promise<AddedDocument> {
  if (!(await findDocument(deps.db, access, documentId))) throw notFound('document');
  const stored = await storeUpload(deps.blobs, input);
  const mediaType = requireDocument(stored.mediaType);
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const found = await findDocument(tx, access, documentId);
    if (!found) throw notFound('document');
    const known = await findDocumentByBlob(tx, access, stored.blob.sha256);
    if (known?.document.id === documentId) return recogniseVersion(deps, access, tx, known);
    if (known) throw duplicate(known.document);
    const document = await takeName(tx, access, found.document, stored.fileName);
    const file = { ...stored, fileName: document.fileName, mediaType, createdBy: findUserId(access) };
    return insertVersion(deps, access, tx, document, file);
  });
}

async function takeName(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  document: Document,
  newName: string,
): Promise<Document> {
  const fileName = [...document.fileName.split('/').slice(0, -1), newName].join('/');
  if (fileName === document.fileName || (await findDocumentByFileName(tx, access, fileName))) return document;
  const hasOwnTitle = document.title !== chooseTitle(document.fileName);
  return renameDocument(tx, access, document.id, {
    fileName,
    title: hasOwnTitle ? document.title : chooseTitle(fileName),
  });
}

async function insertVersion(
  deps: Pick<AddDocumentDeps, 'queue'>,
  access: Authorized<'document.write'>,
  tx: DatabaseExecutor,
  document: Document,
  { fileName, blob, mediaType, createdBy, origin }: EnteringDocument,
): Promise<AddedDocument> {
  const version = await insertDocumentVersion(tx, access, {
    documentId: document.id,
    fileName,
    blobSha256: blob.sha256,
    mediaType,
    sizeBytes: blob.sizeBytes,
    fetchedUrl: origin?.fetchedUrl ?? null,
    fetchedAt: origin?.fetchedAt ?? null,
  });
  const run = await insertRun(tx, access, {
    kind: 'document.ingest',
    subjectId: version.id,
    title: fileName,
    createdBy,
  });
  await deps.queue.enqueue(tx, 'document.ingest', { workspaceId: access.workspaceId, runId: run.id });
  await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
    workspaceId: access.workspaceId,
    action: version.ordinal > 1 ? 'document.replace' : 'document.add',
    targetId: document.id,
    details: {
      fileName,
      sizeBytes: blob.sizeBytes,
      sha256: blob.sha256,
      ...(origin && { sourceUrl: origin.sourceUrl }),
    },
  });
  return {
    documentId: document.id,
    versionId: version.id,
    fileName: document.fileName,
    runId: run.id,
    outcome: 'new-version',
  };
}

async function recogniseVersion(
  deps: Pick<AddDocumentDeps, 'queue'>,
  access: Authorized<'document.write'>,
  tx: DatabaseExecutor,
  known: { document: Document; version: DocumentVersion },
): Promise<AddedDocument> {
  const found = {
    documentId: known.document.id,
    versionId: known.version.id,
    fileName: known.document.fileName,
    outcome: 'unchanged' as const,
  };
  const [run] = await listRunsOfSubjects(tx, access, [known.version.id]);
  if (!run || !(await reopenRun(tx, access, run.id))) return { ...found, runId: null };
  await deps.queue.enqueue(tx, 'document.ingest', { workspaceId: access.workspaceId, runId: run.id });
  return { ...found, runId: run.id };
}

function duplicate(other: Document): AppError {
  return new AppError({
    code: 'document.duplicate',
    message: `these bytes are the newest version of document ${other.id}`,
    userMessage: `Exactly this file is here already, as “${other.fileName}”.`,
  });
}

function chooseTitle(fileName: string): string {
  return (
    (fileName.split('/').at(-1) ?? fileName)
      .replace(/(?<=.)\.[A-Za-z0-9]{1,10}$/, '')
      .replaceAll('_', ' ')
      .trim() || fileName
  );
}
