import { z } from 'zod';
import { defineKeyRoute } from '#app/_server/route.ts';
import { promoteChampion } from '#lib/registry/promote.ts';
import { createPreWarm } from '#lib/registry/serving-version.ts';
import { type ApiPromotion, promotionRequestSchema } from '../../../../schemas.ts';

/** Let a version serve that the gate has passed; anything else is refused with `gate.not-passed`. */
export const POST = defineKeyRoute({
  path: '/api/v1/adapters/versions/[versionId]/promote',
  method: 'POST',
  permission: 'adapter.promote',
  params: z.object({ versionId: z.uuid() }),
  body: promotionRequestSchema,
  async handler({ deps, authorized, params: { versionId }, body: { reason } }) {
    const { event } = await promoteChampion({ db: deps.db, preWarm: createPreWarm(deps.runtime) }, authorized, {
      versionId,
      reason,
    });
    return { eventId: event.id, decisionId: event.decisionId } satisfies ApiPromotion;
  },
});
