import type { PeopleStore } from '#db/repositories/people.ts';
import { AppError } from '#lib/domain/errors.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { hashPassword, type NewAccount } from './passwords.ts';
import { createToken, hashToken } from './tokens.ts';

const SETUP_LINK_LIFETIME_MS = 24 * 60 * 60 * 1000;

export interface SetUpDeps {
  readonly people: PeopleStore;
}

function linkInvalid(): AppError {
  return new AppError({
    code: 'setup-link.invalid',
    message: 'the set-up link is unknown, used or expired, or the product has an owner',
    userMessage: 'This set-up link is not valid any more. Start the product again to get a new one.',
  });
}

/**
 * A fresh one-time link for the first person, or null when somebody has an account. Earlier links stop working: only the
 * hash is stored, so the old one could not be printed again.
 * @returns path and query, e.g. `/setup?token=…`; valid for 24 hours
 */
export async function ensureSetupLink(deps: SetUpDeps, now: Date = new Date()): Promise<string | null> {
  if ((await deps.people.users.count()) > 0) return null;
  const token = createToken();
  await deps.people.setupLinks.replace({
    tokenSha256: hashToken(token),
    expiresAt: new Date(now.getTime() + SETUP_LINK_LIFETIME_MS),
  });
  return `/setup?token=${token}`;
}

/** Whether the page should show the form at all. */
export async function isSetupLinkOpen(deps: SetUpDeps, token: string): Promise<boolean> {
  return (await deps.people.setupLinks.isOpen(hashToken(token))) && (await deps.people.users.count()) === 0;
}

/**
 * Makes the first person: owner of the installation, and of the demo workspace where there is one. The claim of the link
 * and the account are one transaction; of two submissions one wins and the other gets `setup-link.invalid`.
 * @throws AppError `setup-link.invalid`
 */
export async function completeSetup(
  deps: SetUpDeps,
  input: { readonly token: string; readonly account: NewAccount },
): Promise<{ readonly userId: string }> {
  const tokenSha256 = hashToken(input.token);
  if (!(await isSetupLinkOpen(deps, input.token))) throw linkInvalid();
  const passwordHash = await hashPassword(input.account.password);
  return await deps.people.transact(async (people) => {
    if (!(await people.setupLinks.claim(tokenSha256))) throw linkInvalid();
    if ((await people.users.count()) > 0) throw linkInvalid();
    const person = await people.users.create({
      name: input.account.name,
      email: input.account.email,
      passwordHash,
      isInstanceOwner: true,
    });
    const demoId = await people.workspaces.findDemoId();
    if (demoId !== null) await people.memberships.add({ workspaceId: demoId, userId: person.id, role: 'owner' });
    const actor = { kind: 'user', userId: person.id, isInstanceOwner: true } as const;
    await recordAudit(people, actor, { workspaceId: null, action: 'instance.set-up', targetId: person.id });
    return { userId: person.id };
  });
}
