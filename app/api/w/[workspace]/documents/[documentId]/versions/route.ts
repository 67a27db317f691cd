import { z } from 'zod';
import { addedStatus } from '#app/_server/added-status.ts';
import { readUpload } from '#app/_server/read-upload.ts';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { addVersion } from '#lib/ingestion/add-document.ts';

export const POST = defineWorkspaceRoute({
  path: '/api/w/[workspace]/documents/[documentId]/versions',
  method: 'POST',
  permission: 'document.write',
  params: z.object({ workspace: z.string(), documentId: z.uuid() }),
  async handler({ deps, authorized, request, params: { documentId } }) {
    const { fileName, stream } = await readUpload(request);
    const added = await addVersion(deps, authorized, documentId, { fileName, stream, signal: request.signal });
    return Response.json(added, { status: addedStatus[added.outcome] });
  },
});
