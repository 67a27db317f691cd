import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { sendFile } from '#app/_server/send-file.ts';
import { findStoredFile } from '#lib/ingestion/read-documents.ts';

export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/documents/[documentId]/versions/[versionId]/file',
  method: 'GET',
  permission: 'document.read',
  params: z.object({ workspace: z.string(), documentId: z.uuid(), versionId: z.uuid() }),
  async handler({ deps, authorized, request, params }) {
    return sendFile(request, deps.blobs, await findStoredFile(deps, authorized, params));
  },
});
