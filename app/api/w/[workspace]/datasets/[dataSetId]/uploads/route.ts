import { z } from 'zod';
import { readUpload } from '#app/_server/read-upload.ts';
import { defineWorkspaceRoute, parseInput } from '#app/_server/route.ts';
import { invalidInput } from '#lib/domain/errors.ts';
import { uploadChatLog } from '#lib/training/data-set/manage-data-sets.ts';
import { chatLogFormats } from '#lib/training/data-set/parse-chat-log.ts';
import { columnMappingSchema } from '#lib/training/data-set/table-columns.ts';

function parseColumns(text: string) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidInput('columns: expected a JSON object');
  }
  return parseInput(columnMappingSchema, value);
}

/** A chat log as a form's file, or as the body with its name in `X-File-Name`. `columns` is a column mapping as JSON. */
export const POST = defineWorkspaceRoute({
  path: '/api/w/[workspace]/datasets/[dataSetId]/uploads',
  method: 'POST',
  permission: 'dataset.write',
  params: z.object({ workspace: z.string(), dataSetId: z.uuid() }),
  query: z.object({ format: z.enum(chatLogFormats).optional(), columns: z.string().max(4000).optional() }),
  async handler({ deps, authorized, request, params: { dataSetId }, query: { format, columns } }) {
    const added = await uploadChatLog(deps, authorized, {
      dataSetId,
      ...(await readUpload(request)),
      format: format ?? null,
      columns: columns === undefined ? null : parseColumns(columns),
      signal: request.signal,
    });
    return Response.json(added, { status: 201 });
  },
});
