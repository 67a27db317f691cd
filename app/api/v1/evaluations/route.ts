import { defineKeyRoute } from '#app/_server/route.ts';
import { startEvaluation } from '#lib/evaluation/start-evaluation.ts';
import { evaluationRequestSchema } from '../schemas.ts';

/** The work is a run; this answers at once. */
export const POST = defineKeyRoute({
  path: '/api/v1/evaluations',
  method: 'POST',
  permission: 'evaluation.run',
  body: evaluationRequestSchema,
  async handler({ deps, authorized, body: { versionId, suiteIds, settings } }) {
    const started = await startEvaluation(deps, authorized, {
      versionId,
      suiteIds,
      ...(settings === undefined ? {} : { settings }),
    });
    return Response.json(started, { status: 201 });
  },
});
