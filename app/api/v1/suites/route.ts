import { z } from 'zod';
import { receiveSuite } from '#app/_server/receive-suite.ts';
import { defineKeyRoute } from '#app/_server/route.ts';
import { listSuiteSummaries } from '#lib/evaluation/suites.ts';
import type { ApiSuiteList } from '../schemas.ts';

export const GET = defineKeyRoute({
  path: '/api/v1/suites',
  method: 'GET',
  permission: 'evaluation.read',
  async handler({ deps, authorized }) {
    const suites = await listSuiteSummaries(deps, authorized);
    return {
      suites: suites.map(({ updatedAt, ...suite }) => ({ ...suite, updatedAt: updatedAt.toISOString() })),
    } satisfies ApiSuiteList;
  },
});

/** A YAML or JSONL file as a form's file. Unchanged cases make no new revision. */
export const POST = defineKeyRoute({
  path: '/api/v1/suites',
  method: 'POST',
  permission: 'evaluation.write',
  query: z.object({ name: z.string().trim().min(1).max(120).optional() }),
  handler: ({ deps, authorized, request, query: { name } }) => receiveSuite(deps, authorized, request, name),
});
