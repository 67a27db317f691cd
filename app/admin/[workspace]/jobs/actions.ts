'use server';

import { z } from 'zod';
import { defineWorkspaceAction } from '#app/_server/action.ts';
import { cancelRun as askToStop, retryRun as queueAgain } from '#lib/jobs/manage-runs.ts';

const workspace = z.string().min(1).max(64);

/** Data: the run afterwards; a running one stops within about a second. */
export const cancelRun = defineWorkspaceAction({
  name: 'run.cancel',
  permission: 'run.cancel',
  input: z.object({ workspace, runId: z.uuid() }),
  handler: async ({ deps, authorized, input: { runId } }) => askToStop(deps, authorized, runId),
});

export const retryRun = defineWorkspaceAction({
  name: 'run.retry',
  permission: 'run.cancel',
  input: z.object({ workspace, runId: z.uuid() }),
  handler: async ({ deps, authorized, input: { runId } }) => queueAgain(deps, authorized, runId),
});
