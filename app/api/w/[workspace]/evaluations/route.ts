import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { listEvaluationSummaries } from '#lib/evaluation/read-evaluation.ts';
import { evaluationRequestSchema } from '#lib/evaluation/run-settings.ts';
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
  body: evaluationRequestSchema,
  handler: async ({ deps, authorized, body }) =>
    Response.json(await startEvaluation(deps, authorized, body), { status: 201 }),
});
