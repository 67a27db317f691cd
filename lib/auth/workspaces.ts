import { z } from 'zod';
import type { PeopleStore } from '#db/repositories/people.ts';
import type { WorkspaceRow, WorkspaceSettings } from '#db/repositories/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Actor, Permission, Role } from '#lib/domain/actor.ts';
import { notFound } from '#lib/domain/errors.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { requireInstanceOwner } from './members.ts';

export interface WorkspaceDeps {
  readonly people: PeopleStore;
}

export const workspaceNameSchema = z.string().trim().min(1, 'Enter a name.').max(80, 'Use at most 80 characters.');

export const workspaceSlugSchema = z
  .string()
  .min(2, 'Use at least 2 characters.')
  .max(48, 'Use at most 48 characters.')
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'Use lower-case letters, digits and single dashes.');

/** `Müller & Söhne` → `muller-sohne`; `workspace` when nothing is left. */
export function suggestSlug(name: string): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 48)
    .replace(/^-+|-+$/g, '');
  return slug.length >= 2 ? slug : 'workspace';
}

/** The maker becomes its owner. @throws AppError `permission.denied`, `workspace.slug-taken` */
export async function createWorkspace(
  deps: WorkspaceDeps,
  actor: Actor,
  input: { readonly name: string; readonly slug: string },
): Promise<WorkspaceRow> {
  requireInstanceOwner(actor);
  return await deps.people.transact(async (people) => {
    const workspace = await people.workspaces.create({ ...input, isDemo: false });
    if (actor.kind === 'user') {
      await people.memberships.add({ workspaceId: workspace.id, userId: actor.userId, role: 'owner' });
    }
    await recordAudit(people, actor, {
      workspaceId: workspace.id,
      action: 'workspace.create',
      targetId: workspace.id,
      details: { name: input.name, slug: input.slug },
    });
    return workspace;
  });
}

/** The workspaces that this person may open, for the switcher. A key sees the one it belongs to. */
export async function listWorkspaces(
  deps: WorkspaceDeps,
  actor: Actor,
): Promise<readonly (WorkspaceRow & { readonly role: Role })[]> {
  if (actor.kind === 'system') return [];
  const workspaces = await deps.people.workspaces.listForUser(actor.userId);
  return actor.kind === 'user' ? workspaces : workspaces.filter(({ id }) => id === actor.workspaceId);
}

export async function readWorkspace(deps: WorkspaceDeps, authorized: Authorized<Permission>): Promise<WorkspaceRow> {
  const workspace = await deps.people.workspaces.read(authorized);
  if (workspace === null) throw notFound('workspace');
  return workspace;
}

export async function configureWorkspace(
  deps: WorkspaceDeps,
  authorized: Authorized<'workspace.configure'>,
  settings: WorkspaceSettings,
): Promise<void> {
  await deps.people.transact(async (people) => {
    await people.workspaces.update(authorized, settings);
    await recordAudit(people, authorized.actor, {
      workspaceId: authorized.workspaceId,
      action: 'workspace.configure',
      targetId: authorized.workspaceId,
      details: { changed: Object.keys(settings), ...(settings.name === undefined ? {} : { name: settings.name }) },
    });
  });
}
