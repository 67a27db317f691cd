'use server';

import { z } from 'zod';
import { defineWorkspaceAction } from '#app/_server/action.ts';
import { revokeApiKey as endApiKey, createApiKey as makeApiKey } from '#lib/auth/api-keys.ts';
import {
  revokeInvitation as endInvitation,
  INVITATION_DAYS,
  createInvitation as makeInvitation,
} from '#lib/auth/invitations.ts';
import { changeMemberRole as changeRole, removeMember as removeFromWorkspace } from '#lib/auth/members.ts';
import { emailSchema } from '#lib/auth/passwords.ts';
import { configureWorkspace as configure, workspaceNameSchema } from '#lib/auth/workspaces.ts';
import { keyPermissions, roles } from '#lib/domain/actor.ts';

const workspace = z.string().min(1).max(64);

/** Fields that are left out stay as they are. */
export const configureWorkspace = defineWorkspaceAction({
  name: 'workspace.configure',
  permission: 'workspace.configure',
  input: z.object({
    workspace,
    name: workspaceNameSchema.optional(),
    instructions: z.string().trim().max(2000, 'Use at most 2,000 characters.').optional(),
    suggestedQuestions: z.array(z.string().trim().min(1).max(200)).max(6, 'Use at most 6 questions.').optional(),
  }),
  async handler({ deps, authorized, input: { name, instructions, suggestedQuestions } }) {
    await configure(deps, authorized, { name, instructions, suggestedQuestions });
    return null;
  },
});

/** Data: the absolute link, to be shown once. */
export const createInvitation = defineWorkspaceAction({
  name: 'invitation.create',
  permission: 'member.manage',
  input: z.object({
    workspace,
    role: z.enum(['admin', 'evaluator', 'member']),
    /** Empty or left out: anyone who holds the link. */
    email: z.union([z.literal('').transform(() => null), z.null(), emailSchema]).default(null),
    expiresInDays: z.coerce
      .number()
      .int()
      .min(INVITATION_DAYS.min)
      .max(INVITATION_DAYS.max)
      .default(INVITATION_DAYS.default),
  }),
  async handler({ deps, authorized, input: { role, email, expiresInDays } }) {
    const { invitation, link } = await makeInvitation(deps, authorized, { role, email, expiresInDays });
    return { id: invitation.id, link: `${deps.env.publicUrl}${link}`, expiresAt: invitation.expiresAt.toISOString() };
  },
});

export const revokeInvitation = defineWorkspaceAction({
  name: 'invitation.revoke',
  permission: 'member.manage',
  input: z.object({ workspace, invitationId: z.uuid() }),
  async handler({ deps, authorized, input }) {
    await endInvitation(deps, authorized, input);
    return null;
  },
});

export const changeMemberRole = defineWorkspaceAction({
  name: 'member.change-role',
  permission: 'member.manage',
  input: z.object({ workspace, userId: z.uuid(), role: z.enum(roles) }),
  async handler({ deps, authorized, input }) {
    await changeRole(deps, authorized, input);
    return null;
  },
});

export const removeMember = defineWorkspaceAction({
  name: 'member.remove',
  permission: 'member.manage',
  input: z.object({ workspace, userId: z.uuid() }),
  async handler({ deps, authorized, input }) {
    await removeFromWorkspace(deps, authorized, input);
    return null;
  },
});

const MAX_KEY_DAYS = 3650;

/** Data: the key itself, to be shown once. `expiresInDays` has no default: `never` must be chosen. */
export const createApiKey = defineWorkspaceAction({
  name: 'key.create',
  permission: 'key.manage',
  input: z.object({
    workspace,
    name: z.string().trim().min(1, 'Name the key.').max(80, 'Use at most 80 characters.'),
    permissions: z.preprocess(
      (value) => (typeof value === 'string' ? [value] : value),
      z.array(z.enum(keyPermissions)).min(1, 'Choose what the key may do.'),
    ),
    expiresInDays: z.union([
      z.literal('never').transform(() => null),
      z.coerce.number().int().min(1).max(MAX_KEY_DAYS),
    ]),
  }),
  async handler({ deps, authorized, input: { name, permissions, expiresInDays } }) {
    const { key, token } = await makeApiKey(deps, authorized, { name, permissions, expiresInDays });
    return { id: key.id, token, prefix: key.prefix, expiresAt: key.expiresAt?.toISOString() ?? null };
  },
});

export const revokeApiKey = defineWorkspaceAction({
  name: 'key.revoke',
  permission: 'key.manage',
  input: z.object({ workspace, keyId: z.uuid() }),
  async handler({ deps, authorized, input }) {
    await endApiKey(deps, authorized, input);
    return null;
  },
});
