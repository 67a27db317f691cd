'use server';

import { z } from 'zod';
import { definePersonAction, definePublicAction } from '#app/_server/action.ts';
import { sanitizeNextPath } from '#app/_server/origin.ts';
import { applyCookies } from '#app/_server/request-headers.ts';
import { revokeSession as revokeOwnSession } from '#lib/auth/accounts.ts';
import { acceptInvitationAsNewPerson, acceptInvitation as acceptOwnInvitation } from '#lib/auth/invitations.ts';
import { newAccountSchema, PASSWORD_MAX_LENGTH, passwordSchema } from '#lib/auth/passwords.ts';
import { completeSetup } from '#lib/auth/set-up.ts';

const tokenSchema = z.string().min(1).max(200);

/** Data: where to go next, always a path of ours. */
export const signIn = definePublicAction({
  name: 'session.sign-in',
  input: z.object({
    email: z.string().trim().toLowerCase().min(1, 'Enter your e-mail address.').max(254),
    password: z.string().min(1, 'Enter your password.').max(PASSWORD_MAX_LENGTH),
    next: z.string().max(2000).nullish(),
  }),
  async handler({ deps, headers, input }) {
    const change = await deps.authenticator.signIn({ email: input.email, password: input.password }, headers);
    await applyCookies(change.setCookies);
    return { redirectTo: sanitizeNextPath(input.next) };
  },
});

export const signOut = definePublicAction({
  name: 'session.sign-out',
  input: z.unknown(),
  async handler({ deps, headers }) {
    const change = await deps.authenticator.signOut(headers);
    await applyCookies(change.setCookies);
    return { redirectTo: '/sign-in' };
  },
});

/** Makes the first owner and signs them in. */
export const setUp = definePublicAction({
  name: 'instance.set-up',
  input: z.object({ token: tokenSchema }).and(newAccountSchema),
  async handler({ deps, headers, input: { token, ...account } }) {
    await completeSetup(deps, { token, account });
    const change = await deps.authenticator.signIn({ email: account.email, password: account.password }, headers);
    await applyCookies(change.setCookies);
    return { redirectTo: '/' };
  },
});

/** For who has no account yet: makes one, joins and signs in. */
export const acceptInvitationWithNewAccount = definePublicAction({
  name: 'invitation.accept-new',
  input: z.object({ token: tokenSchema }).and(newAccountSchema),
  async handler({ deps, headers, input: { token, ...account } }) {
    const { workspaceSlug } = await acceptInvitationAsNewPerson(deps, { token, account });
    const change = await deps.authenticator.signIn({ email: account.email, password: account.password }, headers);
    await applyCookies(change.setCookies);
    return { redirectTo: `/w/${workspaceSlug}/chat` };
  },
});

/** For who is signed in. */
export const acceptInvitation = definePersonAction({
  name: 'invitation.accept',
  input: z.object({ token: tokenSchema }),
  async handler({ deps, actor, input }) {
    const { workspaceSlug } = await acceptOwnInvitation(deps, actor, input);
    return { redirectTo: `/w/${workspaceSlug}/chat` };
  },
});

/** Ends all other sessions of this person. */
export const changePassword = definePersonAction({
  name: 'password.change',
  input: z.object({ currentPassword: z.string().min(1).max(PASSWORD_MAX_LENGTH), newPassword: passwordSchema }),
  async handler({ deps, headers, input }) {
    const change = await deps.authenticator.changePassword(input, headers);
    await applyCookies(change.setCookies);
    return null;
  },
});

export const revokeSession = definePersonAction({
  name: 'session.revoke',
  input: z.object({ sessionId: z.uuid() }),
  async handler({ deps, actor, input }) {
    await revokeOwnSession(deps, actor, input);
    return null;
  },
});
