import { and, eq } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { indexConfigs } from '#db/schema/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { lockWorkspace } from './workspace-lock.ts';

export type IndexConfig = typeof indexConfigs.$inferSelect;
export type NewIndexConfig = Pick<
  IndexConfig,
  'embeddingModel' | 'embeddingSha256' | 'dimensions' | 'chunkSizeTokens' | 'chunkOverlapTokens' | 'splitterVersion'
>;

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
