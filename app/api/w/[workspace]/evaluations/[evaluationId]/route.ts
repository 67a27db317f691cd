import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { readEvaluationProgress } from '#lib/evaluation/read-evaluation.ts';

/** State, progress and verdict; the answers are in the export. */
export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/evaluations/[evaluationId]',
  method: 'GET',
  permission: 'evaluation.read',
  params: z.object({ workspace: z.string(), evaluationId: z.uuid() }),
  handler: async ({ deps, authorized, params: { evaluationId } }) =>
    readEvaluationProgress(deps, authorized, evaluationId),
});
