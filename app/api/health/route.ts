import { readHealth } from '#app/_server/health.ts';
import { definePublicRoute } from '#app/_server/route.ts';

export const dynamic = 'force-dynamic';

/** 200 once every part serves, 503 with the reasons before. For people, probes and the supervisor alike. */
export const GET = definePublicRoute({
  path: '/api/health',
  method: 'GET',
  async handler({ deps }) {
    const health = await readHealth(deps.probes);
    return Response.json(health, {
      status: health.status === 'ready' ? 200 : 503,
      headers: { 'Cache-Control': 'no-store' },
    });
  },
});
