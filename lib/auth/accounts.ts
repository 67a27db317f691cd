import type { PeopleStore } from '#db/repositories/people.ts';
import type { PersonRow, SessionRow } from '#db/repositories/users.ts';
import type { Actor } from '#lib/domain/actor.ts';
import { notFound } from '#lib/domain/errors.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { requireInstanceOwner } from './members.ts';
import { hashPassword, type NewAccount } from './passwords.ts';
import type { UserActor } from './resolve-actor.ts';

export interface AccountDeps {
  readonly people: PeopleStore;
}

/** Owners of the installation own the demo workspace too, as the first one does. @throws AppError `permission.denied`, `user.exists` */
export async function createPerson(
  deps: AccountDeps,
  actor: Actor,
  input: { readonly account: NewAccount; readonly isInstanceOwner: boolean },
): Promise<PersonRow> {
  requireInstanceOwner(actor);
  const passwordHash = await hashPassword(input.account.password);
  return await deps.people.transact(async (people) => {
    const person = await people.users.create({
      name: input.account.name,
      email: input.account.email,
      passwordHash,
      isInstanceOwner: input.isInstanceOwner,
    });
    const demoId = input.isInstanceOwner ? await people.workspaces.findDemoId() : null;
    if (demoId !== null) await people.memberships.add({ workspaceId: demoId, userId: person.id, role: 'owner' });
    await recordAudit(people, actor, {
      workspaceId: null,
      action: 'user.create',
      targetId: person.id,
      details: { isInstanceOwner: input.isInstanceOwner },
    });
    return person;
  });
}

/** For who forgot it: sets a new password and ends every session. @throws AppError `permission.denied`, `user.not-found` */
export async function resetPassword(
  deps: AccountDeps,
  actor: Actor,
  input: { readonly userId: string; readonly password: string },
): Promise<void> {
  requireInstanceOwner(actor);
  const passwordHash = await hashPassword(input.password);
  await deps.people.transact(async (people) => {
    if ((await people.users.findById(input.userId)) === null) throw notFound('user');
    await people.users.setPasswordHash(input.userId, passwordHash);
    await people.users.deleteSessions(input.userId);
    await recordAudit(people, actor, { workspaceId: null, action: 'user.reset-password', targetId: input.userId });
  });
}

/** @throws AppError `user.not-found` */
export async function readAccount(deps: AccountDeps, actor: UserActor): Promise<PersonRow> {
  const person = await deps.people.users.findById(actor.userId);
  if (person === null) throw notFound('user');
  return person;
}

export async function listSessions(deps: AccountDeps, actor: UserActor): Promise<SessionRow[]> {
  return await deps.people.users.listSessions(actor.userId);
}

/** @throws AppError `session.not-found` */
export async function revokeSession(
  deps: AccountDeps,
  actor: UserActor,
  input: { readonly sessionId: string },
): Promise<void> {
  await deps.people.transact(async (people) => {
    if (!(await people.users.deleteSession(actor.userId, input.sessionId))) throw notFound('session');
    await recordAudit(people, actor, { workspaceId: null, action: 'session.revoke', targetId: input.sessionId });
  });
}
