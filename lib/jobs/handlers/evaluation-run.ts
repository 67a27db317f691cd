import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { type EvaluationDeps, runEvaluation } from '#lib/evaluation/run-evaluation.ts';
import type { RunHandler } from '../perform-run.ts';

export function createEvaluationHandler(deps: EvaluationDeps): RunHandler {
  return async (context) => {
    const { workspaceId } = context.run;
    const access = {
      evaluate: await authorizeSystem('job evaluation.run', workspaceId, 'evaluation.run'),
      chat: await authorizeSystem('job evaluation.run', workspaceId, 'chat.use'),
    };
    return runEvaluation(deps, access, context);
  };
}
