import type { Actor } from '#lib/domain/actor.ts';
import { assertNever } from '#lib/domain/errors.ts';

/** Details of an audit event: JSON-safe facts. Never secrets, passwords, tokens or document text. */
export type AuditDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export interface AuditEvent {
  /** Null: an act on the whole installation. */
  readonly workspaceId: string | null;
  /** `noun.verb`, e.g. `document.delete`. */
  readonly action: string;
  readonly targetId?: string | null;
  readonly details?: AuditDetails;
}

export interface AuditDeps {
  readonly audit: {
    append(entry: {
      readonly workspaceId: string | null;
      readonly actorKind: 'user' | 'api-key' | 'system';
      readonly actorId: string | null;
      readonly action: string;
      readonly targetId: string | null;
      readonly details: Readonly<Record<string, unknown>>;
    }): Promise<void>;
  };
}

function identifyActor(actor: Actor): { actorKind: Actor['kind']; actorId: string; maker?: string } {
  switch (actor.kind) {
    case 'user':
      return { actorKind: 'user', actorId: actor.userId };
    case 'api-key':
      return { actorKind: 'api-key', actorId: actor.keyId, maker: actor.userId };
    case 'system':
      return { actorKind: 'system', actorId: actor.reason };
    default:
      return assertNever(actor);
  }
}

/** Writes who did what. Call it on the transaction of the act itself, so that neither exists without the other. */
export async function recordAudit(deps: AuditDeps, actor: Actor, event: AuditEvent): Promise<void> {
  const { actorKind, actorId, maker } = identifyActor(actor);
  await deps.audit.append({
    workspaceId: event.workspaceId,
    actorKind,
    actorId,
    action: event.action,
    targetId: event.targetId ?? null,
    details: { ...event.details, ...(maker === undefined ? {} : { keyMaker: maker }) },
  });
}
