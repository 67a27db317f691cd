import type { DatabaseExecutor } from '#db/executor.ts';
import {
  type Conversation,
  findConversation,
  listConversations,
  markConversationDeleted,
  renameConversation,
  restoreConversation,
} from '#db/repositories/conversations.ts';
import { type Feedback, removeFeedback, saveFeedback } from '#db/repositories/feedback.ts';
import { findMessage, listMessageRecords, readMessageRecord } from '#db/repositories/messages.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { ConversationView, MessageView } from '#lib/domain/chat.ts';
import { invalidInput } from '#lib/domain/errors.ts';
import { toMessageView } from './message-view.ts';

/** A person's own conversations in one workspace. Every function throws `conversation.not-found` or `message.not-found` for anyone else's. */

export interface ConversationDeps {
  readonly db: DatabaseExecutor;
  /** Default: the system's clock. */
  readonly now?: () => number;
}

type ChatAccess = Authorized<'chat.use'>;

/** How long a deletion can be undone. */
export const UNDO_DELETE_MS = 10 * 60_000;
const LIST_LIMIT = 200;
const MAX_TITLE_CHARACTERS = 120;
const MAX_COMMENT_CHARACTERS = 4000;

const toView = (row: Conversation): ConversationView => ({
  id: row.id,
  title: row.title,
  updatedAt: row.updatedAt.toISOString(),
});

/** Newest first, 200 at most. @param search looks at titles and messages; empty for all */
export async function listOwnConversations(
  deps: ConversationDeps,
  access: ChatAccess,
  search = '',
): Promise<ConversationView[]> {
  const rows = await listConversations(deps.db, access, { search: search.replaceAll('\u0000', ''), limit: LIST_LIMIT });
  return rows.map(toView);
}

export async function readConversation(
  deps: ConversationDeps,
  access: ChatAccess,
  conversationId: string,
): Promise<{ readonly conversation: ConversationView; readonly messages: readonly MessageView[] }> {
  const row = await findConversation(deps.db, access, conversationId);
  const records = await listMessageRecords(deps.db, access, row.id);
  const nowMs = (deps.now ?? Date.now)();
  return { conversation: toView(row), messages: records.map((record) => toMessageView(record, nowMs)) };
}

/** One message with sources, citations and what answered it. */
export async function readMessage(deps: ConversationDeps, access: ChatAccess, messageId: string): Promise<MessageView> {
  const message = await findMessage(deps.db, access, messageId);
  return toMessageView(await readMessageRecord(deps.db, access, message), (deps.now ?? Date.now)());
}

export async function renameOwnConversation(
  deps: ConversationDeps,
  access: ChatAccess,
  conversationId: string,
  title: string,
): Promise<void> {
  const trimmed = title.replaceAll('\u0000', '').replaceAll(/\s+/g, ' ').trim();
  if (trimmed === '' || trimmed.length > MAX_TITLE_CHARACTERS) {
    throw invalidInput(`a title has 1 to ${MAX_TITLE_CHARACTERS} characters, this one ${trimmed.length}`);
  }
  await renameConversation(deps.db, access, conversationId, trimmed);
}

/** Gone from every list at once; `undoDeleteConversation` brings it back within ten minutes. */
export async function deleteConversation(
  deps: ConversationDeps,
  access: ChatAccess,
  conversationId: string,
): Promise<void> {
  await markConversationDeleted(deps.db, access, conversationId);
}

export async function undoDeleteConversation(
  deps: ConversationDeps,
  access: ChatAccess,
  conversationId: string,
): Promise<void> {
  await restoreConversation(deps.db, access, conversationId, new Date((deps.now ?? Date.now)() - UNDO_DELETE_MS));
}

const cleanText = (text: string) => text.replaceAll('\u0000', '').trim().slice(0, MAX_COMMENT_CHARACTERS);

/** @param feedback null takes it back */
export async function giveFeedback(
  deps: ConversationDeps,
  access: ChatAccess,
  messageId: string,
  feedback: Feedback | null,
): Promise<void> {
  const message = await findMessage(deps.db, access, messageId);
  if (message.role !== 'assistant') throw invalidInput('feedback is given on answers');
  if (feedback === null) {
    await removeFeedback(deps.db, access, messageId);
    return;
  }
  await saveFeedback(deps.db, access, messageId, {
    isHelpful: feedback.isHelpful,
    comment: cleanText(feedback.comment),
    correction: cleanText(feedback.correction),
  });
}
