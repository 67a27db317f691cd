import { createReadStream } from 'node:fs';
import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { sendStream } from '#app/_server/send-stream.ts';
import { exportPeftArchive } from '#lib/registry/export-peft-archive.ts';
import { findMerged, mergeTypes } from '#lib/registry/merged-models.ts';
import { readVersionView } from '#lib/registry/read-adapters.ts';

/** The adapter as GGUF, as a ZIP of PEFT's directory, or merged into its base (made before, by a job). */
export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/adapters/versions/[versionId]/file',
  method: 'GET',
  permission: 'adapter.read',
  params: z.object({ workspace: z.string(), versionId: z.uuid() }),
  query: z.object({ format: z.enum(['gguf', 'peft', 'merged']), type: z.enum(mergeTypes).default('Q8_0') }),
  async handler({ deps, authorized, request, params: { versionId }, query: { format, type } }) {
    if (format === 'peft') return sendStream(request, await exportPeftArchive(deps, authorized, versionId));
    if (format === 'merged') {
      const { path, ...merged } = await findMerged(deps, authorized, { versionId, type });
      return sendStream(request, { stream: createReadStream(path), ...merged });
    }
    const { adapterName, number, sha256, sizeBytes } = await readVersionView(deps, authorized, versionId);
    await deps.artifacts.verify(sha256);
    const fileName = `${adapterName} v${number}.gguf`;
    return sendStream(request, { stream: deps.artifacts.read(sha256), fileName, sizeBytes });
  },
});
