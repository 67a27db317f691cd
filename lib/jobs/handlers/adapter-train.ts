import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { type PerformTrainingDeps, performTraining } from '#lib/training/perform-training.ts';
import type { RunHandler } from '../perform-run.ts';

export function createTrainHandler(deps: PerformTrainingDeps): RunHandler {
  return async (context) => {
    const { workspaceId } = context.run;
    const access = {
      data: await authorizeSystem('job adapter.train', workspaceId, 'dataset.read'),
      adapters: await authorizeSystem('job adapter.train', workspaceId, 'adapter.write'),
    };
    return performTraining(deps, access, context);
  };
}
