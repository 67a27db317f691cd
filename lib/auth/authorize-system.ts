import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { authorize } from './authorize.ts';

/** Access for the product's own work: jobs, seeds and the command line. Nobody's membership is asked. */
export function authorizeSystem<P extends Permission>(
  reason: string,
  workspaceId: string,
  permission: P,
): Promise<Authorized<P>> {
  const nobody = { memberships: { findRole: () => Promise.resolve(null) } };
  return authorize(nobody, { kind: 'system', reason }, workspaceId, permission);
}
