import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { cancelRun } from '#lib/jobs/manage-runs.ts';

export const POST = defineWorkspaceRoute({
  path: '/api/w/[workspace]/runs/[runId]/cancel',
  method: 'POST',
  permission: 'run.cancel',
  params: z.object({ workspace: z.string(), runId: z.uuid() }),
  handler: ({ deps, authorized, params: { runId } }) => cancelRun(deps, authorized, runId),
});
