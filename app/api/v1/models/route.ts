import { defineKeyRoute } from '#app/_server/route.ts';
import { notFound } from '#lib/domain/errors.ts';

/** The one assistant that the key reaches: its workspace's. */
export const GET = defineKeyRoute({
  path: '/api/v1/models',
  method: 'GET',
  permission: 'chat.use',
  handler: async ({ authorized, deps }) => {
    const workspace = await deps.people.workspaces.read(authorized);
    if (workspace === null) throw notFound('workspace');
    const created = Math.floor(workspace.createdAt.getTime() / 1000);
    return {
      object: 'list',
      data: [{ id: workspace.slug, object: 'model', created, owned_by: 'lorehouse' }],
    };
  },
});
