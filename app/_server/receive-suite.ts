import type { ApiImportedSuite } from '#app/api/v1/schemas.ts';
import { importSuite } from '#lib/evaluation/import-suite.ts';
import { readUpload } from './read-upload.ts';

/**
 * Import the file of a request as a suite: 201 where that made a revision, 200 where these were the current cases already.
 * @param name of the suite. Default: the file's
 */
export async function receiveSuite(
  deps: Parameters<typeof importSuite>[0],
  authorized: Parameters<typeof importSuite>[1],
  request: Request,
  name: string | undefined,
): Promise<Response> {
  const { stream, fileName } = await readUpload(request);
  const imported = await importSuite(deps, authorized, { stream, fileName, name: name ?? null });
  const body = { ...imported, problems: [...imported.problems] } satisfies ApiImportedSuite;
  return Response.json(body, { status: imported.isChanged ? 201 : 200 });
}
