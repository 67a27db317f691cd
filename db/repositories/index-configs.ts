import { and, desc, eq, exists, inArray, or, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { runs } from '#db/schema/runs.ts';
import { indexConfigs } from '#db/schema/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { lockWorkspace } from './workspace-lock.ts';

export type IndexConfig = typeof indexConfigs.$inferSelect;
export type NewIndexConfig = Pick<
  IndexConfig,
  'embeddingModel' | 'embeddingSha256' | 'dimensions' | 'chunkSizeTokens' | 'chunkOverlapTokens' | 'splitterVersion'
>;

const isRebuildOpen = and(eq(runs.kind, 'index.rebuild'), inArray(runs.state, ['queued', 'running']));

export async function findActiveIndexConfig(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
): Promise<IndexConfig | undefined> {
  const [row] = await db
    .select()
    .from(indexConfigs)
    .where(and(eq(indexConfigs.workspaceId, access.workspaceId), eq(indexConfigs.isActive, true)));
  return row;
}

/**
 * The workspace's active configuration; `wanted` becomes it when there is none yet. Never changes an existing one: two
 * callers at once get the same row.
 */
export async function ensureActiveIndexConfig(
  db: DatabaseExecutor,
  access: Authorized<'document.write'>,
  wanted: NewIndexConfig,
): Promise<IndexConfig> {
  return db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const existing = await findActiveIndexConfig(tx, access);
    if (existing) return existing;
    const [created] = await tx
      .insert(indexConfigs)
      .values({ ...wanted, workspaceId: access.workspaceId, isActive: true })
      .returning();
    if (!created) throw new Error('insert of an index configuration returned no row');
    return created;
  });
}

/** Make the configuration of a re-index; it serves nobody before {@link activateIndexConfig}. */
export async function insertIndexConfig(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  values: NewIndexConfig,
): Promise<IndexConfig> {
  const [created] = await tx
    .insert(indexConfigs)
    .values({ ...values, workspaceId: access.workspaceId, isActive: false })
    .returning();
  if (!created) throw new Error('insert of an index configuration returned no row');
  return created;
}

export async function findIndexConfig(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  indexConfigId: string,
): Promise<IndexConfig | undefined> {
  const [row] = await db
    .select()
    .from(indexConfigs)
    .where(and(eq(indexConfigs.workspaceId, access.workspaceId), eq(indexConfigs.id, indexConfigId)));
  return row;
}

/** Configurations that a re-index is making ready or waits to, newest first. */
export async function findPendingIndexConfigs(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
): Promise<IndexConfig[]> {
  const rows = await db
    .select({ config: indexConfigs })
    .from(indexConfigs)
    .innerJoin(
      runs,
      and(eq(runs.workspaceId, indexConfigs.workspaceId), eq(runs.subjectId, indexConfigs.id), isRebuildOpen),
    )
    .where(and(eq(indexConfigs.workspaceId, access.workspaceId), eq(indexConfigs.isActive, false)))
    .orderBy(desc(runs.createdAt));
  return rows.map((row) => row.config);
}

/** The configuration that serves, and those that a re-index is making ready or waits to. */
export async function listLivingIndexConfigIds(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
): Promise<string[]> {
  const rows = await db
    .select({ id: indexConfigs.id })
    .from(indexConfigs)
    .where(
      and(
        eq(indexConfigs.workspaceId, access.workspaceId),
        or(
          eq(indexConfigs.isActive, true),
          exists(
            db
              .select({ one: sql`1` })
              .from(runs)
              .where(and(eq(runs.workspaceId, access.workspaceId), eq(runs.subjectId, indexConfigs.id), isRebuildOpen)),
          ),
        ),
      ),
    );
  return rows.map(({ id }) => id);
}

/** Put a configuration in the place of the one that serves. The caller holds the workspace's lock. */
export async function activateIndexConfig(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  indexConfigId: string,
): Promise<void> {
  const ofWorkspace = eq(indexConfigs.workspaceId, access.workspaceId);
  await tx
    .update(indexConfigs)
    .set({ isActive: false })
    .where(and(ofWorkspace, eq(indexConfigs.isActive, true)));
  await tx
    .update(indexConfigs)
    .set({ isActive: true })
    .where(and(ofWorkspace, eq(indexConfigs.id, indexConfigId)));
}
