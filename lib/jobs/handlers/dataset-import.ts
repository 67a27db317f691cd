import { readActiveAnswerConfig } from '#db/repositories/answer-configs.ts';
import type { ManualPassage } from '#db/repositories/row-sources.ts';
import { createWorkspaceRepository } from '#db/repositories/workspaces.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { packPassages } from '#lib/chat/pack-passages.ts';
import { findPromptTemplate, NO_ANSWER } from '#lib/chat/prompt.ts';
import type { Source } from '#lib/domain/chat.ts';
import type { RuntimeClient } from '#lib/runtime/runtime-port.ts';
import type { DataSetDeps } from '#lib/training/data-set/data-set-deps.ts';
import { createConversationSource } from '#lib/training/data-set/open-conversations.ts';
import { createManualSource } from '#lib/training/data-set/open-manuals.ts';
import { createUploadSource } from '#lib/training/data-set/open-upload.ts';
import { performImport } from '#lib/training/data-set/perform-import.ts';
import { openStyleSource } from '#lib/training/data-set/style-sheet.ts';
import type { RunHandler } from '../perform-run.ts';

const toSource = (passage: ManualPassage, number: number): Source => ({
  number,
  documentId: passage.documentId,
  versionId: passage.versionId,
  chunkId: passage.chunkId,
  documentTitle: passage.documentTitle,
  pageNumber: passage.pageNumber,
  startOffset: passage.startOffset,
  endOffset: passage.endOffset,
  headings: [...passage.headings],
  text: passage.text,
  score: 1,
  similarity: null,
});

/** Rows are learned in the prompt that the workspace's chat uses: same template, same budget, same cut of the passages. */
export function createImportHandler(
  deps: Pick<DataSetDeps, 'db' | 'dataSetUploads'> & { readonly runtime: RuntimeClient },
): RunHandler {
  const { db, runtime } = deps;
  return async (context) => {
    const { workspaceId } = context.run;
    const access = await authorizeSystem('job dataset.import', workspaceId, 'dataset.write');
    const asked = await authorizeSystem('job dataset.import', workspaceId, 'chat.use');
    const { config: settings } = await readActiveAnswerConfig(db, asked);
    const instructions = (await createWorkspaceRepository(db).read(access))?.instructions ?? '';
    const template = findPromptTemplate(settings.promptVersion);
    const compose = async (question: string, sources: readonly Source[]) => {
      const passages = await packPassages(
        question,
        sources.slice(0, settings.topK),
        { budgetTokens: settings.sourceTokenBudget, limit: settings.promptPassages },
        (texts) => runtime.countTokens(texts, { priority: 'ingestion', signal: context.signal }),
      );
      return template.build({ question, passages, instructions });
    };
    const openSource = {
      upload: createUploadSource(deps),
      style: openStyleSource,
      conversations: createConversationSource(
        { db },
        async ({ question, sources }) => (await compose(question, sources)).messages,
      ),
      manuals: createManualSource({
        db,
        runtime,
        composePrompt: (question, passages) =>
          compose(
            question,
            passages.map((passage, index) => toSource(passage, index + 1)),
          ),
        noAnswer: NO_ANSWER,
      }),
    };
    return performImport({ ...deps, openSource }, access, context);
  };
}
