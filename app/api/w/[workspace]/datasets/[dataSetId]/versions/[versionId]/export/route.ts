import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { notFound } from '#lib/domain/errors.ts';
import { readDataSetVersion, readVersionLines } from '#lib/training/data-set/read-version.ts';

const toFileName = (name: string) =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '') || 'data-set';

/** The whole version as JSON lines; the SHA-256 of the body is the version's. */
export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/datasets/[dataSetId]/versions/[versionId]/export',
  method: 'GET',
  permission: 'dataset.read',
  params: z.object({ workspace: z.string(), dataSetId: z.uuid(), versionId: z.uuid() }),
  async handler({ deps, authorized, request, params: { dataSetId, versionId } }) {
    const version = await readDataSetVersion(deps, authorized, versionId);
    if (version.dataSetId !== dataSetId) throw notFound('dataset');
    const lines = readVersionLines(deps, version);
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const part = await lines.next();
        if (part.done === true || request.signal.aborted) controller.close();
        else controller.enqueue(part.value);
      },
      async cancel() {
        await lines.return(undefined);
      },
    });
    return new Response(body, {
      headers: {
        'Content-Type': 'application/x-ndjson; charset=utf-8',
        'Content-Disposition': `attachment; filename="${toFileName(version.dataSetName)}-v${version.ordinal}.jsonl"`,
        'Cache-Control': 'private, no-cache',
        ETag: `"${version.sha256}"`,
      },
    });
  },
});
