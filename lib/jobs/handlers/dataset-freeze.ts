import { listTestedQuestions } from '#db/repositories/row-sources.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { type FreezeDeps, freezeDataSet } from '#lib/training/data-set/freeze-version.ts';
import type { RunHandler } from '../perform-run.ts';

export function createFreezeHandler(deps: Pick<FreezeDeps, 'db' | 'dataSetFiles'>): RunHandler {
  return async (context) => {
    const access = await authorizeSystem('job dataset.freeze', context.run.workspaceId, 'dataset.write');
    return freezeDataSet(
      { ...deps, listSuiteTexts: (granted) => listTestedQuestions(deps.db, granted) },
      access,
      context,
    );
  };
}
