import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { sendText } from '#app/_server/send-text.ts';
import { exportReport, reportFormats } from '#lib/evaluation/export-report.ts';
import { readEvaluation } from '#lib/evaluation/read-evaluation.ts';

/** The report with every answer: JSON, CSV with a line a case, or JUnit XML. */
export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/evaluations/[evaluationId]/export',
  method: 'GET',
  permission: 'evaluation.read',
  params: z.object({ workspace: z.string(), evaluationId: z.uuid() }),
  query: z.object({ format: z.enum(reportFormats).default('json') }),
  handler: async ({ deps, authorized, params: { evaluationId }, query: { format } }) =>
    sendText(exportReport(await readEvaluation(deps, authorized, evaluationId), format)),
});
