import { defineKeyRoute } from '#app/_server/route.ts';
import { evaluationRequestSchema } from '#lib/evaluation/run-settings.ts';
import { startEvaluation } from '#lib/evaluation/start-evaluation.ts';

/** The work is a run; this answers at once. */
export const POST = defineKeyRoute({
  path: '/api/v1/evaluations',
  method: 'POST',
  permission: 'evaluation.run',
  body: evaluationRequestSchema,
  handler: async ({ deps, authorized, body }) =>
    Response.json(await startEvaluation(deps, authorized, body), { status: 201 }),
});
