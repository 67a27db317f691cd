'use server';

import { z } from 'zod';
import { defineWorkspaceAction } from '#app/_server/action.ts';
import { startRebuild as begin, estimateRebuild as estimate } from '#lib/ingestion/rebuild-index.ts';

const input = z.object({
  workspace: z.string().min(1).max(64),
  chunkSizeTokens: z.coerce.number(),
  chunkOverlapTokens: z.coerce.number(),
});

/** Data: documents, chunks, and minutes measured now. Embeds a few passages. */
export const estimateRebuild = defineWorkspaceAction({
  name: 'index.estimate',
  permission: 'document.write',
  input,
  handler: async ({ deps, authorized, input: { chunkSizeTokens, chunkOverlapTokens } }) =>
    estimate(deps, authorized, { chunkSizeTokens, chunkOverlapTokens }),
});

/** Data: the run. The old index serves until it is done. */
export const startRebuild = defineWorkspaceAction({
  name: 'index.rebuild',
  permission: 'document.write',
  input,
  handler: async ({ deps, authorized, input: { chunkSizeTokens, chunkOverlapTokens } }) =>
    begin(deps, authorized, { chunkSizeTokens, chunkOverlapTokens }),
});
