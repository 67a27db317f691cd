import { z } from 'zod';
import { defineKeyRoute } from '#app/_server/route.ts';
import { readEvaluationOutcome } from '#lib/evaluation/read-evaluation.ts';
import { describeEvaluation } from '../../schemas.ts';

/** State, progress and, once it is decided, the verdict with its reasons; the answers are in the report. */
export const GET = defineKeyRoute({
  path: '/api/v1/evaluations/[evaluationId]',
  method: 'GET',
  permission: 'evaluation.read',
  params: z.object({ evaluationId: z.uuid() }),
  handler: async ({ deps, authorized, params: { evaluationId } }) =>
    describeEvaluation(await readEvaluationOutcome(deps, authorized, evaluationId)),
});
