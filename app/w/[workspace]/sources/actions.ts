'use server';

import { z } from 'zod';
import { defineWorkspaceAction } from '#app/_server/action.ts';
import { deleteDocument as takeDocumentOut } from '#lib/ingestion/delete-document.ts';
import { cancelRun as askToStop, retryRun as queueAgain } from '#lib/jobs/manage-runs.ts';

const workspace = z.string().min(1).max(64);

export const deleteDocument = defineWorkspaceAction({
  name: 'document.delete',
  permission: 'document.write',
  input: z.object({ workspace, documentId: z.uuid() }),
  handler: async ({ deps, authorized, input: { documentId } }) => takeDocumentOut(deps, authorized, documentId),
});

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
