import {
  type Archive,
  type ArchiveEntry,
  closeArchive,
  countArchiveOutcomes,
  deleteRejectedEntries,
  findArchive,
  insertArchiveEntry,
  listEntryOrdinals,
} from '#db/repositories/archives.ts';
import { lockClaim } from '#db/repositories/runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';
import type { RunContext } from '#lib/jobs/perform-run.ts';
import { type AddDocumentDeps, enterDocument, requireDocument } from './add-document.ts';
import { type UnpackedFile, type UnpackLimits, unpackArchive } from './extract/unpack-archive.ts';
import { nameArchiveEntry, storeUpload } from './store-upload.ts';

export interface UnpackUploadDeps extends AddDocumentDeps {
  readonly unpackLimits?: UnpackLimits;
}

type UnpackContext = Pick<RunContext, 'run' | 'claim' | 'signal' | 'report'>;

/**
 * The job behind an uploaded ZIP archive: each file in it becomes a document named `archive.zip/folder/file.pdf`, so that the
 * next upload of the archive brings new versions of them. A file that cannot be taken in is rejected with its reason and the
 * others go on; an archive inside an archive is not unpacked. What became of a file is written with the document itself, so a
 * killed job goes on behind the last file.
 * @throws AppError `document.archive-empty` when nothing could be taken in; `document.too-complex`, `document.unreadable` when
 *   the archive was refused before its first file; `archive.not-found`
 */
export async function unpackUpload(
  deps: UnpackUploadDeps,
  access: Authorized<'document.write'>,
  context: UnpackContext,
): Promise<Readonly<Record<string, unknown>>> {
  const archive = await findArchive(deps.db, access, context.run.subjectId);
  if (!archive) throw notFound('archive');
  // Someone asked for another try: what was rejected may be taken in by now.
  if (context.run.attempt === 1) await deleteRejectedEntries(deps.db, access, archive.id);
  const done = await listEntryOrdinals(deps.db, access, archive.id);
  let ordinal = 0;
  try {
    const { signal } = context;
    const limits = deps.unpackLimits ? { limits: deps.unpackLimits } : {};
    for await (const file of unpackArchive(deps.blobs.locate(archive.blobSha256), { signal, ...limits })) {
      await context.report({ stage: 'unpacking', done: ordinal, total: 0 });
      if (!done.has(ordinal)) await takeIn(deps, access, context, archive, ordinal, file);
      ordinal += 1;
    }
  } catch (error) {
    context.signal.throwIfAborted();
    if (ordinal === 0 || !isAboutFile(error)) throw error;
    await reject(deps, access, context, archive, { ordinal, name: archive.fileName }, error);
  }
  const outcomes = await countArchiveOutcomes(deps.db, access, archive.id);
  const rejected = outcomes['rejected'] ?? 0;
  const taken = Object.values(outcomes).reduce((sum, count) => sum + count, 0) - rejected;
  if (taken === 0) throw emptyArchive(rejected);
  await deps.db.transaction(async (tx) => {
    if (await lockClaim(tx, context.claim)) await closeArchive(tx, access, archive.id);
  });
  return { taken, rejected };
}

async function takeIn(
  deps: UnpackUploadDeps,
  access: Authorized<'document.write'>,
  context: UnpackContext,
  archive: Archive,
  ordinal: number,
  file: UnpackedFile,
): Promise<void> {
  const name = nameArchiveEntry(archive.fileName, file.name);
  try {
    const stored = await storeUpload(deps.blobs, { fileName: file.name, stream: file.content, signal: context.signal });
    const document = {
      ...stored,
      fileName: name,
      mediaType: requireDocument(stored.mediaType),
      createdBy: archive.createdBy,
    };
    await enterDocument(deps, access, document, async (tx, { outcome, documentId }) => {
      if (!(await lockClaim(tx, context.claim))) throw new Error('the claim on the run was lost');
      await insertArchiveEntry(tx, access, archive.id, {
        ordinal,
        name,
        outcome,
        documentId,
        errorCode: null,
        errorMessage: null,
      });
    });
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isAboutFile(error)) throw error;
    await reject(deps, access, context, archive, { ordinal, name }, error);
  }
}

async function reject(
  deps: UnpackUploadDeps,
  access: Authorized<'document.write'>,
  context: UnpackContext,
  archive: Archive,
  entry: Pick<ArchiveEntry, 'ordinal' | 'name'>,
  error: AppError,
): Promise<void> {
  await deps.db.transaction(async (tx) => {
    if (!(await lockClaim(tx, context.claim))) throw new Error('the claim on the run was lost');
    await insertArchiveEntry(tx, access, archive.id, {
      ...entry,
      outcome: 'rejected',
      documentId: null,
      errorCode: error.code,
      errorMessage: error.userMessage,
    });
  });
}

/** Anything else, such as a full disk or a lost database, is no matter of one file. */
function isAboutFile(error: unknown): error is AppError {
  return AppError.isInstance(error) && error.code.startsWith('document.');
}

function emptyArchive(rejected: number): AppError {
  return new AppError({
    code: 'document.archive-empty',
    message: `none of the ${rejected} files in the archive could be taken in`,
    userMessage: rejected === 0 ? 'This archive holds no files.' : 'Nothing in this archive could be taken in.',
  });
}
