'use server';

import { z } from 'zod';
import { defineInstanceAction } from '#app/_server/action.ts';
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
    return { slug: workspace.slug, redirectTo: `/admin/${workspace.slug}/documents` };
  },
});
