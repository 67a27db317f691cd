import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { promoteChampion } from '#lib/registry/promote.ts';
import { createPreWarm } from '#lib/registry/serving-version.ts';

/** Let a version serve that the gate has passed; anything else is refused with `gate.not-passed`. */
export const POST = defineWorkspaceRoute({
  path: '/api/w/[workspace]/adapters/versions/[versionId]/promote',
  method: 'POST',
  permission: 'adapter.promote',
  params: z.object({ workspace: z.string(), versionId: z.uuid() }),
  body: z.object({ reason: z.string().max(2000) }),
  async handler({ deps, authorized, params: { versionId }, body: { reason } }) {
    const { event } = await promoteChampion({ db: deps.db, preWarm: createPreWarm(deps.runtime) }, authorized, {
      versionId,
      reason,
    });
    return { eventId: event.id, decisionId: event.decisionId };
  },
});
