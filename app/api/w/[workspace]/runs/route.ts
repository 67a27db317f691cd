import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { listRunViews } from '#lib/jobs/manage-runs.ts';

export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/runs',
  method: 'GET',
  permission: 'run.read',
  query: z.object({
    limit: z.coerce.number().int().min(1).max(200).default(50),
    /** ISO 8601: only runs created before, for the next page. */
    before: z.iso.datetime().optional(),
  }),
  async handler({ deps, authorized, query: { limit, before } }) {
    const page = { limit, ...(before !== undefined && { before: new Date(before) }) };
    return { runs: await listRunViews(deps, authorized, page) };
  },
});
