import { setTimeout as delay } from 'node:timers/promises';
import { createAuditRepository } from '#db/repositories/audit.ts';
import {
  filterReferencedBlobs,
  listDocumentVersions,
  listVersionIds,
  markDocumentsDeleted,
  removeDeletedDocument,
} from '#db/repositories/documents.ts';
import { cancelRunsOfSubjects, insertRun, lockClaim } from '#db/repositories/runs.ts';
import { lockWorkspace } from '#db/repositories/workspace-lock.ts';
import { type Authorized, findUserId } from '#lib/domain/access.ts';
import { notFound } from '#lib/domain/errors.ts';
import type { RunContext } from '#lib/jobs/perform-run.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import type { AddDocumentDeps } from './add-document.ts';

/**
 * Unnamed blobs younger than this stay: an upload stores its bytes first and names them in a transaction after.
 * A sweep takes them later.
 */
export const BLOB_GRACE_MS = 60_000;

/**
 * Take documents out of every search and answer, now. Their rows and files are removed by a job each, and until then they are
 * listed as being deleted. What they superseded answers again, or is superseded by what superseded them.
 * @returns those that were there, with the run that removes each
 */
export async function deleteDocuments(
  deps: Pick<AddDocumentDeps, 'db' | 'queue'>,
  access: Authorized<'document.write'>,
  documentIds: readonly string[],
): Promise<readonly { readonly documentId: string; readonly runId: string }[]> {
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const documents = await markDocumentsDeleted(tx, access, documentIds);
    const ids = documents.map((document) => document.id);
    const versionIds = await listVersionIds(tx, access, ids);
    await cancelRunsOfSubjects(tx, access, 'document.ingest', versionIds);
    const deleted: { documentId: string; runId: string }[] = [];
    for (const { id: documentId, fileName } of documents) {
      const run = await insertRun(tx, access, {
        kind: 'document.delete',
        subjectId: documentId,
        title: fileName,
        createdBy: findUserId(access),
      });
      await deps.queue.enqueue(tx, 'document.delete', { workspaceId: access.workspaceId, runId: run.id });
      await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
        workspaceId: access.workspaceId,
        action: 'document.delete',
        targetId: documentId,
        details: { fileName },
      });
      deleted.push({ documentId, runId: run.id });
    }
    return deleted;
  });
}

/** {@link deleteDocuments} for one. @throws AppError `document.not-found` */
export async function deleteDocument(
  deps: Pick<AddDocumentDeps, 'db' | 'queue'>,
  access: Authorized<'document.write'>,
  documentId: string,
): Promise<{ readonly runId: string }> {
  const [deleted] = await deleteDocuments(deps, access, [documentId]);
  if (!deleted) throw notFound('document');
  return { runId: deleted.runId };
}

export interface RemoveDocumentDeps extends Pick<AddDocumentDeps, 'db' | 'blobs'> {
  /** Default {@link BLOB_GRACE_MS}. */
  readonly blobGraceMs?: number;
}

/**
 * The job behind {@link deleteDocuments}: the files that nothing else names, then the rows with text and vectors. The rows go
 * last, so a document is listed as being deleted until nothing of it is left. Repeatable.
 * @returns for the run: files removed, and files kept because another document has the same bytes
 */
export async function removeDocument(
  deps: RemoveDocumentDeps,
  access: Authorized<'document.write'>,
  context: Pick<RunContext, 'run' | 'claim' | 'signal' | 'report'>,
): Promise<Readonly<Record<string, unknown>>> {
  const { blobs, blobGraceMs = BLOB_GRACE_MS } = deps;
  const documentId = context.run.subjectId;
  await context.report({ stage: 'removing', done: 0, total: 0 });
  const versions = await listDocumentVersions(deps.db, access, documentId);
  const asked = [...new Set(versions.map((version) => version.blobSha256))];
  let removedFiles = 0;
  for (const sha256 of asked) {
    for (let ageMs = await blobs.readAgeMs(sha256); ageMs !== null; ageMs = await blobs.readAgeMs(sha256)) {
      if ((await filterReferencedBlobs(deps.db, [sha256], documentId)).size > 0) break;
      if (ageMs < blobGraceMs) {
        await context.report({ stage: 'waiting', done: 0, total: 0 });
        await delay(blobGraceMs - ageMs + 1, undefined, { signal: context.signal });
        continue;
      }
      await blobs.remove(sha256);
      removedFiles += 1;
    }
  }
  await deps.db.transaction(async (tx) => {
    if (await lockClaim(tx, context.claim)) await removeDeletedDocument(tx, access, documentId);
  });
  return { removedFiles, keptFiles: asked.length - removedFiles };
}

/**
 * Remove blobs that no document version names. Run after a deletion for its own blobs, and by the worker from time to time
 * for all, which also takes what a killed upload or a killed deletion left behind.
 * @param among only these; default all
 * @returns how many were removed
 */
export async function removeUnreferencedBlobs(
  deps: Pick<AddDocumentDeps, 'db' | 'blobs'>,
  graceMs: number,
  among?: ReadonlySet<string>,
): Promise<number> {
  const old = (await deps.blobs.listOlderThan(graceMs)).filter((sha256) => among?.has(sha256) ?? true);
  let removed = 0;
  const BLOBS_PER_QUERY = 500;
  for (let start = 0; start < old.length; start += BLOBS_PER_QUERY) {
    const asked = old.slice(start, start + BLOBS_PER_QUERY);
    const referenced = await filterReferencedBlobs(deps.db, asked);
    for (const sha256 of asked) {
      if (referenced.has(sha256)) continue;
      await deps.blobs.remove(sha256);
      removed += 1;
    }
  }
  return removed;
}
