import { and, desc, eq, lt } from 'drizzle-orm';
import type { Authorized } from '#lib/domain/access.ts';
import type { DatabaseExecutor } from '../executor.ts';
import { auditEvents } from '../schema/runs.ts';

export interface AuditEntry {
  /** Null: an act on the whole installation. */
  readonly workspaceId: string | null;
  readonly actorKind: 'user' | 'api-key' | 'system';
  readonly actorId: string | null;
  readonly action: string;
  readonly targetId: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface AuditRow extends AuditEntry {
  readonly sequence: number;
  readonly createdAt: Date;
}

export interface AuditRepository {
  append(entry: AuditEntry): Promise<void>;
  /** Whether this was ever done in the workspace. */
  hasEvent(authorized: Authorized<'audit.read'>, action: string): Promise<boolean>;
  /** Newest first. */
  list(
    authorized: Authorized<'audit.read'>,
    page: { readonly limit: number; readonly beforeSequence?: number | undefined },
  ): Promise<AuditRow[]>;
}

export function createAuditRepository(db: DatabaseExecutor): AuditRepository {
  return {
    async append(entry) {
      await db.insert(auditEvents).values({ ...entry, details: { ...entry.details } });
    },
    async hasEvent(authorized, action) {
      const rows = await db
        .select({ id: auditEvents.id })
        .from(auditEvents)
        .where(and(eq(auditEvents.workspaceId, authorized.workspaceId), eq(auditEvents.action, action)))
        .limit(1);
      return rows.length > 0;
    },
    async list(authorized, page) {
      return await db
        .select({
          sequence: auditEvents.sequence,
          workspaceId: auditEvents.workspaceId,
          actorKind: auditEvents.actorKind,
          actorId: auditEvents.actorId,
          action: auditEvents.action,
          targetId: auditEvents.targetId,
          details: auditEvents.details,
          createdAt: auditEvents.createdAt,
        })
        .from(auditEvents)
        .where(
          and(
            eq(auditEvents.workspaceId, authorized.workspaceId),
            page.beforeSequence === undefined ? undefined : lt(auditEvents.sequence, page.beforeSequence),
          ),
        )
        .orderBy(desc(auditEvents.sequence))
        .limit(page.limit);
    },
  };
}
