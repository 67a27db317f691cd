'use server';

import { z } from 'zod';
import { defineInstanceAction } from '#app/_server/action.ts';
import { reinstatePerson as reinstate, suspendPerson as suspend } from '#lib/auth/members.ts';
import {
  createWorkspace as makeWorkspace,
  suggestSlug,
  workspaceNameSchema,
  workspaceSlugSchema,
} from '#lib/auth/workspaces.ts';

export const createWorkspace = defineInstanceAction({
  name: 'workspace.create',
  input: z.object({
    name: workspaceNameSchema,
    /** Left out or empty: made from the name. */
    slug: z.union([z.literal('').transform(() => undefined), workspaceSlugSchema]).optional(),
  }),
  async handler({ deps, actor, input }) {
    const workspace = await makeWorkspace(deps, actor, {
      name: input.name,
      slug: input.slug ?? suggestSlug(input.name),
    });
    return { slug: workspace.slug, redirectTo: `/w/${workspace.slug}/sources` };
  },
});

/** Ends all sessions and keys of the person at once. */
export const suspendPerson = defineInstanceAction({
  name: 'user.suspend',
  input: z.object({ userId: z.uuid() }),
  async handler({ deps, actor, input }) {
    await suspend(deps, actor, input);
    return null;
  },
});

export const reinstatePerson = defineInstanceAction({
  name: 'user.reinstate',
  input: z.object({ userId: z.uuid() }),
  async handler({ deps, actor, input }) {
    await reinstate(deps, actor, input);
    return null;
  },
});
