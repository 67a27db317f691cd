import { z } from 'zod';
import { defineKeyRoute } from '#app/_server/route.ts';
import { sendText } from '#app/_server/send-text.ts';
import { exportReport, reportFormats } from '#lib/evaluation/export-report.ts';
import { readEvaluation } from '#lib/evaluation/read-evaluation.ts';

/** The report with every answer: JSON, CSV with a line a case, or JUnit XML. */
export const GET = defineKeyRoute({
  path: '/api/v1/evaluations/[evaluationId]/report',
  method: 'GET',
  permission: 'evaluation.read',
  params: z.object({ evaluationId: z.uuid() }),
  query: z.object({ format: z.enum(reportFormats).default('json') }),
  handler: async ({ deps, authorized, params: { evaluationId }, query: { format } }) =>
    sendText(exportReport(await readEvaluation(deps, authorized, evaluationId), format)),
});
