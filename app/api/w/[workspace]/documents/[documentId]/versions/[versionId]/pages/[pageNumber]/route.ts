import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { readPage } from '#lib/ingestion/read-documents.ts';

export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/documents/[documentId]/versions/[versionId]/pages/[pageNumber]',
  method: 'GET',
  permission: 'document.read',
  params: z.object({
    workspace: z.string(),
    documentId: z.uuid(),
    versionId: z.uuid(),
    pageNumber: z.coerce.number().int().min(1).max(2_147_483_647),
  }),
  handler: ({ deps, authorized, params }) => readPage(deps, authorized, params),
});
