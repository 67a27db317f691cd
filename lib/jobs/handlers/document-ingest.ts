import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { type IngestDeps, ingestVersion } from '#lib/ingestion/ingest-version.ts';
import type { RunHandler } from '../perform-run.ts';

export function createIngestHandler(deps: IngestDeps): RunHandler {
  return async (context) => {
    const access = await authorizeSystem('job document.ingest', context.run.workspaceId, 'document.write');
    return ingestVersion(deps, access, context);
  };
}
