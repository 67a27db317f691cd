import type { WorkspacePage } from '#app/_server/page.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { countDocumentsInUse } from '#lib/ingestion/read-documents.ts';
import type { DocumentCounts } from './conversation.tsx';

/** What the chat says about its ground: how many documents answer, and how many are on the way. */
export async function countDocuments(page: WorkspacePage<'chat.use'>): Promise<DocumentCounts> {
  const access = await authorize(page.deps.people, page.actor, page.authorized.workspaceId, 'document.read');
  return countDocumentsInUse(page.deps, access);
}
