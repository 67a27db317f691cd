import type { DatabaseExecutor } from '#db/executor.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import {
  type Document,
  type DocumentVersion,
  findDocumentByBlob,
  findDocumentByFileName,
  findDocumentBySourceUrl,
  insertDocument,
  insertDocumentVersion,
} from '#db/repositories/documents.ts';
import { insertRun, listRunsOfSubjects, reopenRun } from '#db/repositories/runs.ts';
import { lockWorkspace } from '#db/repositories/workspace-lock.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError } from '#lib/domain/errors.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import type { BlobStore, StoredBlob } from './blob-store.ts';
import { cleanText } from './extract/extracted-page.ts';
import { type UnpackLimits, unpackArchive } from './extract/unpack-archive.ts';
import { ARCHIVE, type MediaType } from './formats.ts';
import { detectMediaType } from './media-type.ts';

export const DEFAULT_MAX_UPLOAD_BYTES = 100_000_000;

const MAX_FILE_NAME_CHARACTERS = 255;

export interface AddDocumentDeps {
  readonly db: DatabaseExecutor;
  readonly queue: JobQueue;
  readonly blobs: BlobStore;
}

export interface AddDocumentInput {
  /** As on the uploader's machine; a path is cut to its last part. */
  readonly fileName: string;
  readonly stream: AsyncIterable<Uint8Array>;
  /** Default {@link DEFAULT_MAX_UPLOAD_BYTES}. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

export interface AddedDocument {
  readonly documentId: string;
  readonly versionId: string;
  /** The run that indexes it; null when these bytes were indexed before. */
  readonly runId: string | null;
  /** `unchanged`: the workspace has exactly these bytes already, whatever the name. */
  readonly outcome: 'created' | 'new-version' | 'unchanged';
}

/** A file of an archive that was not taken in. */
export interface RejectedFile {
  readonly fileName: string;
  readonly code: string;
  readonly message: string;
}

/** What became of the files in an archive: each is a document of its own. */
export interface UnpackedArchive {
  readonly outcome: 'unpacked';
  readonly documents: readonly (AddedDocument & { readonly fileName: string })[];
  /** In the archive's order. The archive's own name stands last when its end was not read. */
  readonly rejected: readonly RejectedFile[];
}

/**
 * Take in an upload: a document, see {@link addDocument}, or a ZIP archive of documents. Of an archive, each file becomes a
 * document named `archive.zip/folder/file.pdf`, so that the next upload of the archive brings new versions of them. A file
 * that cannot be taken in is rejected with its reason and the others go on; an archive inside an archive is not unpacked.
 * @throws AppError as {@link addDocument}; `document.archive-empty` when an archive holds nothing that could be taken in
 */
export async function addUpload(
  deps: AddDocumentDeps,
  access: Authorized<'document.write'>,
  input: AddDocumentInput & { readonly unpackLimits?: UnpackLimits },
): Promise<AddedDocument | UnpackedArchive> {
  const stored = await storeFile(deps, input);
  if (stored.mediaType !== ARCHIVE) return enterDocument(deps, access, { ...stored, mediaType: stored.mediaType });
  return addArchive(deps, access, input, stored);
}

async function addArchive(
  deps: AddDocumentDeps,
  access: Authorized<'document.write'>,
  input: AddDocumentInput & { readonly unpackLimits?: UnpackLimits },
  archive: StoredFile,
): Promise<UnpackedArchive> {
  const { signal = new AbortController().signal, unpackLimits } = input;
  const documents: (AddedDocument & { fileName: string })[] = [];
  const rejected: RejectedFile[] = [];
  const reject = (fileName: string, error: unknown) => {
    signal.throwIfAborted();
    if (!isAboutFile(error)) throw error;
    rejected.push({ fileName, code: error.code, message: error.userMessage });
  };
  try {
    const limits = unpackLimits ? { limits: unpackLimits } : {};
    for await (const file of unpackArchive(deps.blobs.locate(archive.blob.sha256), { signal, ...limits })) {
      const name = shortenPath(`${archive.fileName}/${normalisePath(file.name)}`);
      try {
        const stored = await storeFile(deps, { ...input, fileName: file.name, stream: file.content });
        if (stored.mediaType === ARCHIVE) throw nestedArchive();
        const document = { ...stored, fileName: name, mediaType: stored.mediaType };
        documents.push({ ...(await enterDocument(deps, access, document)), fileName: name });
      } catch (error) {
        reject(name, error);
      }
    }
  } catch (error) {
    if (documents.length === 0 && rejected.length === 0) throw error;
    reject(archive.fileName, error);
  }
  if (documents.length === 0) throw emptyArchive(rejected);
  return { outcome: 'unpacked', documents, rejected };
}

/** Anything else, such as a full disk or a lost database, is no matter of one file. */
function isAboutFile(error: unknown): error is AppError {
  return AppError.isInstance(error) && error.code.startsWith('document.');
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
  input: AddDocumentInput,
): Promise<AddedDocument> {
  const stored = await storeFile(deps, input);
  return enterDocument(deps, access, { ...stored, mediaType: requireDocument(stored.mediaType) });
}

