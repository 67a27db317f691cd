import { desc, eq } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { playgroundVotes } from '#db/schema/adapters.ts';
import type { Authorized } from '#lib/domain/access.ts';

export type PlaygroundVote = typeof playgroundVotes.$inferSelect;

export async function insertPlaygroundVote(
  db: DatabaseExecutor,
  access: Authorized<'adapter.read'>,
  vote: Pick<PlaygroundVote, 'question' | 'usedRetrieval' | 'answers' | 'preferred' | 'createdBy'>,
): Promise<void> {
  await db.insert(playgroundVotes).values({ ...vote, workspaceId: access.workspaceId });
}

/** Newest first. */
export async function listPlaygroundVotes(
  db: DatabaseExecutor,
  access: Authorized<'adapter.read'>,
  limit: number,
): Promise<PlaygroundVote[]> {
  return db
    .select()
    .from(playgroundVotes)
    .where(eq(playgroundVotes.workspaceId, access.workspaceId))
    .orderBy(desc(playgroundVotes.createdAt), desc(playgroundVotes.id))
    .limit(limit);
}
