import { z } from 'zod';
import { defineKeyRoute } from '#app/_server/route.ts';
import { cancelEvaluation } from '#lib/evaluation/start-evaluation.ts';

/** For a pipeline that was stopped: the answers are kept, and the next evaluation takes them where nothing has changed. */
export const POST = defineKeyRoute({
  path: '/api/v1/evaluations/[evaluationId]/cancel',
  method: 'POST',
  permission: 'evaluation.run',
  params: z.object({ evaluationId: z.uuid() }),
  async handler({ deps, authorized, params: { evaluationId } }) {
    await cancelEvaluation(deps, authorized, evaluationId);
    return undefined;
  },
});
