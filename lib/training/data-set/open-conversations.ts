import type { DatabaseExecutor } from '#db/executor.ts';
import { listRatedTurns, type RatedTurn, readLearnsFromConversations } from '#db/repositories/row-sources.ts';
import type { RowMessage } from '#db/schema/data-sets.ts';
import { AppError } from '#lib/domain/errors.ts';
import type { Candidate, OpenRowSource } from './perform-import.ts';
import { normaliseTurns } from './row-content.ts';

const TURNS_PER_PAGE = 100;

export function notAllowedToLearn(): AppError {
  return new AppError({
    code: 'dataset.no-consent',
    message: 'the workspace does not learn from conversations',
    userMessage:
      'This workspace does not learn from conversations. An admin can allow it on the page of data sets; tell the members before.',
  });
}

/** How the product showed the passages of an answer to the model: the question of the last turn becomes that prompt. */
export type ComposePrompt = (
  turn: Pick<RatedTurn, 'sources'> & { readonly question: string },
) => Promise<readonly RowMessage[]>;

/** Below the answer, the product quotes the best sentence for the reader; the model did not write it. */
const withoutQuote = (answer: string) => answer.split(/\n\n> /)[0] ?? answer;

/**
 * Rated turns of the workspace's own conversations: helpful answers as they were, others as they were corrected. An answer that
 * was given from passages is learned from those passages, in the product's own prompt; the turns before it come along.
 * @throws AppError `dataset.no-consent`
 */
export function createConversationSource(
  deps: { readonly db: DatabaseExecutor },
  composePrompt: ComposePrompt,
): OpenRowSource {
  return async (access) => {
    if (!(await readLearnsFromConversations(deps.db, access))) throw notAllowedToLearn();
    return {
      stage: 'reading',
      total: 0,
      async *read(position): AsyncGenerator<Candidate> {
        let after: string | null = null;
        let read = 0;
        for (;;) {
          const turns: RatedTurn[] = await listRatedTurns(deps.db, access, { after, limit: TURNS_PER_PAGE });
          for (const turn of turns) {
            read += 1;
            if (read > position) yield await makeCandidate(turn, read, composePrompt);
          }
          after = turns.at(-1)?.messageId ?? null;
          if (turns.length < TURNS_PER_PAGE) return;
        }
      },
    };
  };
}

async function makeCandidate(turn: RatedTurn, position: number, composePrompt: ComposePrompt): Promise<Candidate> {
  const answer = turn.correction === '' ? withoutQuote(turn.messages.at(-1)?.content ?? '') : turn.correction;
  const question = turn.messages.findLast(({ role }) => role === 'user')?.content ?? '';
  const before: readonly RowMessage[] = turn.messages
    .slice(0, -2)
    .map(({ role, content }) => ({ role, content: role === 'assistant' ? withoutQuote(content) : content }));
  // The prompt with passages stands alone, as the product asks it; turns before it belong to rows without passages.
  const asked =
    turn.sources.length === 0
      ? [...before, { role: 'user' as const, content: question }]
      : await composePrompt({ question, sources: turn.sources });
  const messages = normaliseTurns([...asked, { role: 'assistant', content: answer }]);
  const [source] = turn.sources;
  if (messages === null) return { kind: 'empty', position, line: position, reason: 'has no answer to learn from' };
  return {
    kind: 'row',
    position,
    messages,
    intent: '',
    origin: {
      conversationId: turn.conversationId,
      messageId: turn.messageId,
      ...(source && {
        documentId: source.documentId,
        documentVersionId: source.versionId,
        pageNumber: source.pageNumber,
      }),
    },
  };
}
