import { and, asc, eq, inArray, isNull, ne, or, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { conversations, messageFeedback, messageSources, messages } from '#db/schema/conversations.ts';
import { documents } from '#db/schema/documents.ts';
import { evalSuites, suiteRevisions, testCases } from '#db/schema/evaluation.ts';
import { goldenQuestions } from '#db/schema/retrieval.ts';
import { workspaces } from '#db/schema/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';

/** What rows of data sets are made from: documents, rated conversations, and the test cases that they must not repeat. */
type Access = Authorized<'dataset.read'> | Authorized<'dataset.write'>;

/** Which of these are still there. */
export async function listLiveSources(
  db: DatabaseExecutor,
  access: Access,
  asked: { readonly documentIds: readonly string[]; readonly conversationIds: readonly string[] },
): Promise<{ readonly documentIds: ReadonlySet<string>; readonly conversationIds: ReadonlySet<string> }> {
  const liveDocuments =
    asked.documentIds.length === 0
      ? []
      : await db
          .select({ id: documents.id })
          .from(documents)
          .where(
            and(
              eq(documents.workspaceId, access.workspaceId),
              isNull(documents.deletedAt),
              inArray(documents.id, [...asked.documentIds]),
            ),
          );
  const liveConversations =
    asked.conversationIds.length === 0
      ? []
      : await db
          .select({ id: conversations.id })
          .from(conversations)
          .where(
            and(
              eq(conversations.workspaceId, access.workspaceId),
              isNull(conversations.deletedAt),
              inArray(conversations.id, [...asked.conversationIds]),
            ),
          );
  return {
    documentIds: new Set(liveDocuments.map(({ id }) => id)),
    conversationIds: new Set(liveConversations.map(({ id }) => id)),
  };
}

/** Questions of every current suite and golden question, with a name for people. */
export async function listTestedQuestions(
  db: DatabaseExecutor,
  access: Access,
): Promise<readonly { readonly name: string; readonly text: string }[]> {
  const cases = await db
    .select({
      suite: evalSuites.name,
      key: testCases.key,
      question: sql<string | null>`${testCases.content} ->> 'question'`,
    })
    .from(testCases)
    .innerJoin(suiteRevisions, eq(suiteRevisions.id, testCases.revisionId))
    .innerJoin(evalSuites, eq(evalSuites.id, suiteRevisions.suiteId))
    .where(
      and(
        eq(testCases.workspaceId, access.workspaceId),
        isNull(evalSuites.archivedAt),
        sql`${suiteRevisions.number} = (select max(newer.number) from suite_revisions newer where newer.suite_id = ${evalSuites.id})`,
      ),
    );
  const golden = await db
    .select({ question: goldenQuestions.question })
    .from(goldenQuestions)
    .where(eq(goldenQuestions.workspaceId, access.workspaceId));
  return [
    ...cases.flatMap(({ suite, key, question }) =>
      question === null ? [] : [{ name: `${suite} › ${key}`, text: question }],
    ),
    ...golden.map(({ question }) => ({ name: `Golden question “${question.slice(0, 60)}”`, text: question })),
  ];
}

export interface RatedTurn {
  readonly conversationId: string;
  /** The rated answer. */
  readonly messageId: string;
  readonly isHelpful: boolean;
  /** Empty: none given. */
  readonly correction: string;
  /** Shown messages up to the answer, which is the last. */
  readonly messages: readonly { readonly role: 'user' | 'assistant'; readonly content: string }[];
  /** Passages that the answer was given from, by number. */
  readonly sources: readonly (typeof messageSources.$inferSelect)[];
}

/**
 * Answers of this workspace that somebody rated, oldest first: helpful ones, and others with a correction. Nothing at all while
 * the workspace does not learn from conversations; refusals and deleted conversations never.
 * @param after id of the last message that was read before; messages come in the order of their ids
 */
export async function listRatedTurns(
  db: DatabaseExecutor,
  access: Authorized<'dataset.write'>,
  page: { readonly after: string | null; readonly limit: number },
): Promise<RatedTurn[]> {
  const { workspaceId } = access;
  const rated = await db
    .select({
      conversationId: messages.conversationId,
      messageId: messages.id,
      ordinal: messages.ordinal,
      isHelpful: sql<boolean>`bool_and(${messageFeedback.isHelpful})`,
      correction: sql<string>`coalesce(max(nullif(${messageFeedback.correction}, '')), '')`,
    })
    .from(messageFeedback)
    .innerJoin(messages, and(eq(messages.id, messageFeedback.messageId), eq(messages.workspaceId, workspaceId)))
    .innerJoin(
      conversations,
      and(eq(conversations.id, messages.conversationId), eq(conversations.workspaceId, workspaceId)),
    )
    .innerJoin(workspaces, eq(workspaces.id, messages.workspaceId))
    .where(
      and(
        eq(messageFeedback.workspaceId, workspaceId),
        eq(workspaces.learnsFromConversations, true),
        isNull(conversations.deletedAt),
        isNull(messages.supersededAt),
        eq(messages.role, 'assistant'),
        eq(messages.state, 'complete'),
        ne(messages.answerKind, 'refusal'),
        or(eq(messageFeedback.isHelpful, true), ne(messageFeedback.correction, '')),
        page.after === null ? undefined : sql`${messages.id} > ${page.after}`,
      ),
    )
    .groupBy(messages.conversationId, messages.id, messages.ordinal)
    .orderBy(asc(messages.id))
    .limit(page.limit);
  if (rated.length === 0) return [];
  const turns = await db
    .select()
    .from(messages)
    .where(
      and(
        eq(messages.workspaceId, workspaceId),
        isNull(messages.supersededAt),
        eq(messages.state, 'complete'),
        inArray(messages.conversationId, [...new Set(rated.map(({ conversationId }) => conversationId))]),
      ),
    )
    .orderBy(asc(messages.ordinal));
  const sources = await db
    .select()
    .from(messageSources)
    .where(
      and(
        eq(messageSources.workspaceId, workspaceId),
        inArray(
          messageSources.messageId,
          rated.map(({ messageId }) => messageId),
        ),
      ),
    )
    .orderBy(asc(messageSources.number));
  return rated.map(({ ordinal, ...turn }) => ({
    ...turn,
    messages: turns
      .filter((message) => message.conversationId === turn.conversationId && message.ordinal <= ordinal)
      .map(({ role, content }) => ({ role, content })),
    sources: sources.filter(({ messageId }) => messageId === turn.messageId),
  }));
}

export async function readLearnsFromConversations(db: DatabaseExecutor, access: Access): Promise<boolean> {
  const [row] = await db
    .select({ isOn: workspaces.learnsFromConversations })
    .from(workspaces)
    .where(eq(workspaces.id, access.workspaceId));
  return row?.isOn ?? false;
}

export async function setLearnsFromConversations(
  tx: DatabaseExecutor,
  access: Authorized<'workspace.configure'>,
  isOn: boolean,
): Promise<void> {
  await tx.update(workspaces).set({ learnsFromConversations: isOn }).where(eq(workspaces.id, access.workspaceId));
}

/** Titles of documents that are still there, by id. */
export async function listDocumentTitles(
  db: DatabaseExecutor,
  access: Access,
  documentIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (documentIds.length === 0) return new Map();
  const rows = await db
    .select({ id: documents.id, title: documents.title })
    .from(documents)
    .where(
      and(
        eq(documents.workspaceId, access.workspaceId),
        isNull(documents.deletedAt),
        inArray(documents.id, [...documentIds]),
      ),
    );
  return new Map(rows.map(({ id, title }) => [id, title]));
}
