import { z } from 'zod';
import { receiveSuite } from '#app/_server/receive-suite.ts';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { listSuiteSummaries } from '#lib/evaluation/suites.ts';

export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/suites',
  method: 'GET',
  permission: 'evaluation.read',
  handler: async ({ deps, authorized }) => ({ suites: await listSuiteSummaries(deps, authorized) }),
});

/** A YAML or JSONL file as a form's file, or as the body with its name in `X-File-Name`. */
export const POST = defineWorkspaceRoute({
  path: '/api/w/[workspace]/suites',
  method: 'POST',
  permission: 'evaluation.write',
  query: z.object({ name: z.string().trim().min(1).max(120).optional() }),
  handler: ({ deps, authorized, request, query: { name } }) => receiveSuite(deps, authorized, request, name),
});
