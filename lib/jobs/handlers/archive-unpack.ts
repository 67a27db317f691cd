import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { type UnpackUploadDeps, unpackUpload } from '#lib/ingestion/unpack-upload.ts';
import type { RunHandler } from '../perform-run.ts';

export function createUnpackHandler(deps: UnpackUploadDeps): RunHandler {
  return async (context) => {
    const access = await authorizeSystem('job archive.unpack', context.run.workspaceId, 'document.write');
    return unpackUpload(deps, access, context);
  };
}
