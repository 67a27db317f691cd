import { addedStatus } from '#app/_server/added-status.ts';
import { readUpload } from '#app/_server/read-upload.ts';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { addUpload } from '#lib/ingestion/add-document.ts';
import { listDocumentViews } from '#lib/ingestion/read-documents.ts';

export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/documents',
  method: 'GET',
  permission: 'document.read',
  handler: async ({ deps, authorized }) => ({ documents: await listDocumentViews(deps, authorized) }),
});

export const POST = defineWorkspaceRoute({
  path: '/api/w/[workspace]/documents',
  method: 'POST',
  permission: 'document.write',
  async handler({ deps, authorized, request }) {
    const added = await addUpload(deps, authorized, { ...(await readUpload(request)), signal: request.signal });
    return Response.json(added, { status: addedStatus[added.outcome] });
  },
});
