import { z } from 'zod';
import { readUpload } from '#app/_server/read-upload.ts';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { importAdapter } from '#lib/registry/import-adapter.ts';
import { listAdapterViews } from '#lib/registry/read-adapters.ts';

export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/adapters',
  method: 'GET',
  permission: 'adapter.read',
  handler: async ({ deps, authorized }) => ({ adapters: await listAdapterViews(deps, authorized) }),
});

/** Import a GGUF file or a ZIP archive of a PEFT directory. */
export const POST = defineWorkspaceRoute({
  path: '/api/w/[workspace]/adapters',
  method: 'POST',
  permission: 'adapter.write',
  query: z.object({ name: z.string().min(1).max(200) }),
  async handler({ deps, authorized, request, query }) {
    const { version, isNew } = await importAdapter(deps, authorized, {
      ...(await readUpload(request)),
      name: query.name,
      signal: request.signal,
    });
    const { id, adapterId, adapterName, number, sha256 } = version;
    return Response.json(
      { versionId: id, adapterId, adapterName, number, sha256, outcome: isNew ? 'created' : 'unchanged' },
      { status: isNew ? 201 : 200 },
    );
  },
});
