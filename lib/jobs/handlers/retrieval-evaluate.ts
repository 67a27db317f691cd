import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { evaluateGoldenSet } from '#lib/retrieval/evaluate-golden-set.ts';
import type { SearchDeps } from '#lib/retrieval/search.ts';
import type { RunHandler } from '../perform-run.ts';

export function createRetrievalEvaluationHandler(deps: SearchDeps): RunHandler {
  return async (context) => {
    const access = await authorizeSystem('job retrieval.evaluate', context.run.workspaceId, 'evaluation.run');
    return evaluateGoldenSet(deps, access, context);
  };
}
