import type { DatabaseExecutor } from '#db/executor.ts';
import { readActiveAnswerConfig } from '#db/repositories/answer-configs.ts';
import type { ManualPassage } from '#db/repositories/manual-passages.ts';
import { createWorkspaceRepository } from '#db/repositories/workspaces.ts';
import { packPassages } from '#lib/chat/pack-passages.ts';
import { findPromptTemplate } from '#lib/chat/prompt.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Source } from '#lib/domain/chat.ts';
import type { ComposedPrompt } from '#lib/questions/write-question.ts';
import type { RuntimeClient } from '#lib/runtime/runtime-port.ts';

export interface PromptComposer {
  /** Sources best first. */
  readonly overSources: (question: string, sources: readonly Source[]) => Promise<ComposedPrompt>;
  /** Passages best first. */
  readonly overPassages: (question: string, passages: readonly ManualPassage[]) => Promise<ComposedPrompt>;
}

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

/** The prompt that the workspace's chat uses as it is set up now: same template, same budget, same cut of the passages. */
export async function openPromptComposer(
  deps: { readonly db: DatabaseExecutor; readonly runtime: Pick<RuntimeClient, 'countTokens'> },
  access: Authorized<'chat.use'>,
  signal: AbortSignal,
): Promise<PromptComposer> {
  const { config: settings } = await readActiveAnswerConfig(deps.db, access);
  const instructions = (await createWorkspaceRepository(deps.db).read(access))?.instructions ?? '';
  const template = findPromptTemplate(settings.promptVersion);
  const overSources: PromptComposer['overSources'] = async (question, sources) => {
    const passages = await packPassages(
      question,
      sources.slice(0, settings.topK),
      { budgetTokens: settings.sourceTokenBudget, limit: settings.promptPassages },
      (texts) => deps.runtime.countTokens(texts, { priority: 'ingestion', signal }),
    );
    return template.build({ question, passages, instructions });
  };
  return {
    overSources,
    overPassages: (question, passages) =>
      overSources(
        question,
        passages.map((passage, index) => toSource(passage, index + 1)),
      ),
  };
}
