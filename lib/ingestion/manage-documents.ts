import { createAuditRepository } from '#db/repositories/audit.ts';
import { listMatchingDocumentIds } from '#db/repositories/document-list.ts';
import {
  changeTags,
  type Document,
  findDocument,
  listLatestRuns,
  listLiveDocuments,
  setPriority,
  setSuccessor,
} from '#db/repositories/documents.ts';
import { reopenRun, requestRunCancel } from '#db/repositories/runs.ts';
import { lockWorkspace } from '#db/repositories/workspace-lock.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { DocumentFilter } from '#lib/domain/document-list.ts';
import type { DocumentPriority } from '#lib/domain/document-priority.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import type { AddDocumentDeps } from './add-document.ts';
import { deleteDocuments } from './delete-document.ts';

/** The embedded database serves nobody else during a transaction: many documents are changed in steps of this many. */
const DOCUMENTS_PER_TRANSACTION = 50;

export const MAX_TAG_CHARACTERS = 40;
export const MAX_TAGS = 20;

/** Documents by name, or all that a list shows under a filter, on all its pages. */
export type DocumentSelection = { readonly documentIds: readonly string[] } | { readonly matching: DocumentFilter };

export interface ChangedDocuments {
  /** How many were asked for and are there. */
  readonly found: number;
  /** How many were changed; the others had nothing to change. */
  readonly changed: number;
}

type Deps = Pick<AddDocumentDeps, 'db' | 'queue'>;
type Access = Authorized<'document.write'>;

/**
 * @throws AppError `document.not-found` when ids were given and none of them is a document here
 */
async function changeInSteps(
  deps: Deps,
  access: Access,
  selection: DocumentSelection,
  change: (documentIds: readonly string[]) => Promise<ChangedDocuments>,
): Promise<ChangedDocuments> {
  const ids =
    'documentIds' in selection
      ? [...new Set(selection.documentIds)]
      : await listMatchingDocumentIds(deps.db, access, selection.matching);
  let found = 0;
  let changed = 0;
  for (let start = 0; start < ids.length; start += DOCUMENTS_PER_TRANSACTION) {
    const step = await change(ids.slice(start, start + DOCUMENTS_PER_TRANSACTION));
    found += step.found;
    changed += step.changed;
  }
  if (found === 0 && 'documentIds' in selection) throw notFound('document');
  return { found, changed };
}

export function deleteSelected(deps: Deps, access: Access, selection: DocumentSelection): Promise<ChangedDocuments> {
  return changeInSteps(deps, access, selection, async (ids) => {
    const { length } = await deleteDocuments(deps, access, ids);
    return { found: length, changed: length };
  });
}

/** Put failed and cancelled indexing back in line. What its stages have finished is kept. */
export async function retrySelected(
  deps: Deps,
  access: Access,
  selection: DocumentSelection,
): Promise<ChangedDocuments> {
  await deps.queue.open();
  return changeInSteps(deps, access, selection, (ids) =>
    deps.db.transaction(async (tx) => {
      const latest = await listLatestRuns(tx, access, ids);
      let changed = 0;
      for (const { documentId, run } of latest) {
        if (!run || !(await reopenRun(tx, access, run.id))) continue;
        changed += 1;
        await deps.queue.enqueue(tx, 'document.ingest', { workspaceId: access.workspaceId, runId: run.id });
        await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
          workspaceId: access.workspaceId,
          action: 'run.retry',
          targetId: run.id,
          details: { kind: run.kind, title: run.title, documentId },
        });
      }
      return { found: latest.length, changed };
    }),
  );
}

/** Stop indexing that waits or runs. A version that answered before goes on answering. */
export function cancelSelected(deps: Deps, access: Access, selection: DocumentSelection): Promise<ChangedDocuments> {
  return changeInSteps(deps, access, selection, (ids) =>
    deps.db.transaction(async (tx) => {
      const latest = await listLatestRuns(tx, access, ids);
      let changed = 0;
      for (const { documentId, run } of latest) {
        if (!run || (run.state !== 'queued' && run.state !== 'running') || run.cancelRequestedAt !== null) continue;
        await requestRunCancel(tx, access, run.id);
        changed += 1;
        await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
          workspaceId: access.workspaceId,
          action: 'run.cancel',
          targetId: run.id,
          details: { kind: run.kind, title: run.title, documentId },
        });
      }
      return { found: latest.length, changed };
    }),
  );
}

