import { redirect, notFound as showNotFound } from 'next/navigation';
import { cache } from 'react';
import { z } from 'zod';
import { authorize } from '#lib/auth/authorize.ts';
import { resolveActor, type UserActor } from '#lib/auth/resolve-actor.ts';
import { listWorkspaces, readWorkspace } from '#lib/auth/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { type Permission, type Role, rolePermissions } from '#lib/domain/actor.ts';
import { AppError } from '#lib/domain/errors.ts';
import { getDeps, type WebDeps } from './deps.ts';
import { currentHeaders } from './request-headers.ts';

/** What Server Components read through. Each page calls one of these itself: a layout's check does not cover its pages. */

/** The signed-in person, or null; once a request. Keys open no pages. */
export const readPagePerson = cache(async (): Promise<UserActor | null> => {
  const headers = await currentHeaders();
  headers.delete('authorization');
  try {
    const actor = await resolveActor(getDeps().actorDeps, headers);
    return actor.kind === 'user' ? actor : null;
  } catch (error) {
    if (AppError.isInstance(error) && error.code === 'session.required') return null;
    throw error;
  }
});

/** Sends everyone else to the sign-in page, which brings them back to `path`. */
export async function requirePagePerson(path: string): Promise<{ deps: WebDeps; actor: UserActor }> {
  const actor = await readPagePerson();
  if (actor === null) redirect(path === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(path)}`);
  return { deps: getDeps(), actor };
}

/** For pages about the installation. Whoever does not own it sees the page for what does not exist. */
export async function requireInstanceOwnerPage(path: string): Promise<{ deps: WebDeps; actor: UserActor }> {
  const page = await requirePagePerson(path);
  if (!page.actor.isInstanceOwner) showNotFound();
  return page;
}

export interface PageWorkspace {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly instructions: string;
  readonly suggestedQuestions: readonly string[];
  readonly isDemo: boolean;
}

export interface WorkspacePage<P extends Permission> {
  readonly deps: WebDeps;
  readonly actor: UserActor;
  readonly authorized: Authorized<P>;
  readonly workspace: PageWorkspace;
  readonly role: Role;
  /** What to show; what may be done is decided anew by every action. */
  readonly permissions: readonly Permission[];
}

/**
 * A page of a workspace. Strangers, unknown workspaces and too low a role all see the page for what does not exist.
 * @param path where to come back after sign-in
 */
export async function requireWorkspacePage<P extends Permission>(
  slug: string,
  permission: P,
  path: string,
): Promise<WorkspacePage<P>> {
  const { deps, actor } = await requirePagePerson(path);
  try {
    const workspaceId = await deps.people.workspaces.findIdBySlug(slug);
    if (workspaceId === null) showNotFound();
    const authorized = await authorize(deps.people, actor, workspaceId, permission);
    const [{ id, name, instructions, suggestedQuestions, isDemo }, role] = await Promise.all([
      readWorkspace(deps, authorized),
      deps.people.memberships.findRole(workspaceId, actor.userId),
    ]);
    if (role === null) showNotFound();
    const workspace = { id, slug, name, instructions, suggestedQuestions, isDemo };
    return { deps, actor, authorized, workspace, role, permissions: rolePermissions[role] };
  } catch (error) {
    if (AppError.isInstance(error) && (error.code === 'workspace.not-found' || error.code === 'permission.denied')) {
      showNotFound();
    }
    throw error;
  }
}

/**
 * What the ids of the address name. Ids that are none, and other workspaces' ids, show the page for what does not exist.
 * Its status is 404 only where no `loading.tsx` stands above the page: with one, the status is sent before this runs.
 */
export async function readAddressed<T>(ids: readonly string[], read: () => Promise<T>): Promise<T> {
  if (!ids.every((id) => z.uuid().safeParse(id).success)) showNotFound();
  try {
    return await read();
  } catch (error) {
    if (AppError.isInstance(error) && error.code.endsWith('.not-found')) showNotFound();
    throw error;
  }
}

/** For the switcher and for choosing where `/` leads. */
export async function listPageWorkspaces(
  actor: UserActor,
): Promise<readonly { readonly slug: string; readonly name: string; readonly role: Role; readonly isDemo: boolean }[]> {
  const workspaces = await listWorkspaces(getDeps(), actor);
  return workspaces.map(({ slug, name, role, isDemo }) => ({ slug, name, role, isDemo }));
}
