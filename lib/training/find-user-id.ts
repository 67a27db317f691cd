import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';

/** The person who acts; null for a key or the product itself. */
export function findUserId(access: Authorized<Permission>): string | null {
  return access.actor.kind === 'user' ? access.actor.userId : null;
}
