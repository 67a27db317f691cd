import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import type { IngestDeps } from '#lib/ingestion/ingest-version.ts';
import { rebuildIndex } from '#lib/ingestion/rebuild-index.ts';
import type { RunHandler } from '../perform-run.ts';

export function createRebuildHandler(deps: IngestDeps): RunHandler {
  return async (context) => {
    const access = await authorizeSystem('job index.rebuild', context.run.workspaceId, 'document.write');
    return rebuildIndex(deps, access, context);
  };
}
