import { and, eq, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { messageFeedback } from '#db/schema/conversations.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { readUserId } from './conversations.ts';

export interface Feedback {
  readonly isHelpful: boolean;
  readonly comment: string;
  readonly correction: string;
}

/** One a person and message; a second one replaces the first. The caller has checked that the message is the actor's own. */
export async function saveFeedback(
  db: DatabaseExecutor,
  access: Authorized<'chat.use'>,
  messageId: string,
  feedback: Feedback,
): Promise<void> {
  await db
    .insert(messageFeedback)
    .values({ ...feedback, workspaceId: access.workspaceId, messageId, userId: readUserId(access) })
    .onConflictDoUpdate({
      target: [messageFeedback.messageId, messageFeedback.userId],
      set: { ...feedback, updatedAt: sql`now()` },
    });
}

export async function removeFeedback(
  db: DatabaseExecutor,
  access: Authorized<'chat.use'>,
  messageId: string,
): Promise<void> {
  await db
    .delete(messageFeedback)
    .where(
      and(
        eq(messageFeedback.workspaceId, access.workspaceId),
        eq(messageFeedback.messageId, messageId),
        eq(messageFeedback.userId, readUserId(access)),
      ),
    );
}
