import type { DatabaseExecutor } from '#db/executor.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { performDrafts } from '#lib/evaluation/draft-cases.ts';
import type { RuntimeClient } from '#lib/runtime/runtime-port.ts';
import type { RunHandler } from '../perform-run.ts';
import { openPromptComposer } from '../prompt-composer.ts';

/** The answers that become references are written in the prompt that the workspace's chat uses. */
export function createDraftHandler(deps: {
  readonly db: DatabaseExecutor;
  readonly runtime: Pick<RuntimeClient, 'streamChat' | 'scoreContinuation' | 'countTokens'>;
}): RunHandler {
  return async (context) => {
    const { workspaceId } = context.run;
    const access = await authorizeSystem('job suite.draft', workspaceId, 'evaluation.write');
    const chat = await authorizeSystem('job suite.draft', workspaceId, 'chat.use');
    const { overPassages } = await openPromptComposer(deps, chat, context.signal);
    return performDrafts({ ...deps, composePrompt: overPassages }, access, context);
  };
}
