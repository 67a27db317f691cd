import type { WorkspacePage } from '#app/_server/page.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { listDocumentViews } from '#lib/ingestion/read-documents.ts';
import type { DocumentCounts } from './conversation.tsx';

/** What the chat says about its ground: how many documents answer, and how many are on the way. */
export async function countDocuments(page: WorkspacePage<'chat.use'>): Promise<DocumentCounts> {
  const access = await authorize(page.deps.people, page.actor, page.authorized.workspaceId, 'document.read');
  const documents = await listDocumentViews(page.deps, access);
  return {
    indexed: documents.filter((document) => document.currentVersionId !== null).length,
    pending: documents.filter((document) => document.state === 'queued' || document.state === 'processing').length,
  };
}