/** A tag as it is stored: lower case, single spaces. @throws AppError `document.tag-invalid` */
export function normaliseTag(given: string): string {
  const tag = given.normalize('NFC').trim().replaceAll(/\s+/g, ' ').toLowerCase();
  if (tag === '' || tag.length > MAX_TAG_CHARACTERS || /[,\p{C}]/u.test(tag)) {
    throw new AppError({
      code: 'document.tag-invalid',
      message: `expected a tag of 1 to ${MAX_TAG_CHARACTERS} characters without commas`,
      userMessage: `A tag has 1 to ${MAX_TAG_CHARACTERS} characters and no comma.`,
    });
  }
  return tag;
}

/**
 * Add tags to documents and take others off. A document that would get more than {@link MAX_TAGS} keeps what it has.
 * @throws AppError `document.tag-invalid`, `document.not-found`
 */
export async function tagSelected(
  deps: Deps,
  access: Access,
  selection: DocumentSelection,
  tags: { readonly add: readonly string[]; readonly remove: readonly string[] },
): Promise<ChangedDocuments> {
  const change = { add: tags.add.map(normaliseTag), remove: tags.remove.map(normaliseTag), maxTags: MAX_TAGS };
  return changeInSteps(deps, access, selection, (ids) =>
    deps.db.transaction(async (tx) => {
      const documents = await listLiveDocuments(tx, access, ids);
      const changed = await changeTags(tx, access, ids, change);
      await recordChange(access, tx, 'document.tag', changed, { added: change.add, removed: change.remove });
      return { found: documents.length, changed: changed.length };
    }),
  );
}

/** @throws AppError `document.not-found` */
export function prioritiseSelected(
  deps: Deps,
  access: Access,
  selection: DocumentSelection,
  priority: DocumentPriority,
): Promise<ChangedDocuments> {
  return changeInSteps(deps, access, selection, (ids) =>
    deps.db.transaction(async (tx) => {
      const documents = await listLiveDocuments(tx, access, ids);
      const changed = await setPriority(tx, access, ids, priority);
      await recordChange(access, tx, 'document.prioritise', changed, { priority });
      return { found: documents.length, changed: changed.length };
    }),
  );
}

/** One event for all documents of a step: of thousands, a line each would bury everything else. */
async function recordChange(
  access: Access,
  tx: AddDocumentDeps['db'],
  action: string,
  documents: readonly Document[],
  details: Readonly<Record<string, string | readonly string[]>>,
): Promise<void> {
  if (documents.length === 0) return;
  await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
    workspaceId: access.workspaceId,
    action,
    targetId: documents.length === 1 ? (documents[0]?.id ?? null) : null,
    details: { documentIds: documents.map(({ id }) => id), ...details },
  });
}

/**
 * Let another document answer in this one's place, or let this one answer again (`successorId` null). A superseded document is
 * in no search; answers that cite it still open its pages and say so.
 * @throws AppError `document.not-found` for either; `document.not-indexed` when the successor does not answer yet;
 *   `document.supersedes-itself` when the successor is superseded by this one, over however many steps
 */
export async function supersedeDocument(
  deps: Pick<AddDocumentDeps, 'db'>,
  access: Access,
  documentId: string,
  successorId: string | null,
): Promise<void> {
  await deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const found = await findDocument(tx, access, documentId);
    if (!found) throw notFound('document');
    if (successorId !== null) {
      const successor = await findDocument(tx, access, successorId);
      if (!successor) throw notFound('document');
      if (successor.document.currentVersionId === null) throw notIndexed(successor.document);
      let next: Document | undefined = successor.document;
      while (next) {
        if (next.id === documentId) throw supersedesItself(found.document, successor.document);
        next =
          next.supersededById === null ? undefined : (await findDocument(tx, access, next.supersededById))?.document;
      }
    }
    await setSuccessor(tx, access, documentId, successorId);
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'document.supersede',
      targetId: documentId,
      details: { fileName: found.document.fileName, successorId },
    });
  });
}

function notIndexed(document: Document): AppError {
  return new AppError({
    code: 'document.not-indexed',
    message: `document ${document.id} has no version that answers`,
    userMessage: `“${document.title}” is not indexed yet, so it cannot answer in place of another document.`,
  });
}

function supersedesItself(document: Document, successor: Document): AppError {
  return new AppError({
    code: 'document.supersedes-itself',
    message: `document ${successor.id} is superseded by ${document.id}`,
    userMessage: `“${successor.title}” is itself superseded by “${document.title}”.`,
  });
}
