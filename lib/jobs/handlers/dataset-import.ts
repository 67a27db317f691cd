import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { NO_ANSWER } from '#lib/chat/prompt.ts';
import type { RuntimeClient } from '#lib/runtime/runtime-port.ts';
import type { DataSetDeps } from '#lib/training/data-set/data-set-deps.ts';
import { createConversationSource } from '#lib/training/data-set/open-conversations.ts';
import { createManualSource } from '#lib/training/data-set/open-manuals.ts';
import { createUploadSource } from '#lib/training/data-set/open-upload.ts';
import { performImport } from '#lib/training/data-set/perform-import.ts';
import { openStyleSource } from '#lib/training/data-set/style-sheet.ts';
import type { RunHandler } from '../perform-run.ts';
import { openPromptComposer } from '../prompt-composer.ts';

/** Rows are learned in the prompt that the workspace's chat uses. */
export function createImportHandler(
  deps: Pick<DataSetDeps, 'db' | 'dataSetUploads'> & { readonly runtime: RuntimeClient },
): RunHandler {
  const { db, runtime } = deps;
  return async (context) => {
    const { workspaceId } = context.run;
    const access = await authorizeSystem('job dataset.import', workspaceId, 'dataset.write');
    const chat = await authorizeSystem('job dataset.import', workspaceId, 'chat.use');
    const prompts = await openPromptComposer(deps, chat, context.signal);
    const openSource = {
      upload: createUploadSource(deps),
      style: openStyleSource,
      conversations: createConversationSource({ db }, async ({ question, sources }) => {
        const passages = sources.map(({ parts, ...source }) => ({ ...source, ...(parts && { parts }) }));
        return (await prompts.overSources(question, passages)).messages;
      }),
      manuals: createManualSource({ db, runtime, composePrompt: prompts.overPassages, noAnswer: NO_ANSWER }),
    };
    return performImport({ ...deps, openSource }, access, context);
  };
}
