import { addedStatus } from '#app/_server/added-status.ts';
import { readUpload } from '#app/_server/read-upload.ts';
import { defineKeyRoute } from '#app/_server/route.ts';
import { addUpload } from '#lib/ingestion/add-document.ts';

/**
 * Take in a file; it answers once its run has succeeded. The same bytes again are recognised. The files of a ZIP archive become
 * documents of their own.
 */
export const POST = defineKeyRoute({
  path: '/api/v1/documents',
  method: 'POST',
  permission: 'document.write',
  handler: async ({ authorized, deps, request }) => {
    const added = await addUpload(deps, authorized, { ...(await readUpload(request)), signal: request.signal });
    return Response.json(added, { status: addedStatus[added.outcome] });
  },
});
