import type { MemberRow } from '#db/repositories/memberships.ts';
import type { PeopleRepositories, PeopleStore } from '#db/repositories/people.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Actor, Role } from '#lib/domain/actor.ts';
import { AppError, forbidden, notFound } from '#lib/domain/errors.ts';
import { recordAudit } from '#lib/observability/audit.ts';

export interface MemberDeps {
  readonly people: PeopleStore;
}

function lastOwner(): AppError {
  return new AppError({
    code: 'member.last-owner',
    message: 'the change would leave the workspace without an owner',
    userMessage: 'A workspace needs an owner. Make someone else an owner first.',
  });
}

/** Acts on the whole installation, such as suspending a person or making a workspace. @throws AppError `permission.denied` */
export function requireInstanceOwner(actor: Actor): void {
  if (actor.kind === 'system' || (actor.kind === 'user' && actor.isInstanceOwner)) return;
  throw forbidden('instance.own');
}

export async function listMembers(deps: MemberDeps, authorized: Authorized<'member.read'>): Promise<MemberRow[]> {
  return await deps.people.memberships.list(authorized);
}

/** Owners are made, changed and removed by owners only: an admin could otherwise take the workspace over. */
async function requireOwnerIfOwnersChange(
  people: PeopleRepositories,
  authorized: Authorized<'member.manage'>,
  involved: readonly Role[],
): Promise<void> {
  const { actor } = authorized;
  if (actor.kind === 'system' || !involved.includes('owner')) return;
  const role = await people.memberships.findRole(authorized.workspaceId, actor.userId);
  if (role !== 'owner') throw forbidden('workspace.own');
}

/**
 * Adds somebody who has an account, without an invitation. A member already keeps the role they have.
 * @returns false when they were a member already
 * @throws AppError `user.not-found`, `permission.denied` unless the installation's operator asks
 */
export async function addMember(
  deps: MemberDeps,
  authorized: Authorized<'member.manage'>,
  input: { readonly userId: string; readonly role: Role },
): Promise<boolean> {
  requireInstanceOwner(authorized.actor);
  return await deps.people.transact(async (people) => {
    if ((await people.users.findById(input.userId)) === null) throw notFound('user');
    const { workspaceId } = authorized;
    if (!(await people.memberships.add({ workspaceId, userId: input.userId, role: input.role }))) return false;
    await recordAudit(people, authorized.actor, {
      workspaceId,
      action: 'member.add',
      targetId: input.userId,
      details: { role: input.role },
    });
    return true;
  });
}

/** @throws AppError `member.not-found`, `member.last-owner`, `permission.denied` */
export async function changeMemberRole(
  deps: MemberDeps,
  authorized: Authorized<'member.manage'>,
  input: { readonly userId: string; readonly role: Role },
): Promise<void> {
  await deps.people.transact(async (people) => {
    const owners = await people.memberships.lockOwners(authorized.workspaceId);
    const member = await people.memberships.findMember(authorized, input.userId);
    if (member === null) throw notFound('member');
    if (member.role === input.role) return;
    await requireOwnerIfOwnersChange(people, authorized, [member.role, input.role]);
    if (member.role === 'owner' && !owners.some((owner) => owner !== input.userId)) throw lastOwner();
    await people.memberships.changeRole(authorized, input.userId, input.role);
    await recordAudit(people, authorized.actor, {
      workspaceId: authorized.workspaceId,
      action: 'member.change-role',
      targetId: input.userId,
      details: { from: member.role, to: input.role },
    });
  });
}

/**
 * The person loses the workspace at once, and the keys that they made here are revoked.
 * @throws AppError `member.not-found`, `member.last-owner`, `permission.denied`
 */
export async function removeMember(
  deps: MemberDeps,
  authorized: Authorized<'member.manage'>,
  input: { readonly userId: string },
): Promise<void> {
  await deps.people.transact(async (people) => {
    const owners = await people.memberships.lockOwners(authorized.workspaceId);
    const member = await people.memberships.findMember(authorized, input.userId);
    if (member === null) throw notFound('member');
    await requireOwnerIfOwnersChange(people, authorized, [member.role]);
    if (member.role === 'owner' && !owners.some((owner) => owner !== input.userId)) throw lastOwner();
    const revokedKeys = await people.apiKeys.revokeOfMaker(authorized, input.userId);
    await people.memberships.remove(authorized, input.userId);
    await recordAudit(people, authorized.actor, {
      workspaceId: authorized.workspaceId,
      action: 'member.remove',
      targetId: input.userId,
      details: { role: member.role, revokedKeys },
    });
  });
}

/**
 * Ends every session and every key of the person, at once and in every workspace. The last active owner of the installation
 * or of any workspace cannot be suspended.
 * @throws AppError `user.not-found`, `member.last-owner`, `permission.denied`
 */
export async function suspendPerson(
  deps: MemberDeps,
  actor: Actor,
  input: { readonly userId: string },
  now: Date = new Date(),
): Promise<void> {
  requireInstanceOwner(actor);
  await deps.people.transact(async (people) => {
    const instanceOwners = await people.users.lockActiveInstanceOwners();
    const person = await people.users.findById(input.userId);
    if (person === null) throw notFound('user');
    if (person.suspendedAt !== null) return;
    if (person.isInstanceOwner && !instanceOwners.some((owner) => owner !== person.id)) throw lastOwner();
    for (const workspaceId of await people.memberships.listOwnedWorkspaceIds(person.id)) {
      const owners = await people.memberships.lockOwners(workspaceId);
      if (!owners.some((owner) => owner !== person.id)) throw lastOwner();
    }
    await people.users.setSuspended(person.id, now);
    await people.users.deleteSessions(person.id);
    const revokedKeys = await people.apiKeys.revokeOfPerson(person.id);
    await recordAudit(people, actor, {
      workspaceId: null,
      action: 'user.suspend',
      targetId: person.id,
      details: { revokedKeys },
    });
  });
}

/** Lets the person sign in again. Keys stay revoked. @throws AppError `user.not-found`, `permission.denied` */
export async function reinstatePerson(
  deps: MemberDeps,
  actor: Actor,
  input: { readonly userId: string },
): Promise<void> {
  requireInstanceOwner(actor);
  await deps.people.transact(async (people) => {
    if (!(await people.users.setSuspended(input.userId, null))) throw notFound('user');
    await recordAudit(people, actor, { workspaceId: null, action: 'user.reinstate', targetId: input.userId });
  });
}
