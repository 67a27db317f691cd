import type { DatabaseExecutor } from '#db/executor.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import {
  type Document,
  type DocumentVersion,
  findDocumentByBlob,
  findDocumentByFileName,
  insertDocument,
  insertDocumentVersion,
} from '#db/repositories/documents.ts';
import { insertRun, listRunsOfSubjects, reopenRun } from '#db/repositories/runs.ts';
import { lockWorkspace } from '#db/repositories/workspace-lock.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError } from '#lib/domain/errors.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import type { BlobStore } from './blob-store.ts';
import { cleanText } from './extract/extracted-page.ts';
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

/**
 * Take in a file: store its bytes, make it a new document, or the next version of the document with the same file name, and
 * have it indexed. Bytes that the workspace has already are recognised and indexed no second time, unless indexing them
 * had failed: then it is tried again. Until the new version is indexed the one before answers.
 * @throws AppError `document.too-large`, `document.empty`, `document.unsupported`, `document.name-missing`, `workspace.not-found`
 */
export async function addDocument(
  deps: AddDocumentDeps,
  access: Authorized<'document.write'>,
  input: AddDocumentInput,
): Promise<AddedDocument> {
  const fileName = normaliseFileName(input.fileName);
  const blob = await deps.blobs.put(input.stream, {
    maxBytes: input.maxBytes ?? DEFAULT_MAX_UPLOAD_BYTES,
    ...(input.signal && { signal: input.signal }),
  });
  // A blob that no version will name is removed by the worker's sweep.
  const mediaType = await detectMediaType(deps.blobs.locate(blob.sha256), fileName);
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const known = await findDocumentByBlob(tx, access, blob.sha256);
    if (known) return recogniseVersion(deps, access, tx, known);
    const namesake = await findDocumentByFileName(tx, access, fileName);
    const document =
      namesake ??
      (await insertDocument(tx, access, { title: chooseTitle(fileName), fileName, createdBy: findUserId(access) }));
    const version = await insertDocumentVersion(tx, access, {
      documentId: document.id,
      blobSha256: blob.sha256,
      mediaType,
      sizeBytes: blob.sizeBytes,
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
      details: { fileName, sizeBytes: blob.sizeBytes, sha256: blob.sha256 },
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
  const name = cleanText(given.normalize('NFC'))
    .replaceAll(/[\n\t\f\u202A-\u202E\u2066-\u2069]/g, ' ')
    .split(/[/\\]/)
    .at(-1)
    ?.trim();
  if (!name || /^\.+$/.test(name)) {
    throw new AppError({
      code: 'document.name-missing',
      message: 'expected a file name, got an empty one',
      userMessage: 'The upload has no file name.',
    });
  }
  if (name.length <= MAX_FILE_NAME_CHARACTERS) return name;
  const ending = /\.[^.]{1,10}$/.exec(name)?.[0] ?? '';
  return name.slice(0, MAX_FILE_NAME_CHARACTERS - ending.length).toWellFormed() + ending;
}

function chooseTitle(fileName: string): string {
  return (
    fileName
      .replace(/(?<=.)\.[A-Za-z0-9]{1,10}$/, '')
      .replaceAll('_', ' ')
      .trim() || fileName
  );
}
