import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { type RemoveDocumentDeps, removeDocument } from '#lib/ingestion/delete-document.ts';
import type { RunHandler } from '../perform-run.ts';

export function createDeleteHandler(deps: RemoveDocumentDeps): RunHandler {
  return async (context) => {
    const access = await authorizeSystem('job document.delete', context.run.workspaceId, 'document.write');
    return removeDocument(deps, access, context);
  };
}
