import type { DatabaseExecutor } from '#db/executor.ts';
import { chooseServingModel } from '#lib/registry/serving-version.ts';
import type { Reranker } from '#lib/retrieval/reranker.ts';
import { search } from '#lib/retrieval/search.ts';
import type { RuntimeClient } from '#lib/runtime/runtime-port.ts';
import type { AnswerDeps } from './answer-question.ts';
import type { CompletionDeps } from './openai-completions.ts';
import type { ChatTurnDeps } from './run-chat-turn.ts';
import { shareRunningGenerations } from './running-generations.ts';

interface ChatParts {
  readonly db: DatabaseExecutor;
  readonly runtime: RuntimeClient;
  readonly log: ChatTurnDeps['log'];
  /** Default: none. */
  readonly reranker?: Reranker | undefined;
}

/** `answerQuestion` over the workspace's own index. */
export function createAnswerDeps({
  db,
  runtime,
  reranker,
}: Pick<ChatParts, 'db' | 'runtime' | 'reranker'>): AnswerDeps {
  return {
    runtime,
    search: (access, { query, scopeQuestions, config, signal }) =>
      search({ db, runtime, reranker }, access, {
        query,
        scopeQuestions,
        config,
        ...(signal === undefined ? {} : { signal }),
      }),
  };
}

/** What the web process needs for chat turns; all turns of a process share one list of running answers. */
export function createChatDeps(parts: ChatParts): ChatTurnDeps {
  return {
    db: parts.db,
    log: parts.log,
    answer: createAnswerDeps(parts),
    chooseModel: (access) => chooseServingModel(parts, access),
    generations: shareRunningGenerations(),
  };
}

/** The same assistant behind the public API. */
export function createCompletionDeps(parts: Pick<ChatParts, 'db' | 'runtime' | 'reranker'>): CompletionDeps {
  return {
    db: parts.db,
    answer: createAnswerDeps(parts),
    chooseModel: (access) => chooseServingModel(parts, access),
  };
}
