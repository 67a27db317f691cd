import { defineKeyRoute } from '#app/_server/route.ts';
import { listAdapterViews } from '#lib/registry/read-adapters.ts';
import type { ApiAdapterList } from '../schemas.ts';

/** What the workspace has, newest version first. */
export const GET = defineKeyRoute({
  path: '/api/v1/adapters',
  method: 'GET',
  permission: 'adapter.read',
  async handler({ deps, authorized }) {
    const adapters = await listAdapterViews(deps, authorized);
    return {
      adapters: adapters.map(({ id, name, versions }) => ({
        id,
        name,
        versions: versions.map(({ id: versionId, number, sha256, origin, createdAt, isServing }) => ({
          id: versionId,
          number,
          sha256,
          origin,
          createdAt,
          isServing,
        })),
      })),
    } satisfies ApiAdapterList;
  },
});
