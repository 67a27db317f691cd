import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { listEvaluationSummaries } from '#lib/evaluation/read-evaluation.ts';
import { runSettingsSchema } from '#lib/evaluation/run-settings.ts';
import { startEvaluation } from '#lib/evaluation/start-evaluation.ts';

/** The newest hundred, newest first. */
export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/evaluations',
  method: 'GET',
  permission: 'evaluation.read',
  handler: async ({ deps, authorized }) => ({ evaluations: await listEvaluationSummaries(deps, authorized) }),
});

/** `versionId` null: the base against what serves. */
export const POST = defineWorkspaceRoute({
  path: '/api/w/[workspace]/evaluations',
  method: 'POST',
  permission: 'evaluation.run',
  body: z.object({
    versionId: z.uuid().nullable(),
    suiteIds: z.array(z.uuid()).min(1).max(100),
    settings: runSettingsSchema.optional(),
  }),
  async handler({ deps, authorized, body: { versionId, suiteIds, settings } }) {
    const started = await startEvaluation(deps, authorized, {
      versionId,
      suiteIds,
      ...(settings === undefined ? {} : { settings }),
    });
    return Response.json(started, { status: 201 });
  },
});
