import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { readArchive } from '#lib/ingestion/read-archives.ts';

export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/archives/[archiveId]',
  method: 'GET',
  permission: 'document.read',
  params: z.object({ workspace: z.string(), archiveId: z.uuid() }),
  handler: ({ deps, authorized, params: { archiveId } }) => readArchive(deps, authorized, archiveId),
});
