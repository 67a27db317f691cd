import { readUpload } from '#app/_server/read-upload.ts';
import { defineKeyRoute } from '#app/_server/route.ts';
import { addDocument } from '#lib/ingestion/add-document.ts';

/** Take in a file; it answers once its run has succeeded. The same bytes again are recognised. */
export const POST = defineKeyRoute({
  path: '/api/v1/documents',
  method: 'POST',
  permission: 'document.write',
  handler: async ({ authorized, deps, request }) => {
    const added = await addDocument(deps, authorized, { ...(await readUpload(request)), signal: request.signal });
    return Response.json(added, { status: added.outcome === 'unchanged' ? 200 : 201 });
  },
});
