import { authorize } from '#lib/auth/authorize.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Actor, Permission } from '#lib/domain/actor.ts';
import { notFound } from '#lib/domain/errors.ts';
import type { WebDeps } from './deps.ts';

/**
 * From the name in the address to proof of access. No such workspace and no member of it are the same 404.
 * @throws AppError `workspace.not-found`, `permission.denied`
 */
export async function openWorkspace<P extends Permission>(
  deps: Pick<WebDeps, 'people'>,
  actor: Actor,
  slug: string,
  permission: P,
): Promise<Authorized<P>> {
  const workspaceId = await deps.people.workspaces.findIdBySlug(slug);
  if (workspaceId === null) throw notFound('workspace');
  return await authorize(deps.people, actor, workspaceId, permission);
}
