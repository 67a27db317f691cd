import type { InvitationRole, InvitationRow } from '#db/repositories/invitations.ts';
import type { PeopleRepositories, PeopleStore } from '#db/repositories/people.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { hashPassword, type NewAccount } from './passwords.ts';
import type { UserActor } from './resolve-actor.ts';
import { createToken, hashToken } from './tokens.ts';

export interface InvitationDeps {
  readonly people: PeopleStore;
}

export const INVITATION_DAYS = { min: 1, max: 30, default: 7 } as const;
const DAY_MS = 24 * 60 * 60 * 1000;

function linkInvalid(): AppError {
  return new AppError({
    code: 'invitation.invalid',
    message: 'the invitation is unknown, used, revoked or expired',
    userMessage: 'This invitation is not valid any more. Ask for a new one.',
  });
}

function wrongPerson(): AppError {
  return new AppError({
    code: 'invitation.wrong-person',
    message: 'the invitation is bound to another e-mail address',
    userMessage: 'This invitation is for another e-mail address.',
  });
}

/**
 * @returns the link's path and query; shown once, because only its hash is stored
 */
export async function createInvitation(
  deps: InvitationDeps,
  authorized: Authorized<'member.manage'>,
  input: { readonly role: InvitationRole; readonly email: string | null; readonly expiresInDays: number },
  now: Date = new Date(),
): Promise<{ readonly invitation: InvitationRow; readonly link: string }> {
  const token = createToken();
  const { actor } = authorized;
  return await deps.people.transact(async (people) => {
    const invitation = await people.invitations.create(authorized, {
      role: input.role,
      email: input.email,
      tokenSha256: hashToken(token),
      invitedBy: actor.kind === 'user' ? actor.userId : null,
      expiresAt: new Date(now.getTime() + input.expiresInDays * DAY_MS),
    });
    await recordAudit(people, actor, {
      workspaceId: authorized.workspaceId,
      action: 'invitation.create',
      targetId: invitation.id,
      details: { role: input.role, email: input.email },
    });
    return { invitation, link: `/invite?token=${token}` };
  });
}

export async function listInvitations(
  deps: InvitationDeps,
  authorized: Authorized<'member.manage'>,
): Promise<InvitationRow[]> {
  return await deps.people.invitations.listOpen(authorized);
}

/** @throws AppError `invitation.not-found` */
export async function revokeInvitation(
  deps: InvitationDeps,
  authorized: Authorized<'member.manage'>,
  input: { readonly invitationId: string },
): Promise<void> {
  await deps.people.transact(async (people) => {
    if (!(await people.invitations.revoke(authorized, input.invitationId))) throw notFound('invitation');
    await recordAudit(people, authorized.actor, {
      workspaceId: authorized.workspaceId,
      action: 'invitation.revoke',
      targetId: input.invitationId,
    });
  });
}

/** What the page of an invitation may show to whoever holds the link; null when it is not valid. */
export async function readInvitation(
  deps: InvitationDeps,
  token: string,
): Promise<{ readonly workspaceName: string; readonly role: InvitationRole; readonly email: string | null } | null> {
  const invitation = await deps.people.invitations.findOpen(hashToken(token));
  if (invitation === null) return null;
  return { workspaceName: invitation.workspaceName, role: invitation.role, email: invitation.email };
}

async function join(
  people: PeopleRepositories,
  tokenSha256: string,
  person: { readonly id: string; readonly email: string; readonly isInstanceOwner: boolean },
): Promise<{ readonly workspaceSlug: string }> {
  const invitation = await people.invitations.findOpen(tokenSha256);
  if (invitation === null) throw linkInvalid();
  if (invitation.email !== null && invitation.email !== person.email) throw wrongPerson();
  if (!(await people.invitations.claim(tokenSha256, person.id))) throw linkInvalid();
  await people.memberships.add({ workspaceId: invitation.workspaceId, userId: person.id, role: invitation.role });
  const actor: UserActor = { kind: 'user', userId: person.id, isInstanceOwner: person.isInstanceOwner };
  await recordAudit(people, actor, {
    workspaceId: invitation.workspaceId,
    action: 'invitation.accept',
    targetId: invitation.id,
    details: { role: invitation.role },
  });
  return { workspaceSlug: invitation.workspaceSlug };
}

/**
 * A person with an account joins. Somebody who is a member already keeps their role, and the link is used up.
 * @throws AppError `invitation.invalid`, `invitation.wrong-person`
 */
export async function acceptInvitation(
  deps: InvitationDeps,
  actor: UserActor,
  input: { readonly token: string },
): Promise<{ readonly workspaceSlug: string }> {
  return await deps.people.transact(async (people) => {
    const person = await people.users.findById(actor.userId);
    if (person === null) throw linkInvalid();
    return await join(people, hashToken(input.token), person);
  });
}

/**
 * Makes an account and joins, in one transaction.
 * @throws AppError `invitation.invalid`, `invitation.wrong-person`, `user.exists`
 */
export async function acceptInvitationAsNewPerson(
  deps: InvitationDeps,
  input: { readonly token: string; readonly account: NewAccount },
): Promise<{ readonly userId: string; readonly workspaceSlug: string }> {
  const tokenSha256 = hashToken(input.token);
  // Asked before the costly hash, so that a guessed link costs us nothing.
  const invitation = await deps.people.invitations.findOpen(tokenSha256);
  if (invitation === null) throw linkInvalid();
  if (invitation.email !== null && invitation.email !== input.account.email) throw wrongPerson();
  const passwordHash = await hashPassword(input.account.password);
  return await deps.people.transact(async (people) => {
    const person = await people.users.create({
      name: input.account.name,
      email: input.account.email,
      passwordHash,
      isInstanceOwner: false,
    });
    const { workspaceSlug } = await join(people, tokenSha256, person);
    return { userId: person.id, workspaceSlug };
  });
}