/** @throws AppError `document.unsupported` for an archive */
export function requireDocument(mediaType: MediaType | typeof ARCHIVE): MediaType {
  if (mediaType === ARCHIVE) throw nestedArchive();
  return mediaType;
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

interface StoredFile {
  readonly fileName: string;
  readonly blob: StoredBlob;
  readonly mediaType: MediaType | typeof ARCHIVE;
}

async function storeFile(deps: AddDocumentDeps, input: AddDocumentInput): Promise<StoredFile> {
  const fileName = normaliseFileName(input.fileName);
  const blob = await deps.blobs.put(input.stream, {
    maxBytes: input.maxBytes ?? DEFAULT_MAX_UPLOAD_BYTES,
    ...(input.signal && { signal: input.signal }),
  });
  // A blob that no version will name is removed by the worker's sweep.
  return { fileName, blob, mediaType: await detectMediaType(deps.blobs.locate(blob.sha256), fileName) };
}

/** Give stored bytes their document, version and run, in one transaction. */
export async function enterDocument(
  deps: AddDocumentDeps,
  access: Authorized<'document.write'>,
  { fileName, blob, mediaType, origin }: StoredFile & { readonly mediaType: MediaType; readonly origin?: WebOrigin },
): Promise<AddedDocument> {
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const known = await findDocumentByBlob(tx, access, blob.sha256);
    if (known) return recogniseVersion(deps, access, tx, known);
    const namesake = origin
      ? await findDocumentBySourceUrl(tx, access, origin.sourceUrl)
      : await findDocumentByFileName(tx, access, fileName);
    const document =
      namesake ??
      (await insertDocument(tx, access, {
        title: origin?.title ?? chooseTitle(fileName),
        fileName,
        createdBy: findUserId(access),
        sourceUrl: origin?.sourceUrl ?? null,
      }));
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
      createdBy: findUserId(access),
    });
    await deps.queue.enqueue(tx, 'document.ingest', { workspaceId: access.workspaceId, runId: run.id });
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: namesake ? 'document.replace' : 'document.add',
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
      runId: run.id,
      outcome: namesake ? 'new-version' : 'created',
    };
  });
}

async function recogniseVersion(
  deps: AddDocumentDeps,
  access: Authorized<'document.write'>,
  tx: DatabaseExecutor,
  known: { document: Document; version: DocumentVersion },
): Promise<AddedDocument> {
  const found = { documentId: known.document.id, versionId: known.version.id, outcome: 'unchanged' as const };
  const [run] = await listRunsOfSubjects(tx, access, [known.version.id]);
  if (!run || !(await reopenRun(tx, access, run.id))) return { ...found, runId: null };
  await deps.queue.enqueue(tx, 'document.ingest', { workspaceId: access.workspaceId, runId: run.id });
  return { ...found, runId: run.id };
}

export function findUserId(access: Authorized<'document.write'>): string | null {
  return access.actor.kind === 'user' ? access.actor.userId : null;
}

/** @throws AppError `document.name-missing` */
function normaliseFileName(given: string): string {
  const name = normalisePath(given).split('/').at(-1);
  if (!name) {
    throw new AppError({
      code: 'document.name-missing',
      message: 'expected a file name, got an empty one',
      userMessage: 'The upload has no file name.',
    });
  }
  return shortenName(name);
}

/** The steps of a path that name something, with `/` between them. */
function normalisePath(given: string): string {
  return cleanText(given.normalize('NFC'))
    .replaceAll(/[\n\t\f\u202A-\u202E\u2066-\u2069]/g, ' ')
    .split(/[/\\]/)
    .map((step) => step.trim())
    .filter((step) => !/^\.*$/.test(step))
    .join('/');
}

function shortenName(name: string): string {
  if (name.length <= MAX_FILE_NAME_CHARACTERS) return name;
  const ending = /\.[^.]{1,10}$/.exec(name)?.[0] ?? '';
  return name.slice(0, MAX_FILE_NAME_CHARACTERS - ending.length).toWellFormed() + ending;
}

/** The end of a path says more than its beginning, and two files of one archive differ there. */
function shortenPath(path: string): string {
  return path.length <= MAX_FILE_NAME_CHARACTERS ? path : `…${path.slice(1 - MAX_FILE_NAME_CHARACTERS)}`.toWellFormed();
}

function nestedArchive(): AppError {
  return new AppError({
    code: 'document.unsupported',
    message: 'expected a document, got an archive',
    userMessage: 'This is an archive inside an archive. Unpack it and upload what is in it.',
  });
}

function emptyArchive(rejected: readonly RejectedFile[]): AppError {
  const [first] = rejected;
  return new AppError({
    code: 'document.archive-empty',
    message: `none of the ${rejected.length} files in the archive could be taken in`,
    userMessage: first
      ? `Nothing in this archive could be taken in. ${first.fileName}: ${first.message}`
      : 'This archive holds no files.',
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
