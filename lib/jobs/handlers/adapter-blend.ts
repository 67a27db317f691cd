import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { performBlend } from '#lib/registry/perform-blend.ts';
import type { RegisterDeps } from '#lib/registry/register-version.ts';
import type { RunHandler } from '../perform-run.ts';

export function createBlendHandler(deps: RegisterDeps & { readonly threads: number }): RunHandler {
  return async (context) => {
    const access = await authorizeSystem('job adapter.blend', context.run.workspaceId, 'adapter.write');
    return performBlend(deps, access, context);
  };
}
