import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { performMerge } from '#lib/registry/perform-merge.ts';
import type { RegisterDeps } from '#lib/registry/register-version.ts';
import type { RunHandler } from '../perform-run.ts';

export function createMergeHandler(deps: RegisterDeps & { readonly threads: number }): RunHandler {
  return async (context) => {
    const access = await authorizeSystem('job adapter.merge', context.run.workspaceId, 'adapter.write');
    return performMerge(deps, access, context);
  };
}
