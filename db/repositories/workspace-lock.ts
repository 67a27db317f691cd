import { eq } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { workspaces } from '#db/schema/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { notFound } from '#lib/domain/errors.ts';

/**
 * Serialise writers of one workspace until the transaction ends. A row lock, because the embedded database shares one
 * session between clients and grants a session advisory lock to all of them.
 * @throws AppError `workspace.not-found`
 */
export async function lockWorkspace(tx: DatabaseExecutor, access: Authorized<Permission>): Promise<void> {
  const [row] = await tx
    .select({ id: workspaces.id })
    .from(workspaces)
    .where(eq(workspaces.id, access.workspaceId))
    .for('update');
  if (!row) throw notFound('workspace');
}
