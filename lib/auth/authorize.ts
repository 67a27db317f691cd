import type { Authorized } from '#lib/domain/access.ts';
import { type Actor, type Permission, type Role, rolePermissions } from '#lib/domain/actor.ts';
import { forbidden, notFound } from '#lib/domain/errors.ts';

export interface AuthorizeDeps {
  readonly memberships: {
    /** The person's role, or null when they are no member, the person is suspended, or there is no such workspace. */
    findRole(workspaceId: string, userId: string): Promise<Role | null>;
  };
}

/** The brand exists in types alone; this overload is the one place that claims it. */
function mint<P extends Permission>(workspaceId: string, actor: Actor): Authorized<P>;
function mint(workspaceId: string, actor: Actor): object {
  return { workspaceId, actor };
}

/**
 * The one door to a workspace's data. A workspace that does not exist and one the actor is no member of give the same error.
 * A key's permissions count only as far as its maker's role still grants them.
 * @throws AppError `workspace.not-found`, `permission.denied`
 */
export async function authorize<P extends Permission>(
  deps: AuthorizeDeps,
  actor: Actor,
  workspaceId: string,
  permission: P,
): Promise<Authorized<P>> {
  if (actor.kind === 'system') return mint<P>(workspaceId, actor);
  if (actor.kind === 'api-key' && actor.workspaceId !== workspaceId) throw notFound('workspace');
  const role = await deps.memberships.findRole(workspaceId, actor.userId);
  if (role === null) throw notFound('workspace');
  const isGranted =
    rolePermissions[role].includes(permission) && (actor.kind === 'user' || actor.permissions.includes(permission));
  if (!isGranted) throw forbidden(permission);
  return mint<P>(workspaceId, actor);
}
