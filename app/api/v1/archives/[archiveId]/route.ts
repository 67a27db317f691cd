import { z } from 'zod';
import { defineKeyRoute } from '#app/_server/route.ts';
import { readArchive } from '#lib/ingestion/read-archives.ts';

/** How far the unpacking of a ZIP archive is, and what became of the files in it. */
export const GET = defineKeyRoute({
  path: '/api/v1/archives/[archiveId]',
  method: 'GET',
  permission: 'document.read',
  params: z.object({ archiveId: z.uuid() }),
  handler: ({ authorized, deps, params: { archiveId } }) => readArchive(deps, authorized, archiveId),
});
