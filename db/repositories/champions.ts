import { and, desc, eq, lt, or, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { championEvents, champions } from '#db/schema/adapters.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';

export type ChampionEvent = typeof championEvents.$inferSelect;
export type NewChampionEvent = Pick<
  ChampionEvent,
  'kind' | 'fromVersionId' | 'toVersionId' | 'reason' | 'actorKind' | 'actorId' | 'decisionId'
>;

/** @returns null: the base alone serves */
export async function readChampion(db: DatabaseExecutor, access: Authorized<Permission>): Promise<string | null> {
  const [row] = await db
    .select({ versionId: champions.versionId })
    .from(champions)
    .where(eq(champions.workspaceId, access.workspaceId));
  return row?.versionId ?? null;
}

/** As {@link readChampion}, and nobody else moves it until the transaction ends. */
export async function lockChampion(
  tx: DatabaseExecutor,
  access: Authorized<'adapter.promote' | 'gate.override' | 'adapter.write'>,
): Promise<string | null> {
  // A row must exist to be locked.
  await tx.insert(champions).values({ workspaceId: access.workspaceId, versionId: null }).onConflictDoNothing();
  const [row] = await tx
    .select({ versionId: champions.versionId })
    .from(champions)
    .where(eq(champions.workspaceId, access.workspaceId))
    .for('update');
  return row?.versionId ?? null;
}

/** Called by lib/registry/promote.ts and nothing else; the caller holds the lock and writes the event in the same transaction. */
export async function writeChampion(
  tx: DatabaseExecutor,
  access: Authorized<'adapter.promote' | 'gate.override'>,
  versionId: string | null,
): Promise<void> {
  await tx
    .update(champions)
    .set({ versionId, updatedAt: sql`now()` })
    .where(eq(champions.workspaceId, access.workspaceId));
}

export async function insertChampionEvent(
  tx: DatabaseExecutor,
  access: Authorized<'adapter.promote' | 'gate.override'>,
  event: NewChampionEvent,
): Promise<ChampionEvent> {
  const [row] = await tx
    .insert(championEvents)
    .values({ ...event, workspaceId: access.workspaceId })
    .returning();
  if (!row) throw new Error('insert of a champion event returned no row');
  return row;
}

/** Newest first. */
export async function listChampionEvents(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  page: { readonly limit: number; readonly beforeSequence?: number },
): Promise<ChampionEvent[]> {
  return db
    .select()
    .from(championEvents)
    .where(
      and(
        eq(championEvents.workspaceId, access.workspaceId),
        page.beforeSequence === undefined ? undefined : lt(championEvents.sequence, page.beforeSequence),
      ),
    )
    .orderBy(desc(championEvents.sequence))
    .limit(page.limit);
}

/** Whether this version has served the workspace before. */
export async function hasServed(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  versionId: string,
): Promise<boolean> {
  const [row] = await db
    .select({ id: championEvents.id })
    .from(championEvents)
    .where(
      and(
        eq(championEvents.workspaceId, access.workspaceId),
        or(eq(championEvents.toVersionId, versionId), eq(championEvents.fromVersionId, versionId)),
      ),
    )
    .limit(1);
  return row !== undefined;
}
