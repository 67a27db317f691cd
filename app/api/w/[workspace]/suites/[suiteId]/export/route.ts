import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { sendText } from '#app/_server/send-text.ts';
import { suiteFormats, writeSuiteFile } from '#lib/evaluation/suite-file.ts';
import { readSuite } from '#lib/evaluation/suites.ts';

const mediaTypes = { yaml: 'application/yaml; charset=utf-8', jsonl: 'application/x-ndjson; charset=utf-8' } as const;

/** A suite as a file that the import reads back to the same cases; `revision` left out: the current one. */
export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/suites/[suiteId]/export',
  method: 'GET',
  permission: 'evaluation.read',
  params: z.object({ workspace: z.string(), suiteId: z.uuid() }),
  query: z.object({
    format: z.enum(suiteFormats).default('yaml'),
    revision: z.coerce.number().int().min(1).optional(),
  }),
  async handler({ deps, authorized, params: { suiteId }, query: { format, revision: number } }) {
    const { suite, revision, cases } = await readSuite(deps, authorized, {
      suiteId,
      ...(number === undefined ? {} : { number }),
    });
    return sendText({
      text: writeSuiteFile({ name: suite.name, description: suite.description, cases }, format),
      mediaType: mediaTypes[format],
      fileName: `${suite.name} r${revision.number}.${format}`,
    });
  },
});
