import { createAuditRepository } from '#db/repositories/audit.ts';
import {
  filterReferencedBlobs,
  listDocumentVersions,
  markDocumentDeleted,
  removeDeletedDocument,
} from '#db/repositories/documents.ts';
import { cancelRunsOfSubjects, insertRun, lockClaim } from '#db/repositories/runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { notFound } from '#lib/domain/errors.ts';
import type { RunContext } from '#lib/jobs/perform-run.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { type AddDocumentDeps, findUserId } from './add-document.ts';

/**
 * Unnamed blobs younger than this stay: an upload stores its bytes first and names them in a transaction after.
 * A sweep takes them later.
 */
export const BLOB_GRACE_MS = 60_000;

/**
 * Take a document out of every list, search and answer, now. Its rows and files are removed by a job.
 * @throws AppError `document.not-found`
 */
export async function deleteDocument(
  deps: Pick<AddDocumentDeps, 'db' | 'queue'>,
  access: Authorized<'document.write'>,
  documentId: string,
): Promise<{ readonly runId: string }> {
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    const document = await markDocumentDeleted(tx, access, documentId);
    if (!document) throw notFound('document');
    const versions = await listDocumentVersions(tx, access, documentId);
    await cancelRunsOfSubjects(
      tx,
      access,
      'document.ingest',
      versions.map((version) => version.id),
    );
    const run = await insertRun(tx, access, {
      kind: 'document.delete',
      subjectId: documentId,
      title: document.fileName,
      createdBy: findUserId(access),
    });
    await deps.queue.enqueue(tx, 'document.delete', { workspaceId: access.workspaceId, runId: run.id });
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'document.delete',
      targetId: documentId,
      details: { fileName: document.fileName },
    });
    return { runId: run.id };
  });
}

/** The job behind {@link deleteDocument}: rows first, then files that no document of any workspace names. Repeatable. */
export async function removeDocument(
  deps: Pick<AddDocumentDeps, 'db' | 'blobs'>,
  access: Authorized<'document.write'>,
  context: Pick<RunContext, 'run' | 'claim' | 'signal' | 'report'>,
  blobGraceMs = BLOB_GRACE_MS,
): Promise<Readonly<Record<string, unknown>>> {
  await context.report({ stage: 'removing', done: 0, total: 0 });
  const blobs = await deps.db.transaction(async (tx) => {
    if (!(await lockClaim(tx, context.claim))) return [];
    return removeDeletedDocument(tx, access, context.run.subjectId);
  });
  const removedBlobs = await removeUnreferencedBlobs(deps, blobGraceMs, new Set(blobs));
  return { removedBlobs };
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
