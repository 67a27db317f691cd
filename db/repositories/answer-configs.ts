import { createHash } from 'node:crypto';
import { and, eq } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { answerConfigs } from '#db/schema/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { type AnswerConfig, answerConfigSchema } from '#lib/domain/answer-config.ts';

export interface StoredAnswerConfig {
  readonly id: string;
  readonly config: AnswerConfig;
}

/** Keys in order, so that equal settings have one hash. */
function hashSettings(config: AnswerConfig): string {
  const canonical = JSON.stringify(Object.fromEntries(Object.entries(config).toSorted(([a], [b]) => (a < b ? -1 : 1))));
  return createHash('sha256').update(canonical).digest('hex');
}

/** The immutable row of these settings; inserted when there is none. Active or not is left as it is. */
export async function ensureAnswerConfig(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  config: AnswerConfig,
): Promise<StoredAnswerConfig> {
  const { workspaceId } = access;
  const settingsSha256 = hashSettings(config);
  const where = and(eq(answerConfigs.workspaceId, workspaceId), eq(answerConfigs.settingsSha256, settingsSha256));
  const [known] = await db.select({ id: answerConfigs.id }).from(answerConfigs).where(where);
  if (known) return { id: known.id, config };
  await db.insert(answerConfigs).values({ workspaceId, settings: config, settingsSha256 }).onConflictDoNothing();
  const [row] = await db.select({ id: answerConfigs.id }).from(answerConfigs).where(where);
  if (!row) throw new Error('an answer configuration that was just stored is not there');
  return { id: row.id, config };
}

/**
 * What answers in this workspace: the active row, or the product's defaults, which follow the product until someone chooses.
 * @throws ZodError when a stored row no longer fits the schema
 */
export async function readActiveAnswerConfig(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
): Promise<StoredAnswerConfig> {
  const [active] = await db
    .select({ id: answerConfigs.id, settings: answerConfigs.settings })
    .from(answerConfigs)
    .where(and(eq(answerConfigs.workspaceId, access.workspaceId), eq(answerConfigs.isActive, true)));
  if (active) return { id: active.id, config: answerConfigSchema.parse(active.settings) };
  return await ensureAnswerConfig(db, access, answerConfigSchema.parse({}));
}

/** Make these settings the ones that answer from now on. Run in a transaction. */
export async function activateAnswerConfig(
  tx: DatabaseExecutor,
  access: Authorized<'workspace.configure'>,
  config: AnswerConfig,
): Promise<StoredAnswerConfig> {
  const stored = await ensureAnswerConfig(tx, access, config);
  await tx
    .update(answerConfigs)
    .set({ isActive: false })
    .where(and(eq(answerConfigs.workspaceId, access.workspaceId), eq(answerConfigs.isActive, true)));
  await tx
    .update(answerConfigs)
    .set({ isActive: true })
    .where(and(eq(answerConfigs.workspaceId, access.workspaceId), eq(answerConfigs.id, stored.id)));
  return stored;
}
