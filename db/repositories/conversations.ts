import { and, desc, eq, exists, gt, ilike, isNotNull, isNull, lt, or, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { conversations, messages } from '#db/schema/conversations.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { forbidden, notFound } from '#lib/domain/errors.ts';
import { escapeLike } from './escape-like.ts';

export type Conversation = typeof conversations.$inferSelect;
type ChatAccess = Authorized<'chat.use'>;

/** Conversations belong to one person; a key acts as its maker. */
export function readUserId(access: ChatAccess): string {
  if (access.actor.kind === 'system') throw forbidden('chat.use');
  return access.actor.userId;
}

/** The actor's own conversations: another person's in the same workspace do not exist for them. */
const own = (access: ChatAccess) =>
  and(eq(conversations.workspaceId, access.workspaceId), eq(conversations.userId, readUserId(access)));

const live = (access: ChatAccess) => and(own(access), isNull(conversations.deletedAt));

export async function insertConversation(
  tx: DatabaseExecutor,
  access: ChatAccess,
  title: string,
): Promise<Conversation> {
  const [row] = await tx
    .insert(conversations)
    .values({ workspaceId: access.workspaceId, userId: readUserId(access), title })
    .returning();
  if (!row) throw new Error('insert of a conversation returned no row');
  return row;
}

/** @throws AppError `conversation.not-found` */
export async function findConversation(
  db: DatabaseExecutor,
  access: ChatAccess,
  conversationId: string,
): Promise<Conversation> {
  const [row] = await db
    .select()
    .from(conversations)
    .where(and(live(access), eq(conversations.id, conversationId)));
  if (!row) throw notFound('conversation');
  return row;
}

/**
 * Take the conversation for the rest of the transaction, so that turns come one after another, and move it to the top.
 * @throws AppError `conversation.not-found`
 */
export async function lockConversation(
  tx: DatabaseExecutor,
  access: ChatAccess,
  conversationId: string,
): Promise<Conversation> {
  const [row] = await tx
    .update(conversations)
    .set({ updatedAt: sql`now()` })
    .where(and(live(access), eq(conversations.id, conversationId)))
    .returning();
  if (!row) throw notFound('conversation');
  return row;
}

/** @throws AppError `conversation.not-found` */
export async function renameConversation(
  db: DatabaseExecutor,
  access: ChatAccess,
  conversationId: string,
  title: string,
): Promise<void> {
  const rows = await db
    .update(conversations)
    .set({ title })
    .where(and(live(access), eq(conversations.id, conversationId)))
    .returning({ id: conversations.id });
  if (rows.length === 0) throw notFound('conversation');
}

/** @throws AppError `conversation.not-found`, also when deleted before */
export async function markConversationDeleted(
  db: DatabaseExecutor,
  access: ChatAccess,
  conversationId: string,
): Promise<void> {
  const rows = await db
    .update(conversations)
    .set({ deletedAt: sql`now()` })
    .where(and(live(access), eq(conversations.id, conversationId)))
    .returning({ id: conversations.id });
  if (rows.length === 0) throw notFound('conversation');
}

/**
 * Undo a deletion that happened after `since`.
 * @throws AppError `conversation.not-found` when it is not deleted, or was before that
 */
export async function restoreConversation(
  db: DatabaseExecutor,
  access: ChatAccess,
  conversationId: string,
  since: Date,
): Promise<void> {
  const rows = await db
    .update(conversations)
    .set({ deletedAt: null })
    .where(and(own(access), eq(conversations.id, conversationId), gt(conversations.deletedAt, since)))
    .returning({ id: conversations.id });
  if (rows.length === 0) throw notFound('conversation');
}

/** Worker only, all workspaces: conversations deleted before `before` go for good. @returns how many */
export async function removeDeletedConversations(db: DatabaseExecutor, before: Date): Promise<number> {
  const rows = await db
    .delete(conversations)
    .where(and(isNotNull(conversations.deletedAt), lt(conversations.deletedAt, before)))
    .returning({ id: conversations.id });
  return rows.length;
}

/**
 * Newest first. A search looks at titles and at the messages that are shown, case ignored.
 * @param options.limit at most this many
 */
export async function listConversations(
  db: DatabaseExecutor,
  access: ChatAccess,
  options: { readonly search?: string | undefined; readonly limit: number },
): Promise<Conversation[]> {
  const search = options.search?.trim() ?? '';
  const pattern = `%${escapeLike(search)}%`;
  const matches =
    search === ''
      ? undefined
      : or(
          ilike(conversations.title, pattern),
          exists(
            db
              .select({ one: sql`1` })
              .from(messages)
              .where(
                and(
                  eq(messages.workspaceId, conversations.workspaceId),
                  eq(messages.conversationId, conversations.id),
                  isNull(messages.supersededAt),
                  ilike(messages.content, pattern),
                ),
              ),
          ),
        );
  return await db
    .select()
    .from(conversations)
    .where(and(live(access), matches))
    .orderBy(desc(conversations.updatedAt), desc(conversations.id))
    .limit(options.limit);
}
