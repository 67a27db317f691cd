import { and, asc, eq, gt, gte, inArray, isNull, lt, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import {
  citations,
  conversations,
  messageFeedback,
  messageSources,
  messages,
  unsupportedSpans,
} from '#db/schema/conversations.ts';
import { documents } from '#db/schema/documents.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type {
  AnswerKind,
  Citation,
  Provenance,
  Source,
  SourceDocumentState,
  UnsupportedSpan,
} from '#lib/domain/chat.ts';
import { notFound } from '#lib/domain/errors.ts';
import { readUserId } from './conversations.ts';

export type Message = typeof messages.$inferSelect;
type ChatAccess = Authorized<'chat.use'>;

/** Largest `integer` of PostgreSQL: before it stands every message. */
const MAX_ORDINAL = 2_147_483_647;

/** A message with everything that the page shows beside it. */
export interface MessageRecord {
  readonly message: Message;
  readonly sources: readonly (Source & { readonly documentState: SourceDocumentState })[];
  readonly citations: readonly Citation[];
  readonly unsupportedSpans: readonly UnsupportedSpan[];
  readonly feedback: { readonly isHelpful: boolean; readonly comment: string; readonly correction: string } | null;
}

export interface NewMessage {
  readonly id?: string;
  readonly conversationId: string;
  readonly role: 'user' | 'assistant';
  readonly ordinal: number;
  readonly content: string;
  readonly state: 'streaming' | 'complete';
  readonly answerConfigId?: string;
}

/** @returns undefined when a message with this id exists already: the same request came twice */
export async function insertMessage(
  tx: DatabaseExecutor,
  access: ChatAccess,
  message: NewMessage,
): Promise<Message | undefined> {
  const [row] = await tx
    .insert(messages)
    .values({ ...message, workspaceId: access.workspaceId })
    .onConflictDoNothing({ target: messages.id })
    .returning();
  return row;
}

/** Ordinal for the next message of a conversation that the caller has locked. */
export async function readNextOrdinal(
  tx: DatabaseExecutor,
  access: ChatAccess,
  conversationId: string,
): Promise<number> {
  const [row] = await tx
    .select({ next: sql<number>`coalesce(max(${messages.ordinal}), 0)::int + 1` })
    .from(messages)
    .where(
      and(
        eq(messages.workspaceId, access.workspaceId),
        eq(messages.conversationId, conversationId),
        isNull(messages.supersededAt),
      ),
    );
  return row?.next ?? 1;
}

/**
 * A message of the actor's own, live conversations that nothing has taken the place of.
 * @throws AppError `message.not-found`
 */
export async function findMessage(db: DatabaseExecutor, access: ChatAccess, messageId: string): Promise<Message> {
  const [row] = await db
    .select({ message: messages })
    .from(messages)
    .innerJoin(
      conversations,
      and(eq(conversations.id, messages.conversationId), eq(conversations.workspaceId, messages.workspaceId)),
    )
    .where(
      and(
        eq(messages.workspaceId, access.workspaceId),
        eq(messages.id, messageId),
        isNull(messages.supersededAt),
        eq(conversations.userId, readUserId(access)),
        isNull(conversations.deletedAt),
      ),
    );
  if (!row) throw notFound('message');
  return row.message;
}

/** Whether an answer younger than `since` is still being written. */
export async function hasStreamingMessage(
  tx: DatabaseExecutor,
  access: ChatAccess,
  conversationId: string,
  since: Date,
): Promise<boolean> {
  const rows = await tx
    .select({ id: messages.id })
    .from(messages)
    .where(
      and(
        eq(messages.workspaceId, access.workspaceId),
        eq(messages.conversationId, conversationId),
        eq(messages.state, 'streaming'),
        isNull(messages.supersededAt),
        gt(messages.createdAt, since),
      ),
    )
    .limit(1);
  return rows.length > 0;
}

/** Messages from `ordinal` on stay for provenance and are shown nowhere. */
export async function supersedeMessages(
  tx: DatabaseExecutor,
  access: ChatAccess,
  conversationId: string,
  ordinal: number,
): Promise<void> {
  await tx
    .update(messages)
    .set({ supersededAt: sql`now()` })
    .where(
      and(
        eq(messages.workspaceId, access.workspaceId),
        eq(messages.conversationId, conversationId),
        isNull(messages.supersededAt),
        gte(messages.ordinal, ordinal),
      ),
    );
}

/** Shown messages before `ordinal`, oldest first: what a follow-up leans on. */
export async function listMessagesBefore(
  db: DatabaseExecutor,
  access: ChatAccess,
  conversationId: string,
  ordinal: number,
): Promise<Message[]> {
  return await db
    .select()
    .from(messages)
    .where(
      and(
        eq(messages.workspaceId, access.workspaceId),
        eq(messages.conversationId, conversationId),
        isNull(messages.supersededAt),
        lt(messages.ordinal, ordinal),
      ),
    )
    .orderBy(asc(messages.ordinal));
}

/** How often the answer at this place has been written before; tells attempts apart. */
export async function countAttempts(
  db: DatabaseExecutor,
  access: ChatAccess,
  conversationId: string,
  ordinal: number,
): Promise<number> {
  return await db.$count(
    messages,
    and(
      eq(messages.workspaceId, access.workspaceId),
      eq(messages.conversationId, conversationId),
      eq(messages.ordinal, ordinal),
      eq(messages.role, 'assistant'),
    ),
  );
}

export interface SettledAnswer {
  readonly state: 'complete' | 'stopped' | 'failed';
  readonly content: string;
  readonly answerKind: AnswerKind | null;
  readonly errorCode: string | null;
  readonly provenance: Provenance | null;
  readonly sources: readonly Source[];
  readonly citations: readonly Citation[];
  readonly unsupportedSpans: readonly UnsupportedSpan[];
}

/**
 * Give a streaming answer its end, with sources, citations and provenance. The caller runs it in a transaction.
 * @returns false when the row is no longer streaming: someone settled it before, and nothing is changed
 */
export async function settleMessage(
  tx: DatabaseExecutor,
  access: ChatAccess,
  messageId: string,
  answer: SettledAnswer,
): Promise<boolean> {
  const { workspaceId } = access;
  const settled = await tx
    .update(messages)
    .set({
      state: answer.state,
      content: answer.content,
      answerKind: answer.answerKind,
      errorCode: answer.errorCode,
      provenance: answer.provenance,
    })
    .where(and(eq(messages.workspaceId, workspaceId), eq(messages.id, messageId), eq(messages.state, 'streaming')))
    .returning({ id: messages.id });
  if (settled.length === 0) return false;
  if (answer.sources.length > 0) {
    await tx
      .insert(messageSources)
      .values(answer.sources.map((source) => ({ ...source, headings: [...source.headings], workspaceId, messageId })));
  }
  if (answer.citations.length > 0) {
    await tx.insert(citations).values(answer.citations.map((citation) => ({ ...citation, workspaceId, messageId })));
  }
  if (answer.unsupportedSpans.length > 0) {
    await tx.insert(unsupportedSpans).values(
      answer.unsupportedSpans.map(({ nearest, ...span }) => ({
        ...span,
        workspaceId,
        messageId,
        details: nearest === undefined ? {} : { nearest },
      })),
    );
  }
  return true;
}

/** Shown messages of a conversation, oldest first, with all that belongs to them. The caller has checked the conversation. */
export async function listMessageRecords(
  db: DatabaseExecutor,
  access: ChatAccess,
  conversationId: string,
): Promise<MessageRecord[]> {
  const rows = await listMessagesBefore(db, access, conversationId, MAX_ORDINAL);
  return await attachRecords(db, access, rows);
}

export async function readMessageRecord(
  db: DatabaseExecutor,
  access: ChatAccess,
  message: Message,
): Promise<MessageRecord> {
  const [record] = await attachRecords(db, access, [message]);
  if (!record) throw notFound('message');
  return record;
}

function findDocumentState(
  document: {
    readonly knownId: string | null;
    readonly deletedAt: Date | null;
    readonly supersededById: string | null;
    readonly currentVersionId: string | null;
  },
  versionId: string,
): SourceDocumentState {
  if (document.knownId === null || document.deletedAt !== null) return 'deleted';
  if (document.supersededById !== null) return 'superseded';
  return document.currentVersionId === versionId ? 'current' : 'outdated';
}

async function attachRecords(
  db: DatabaseExecutor,
  access: ChatAccess,
  rows: readonly Message[],
): Promise<MessageRecord[]> {
  const ids = rows.map((row) => row.id);
  if (ids.length === 0) return [];
  const { workspaceId } = access;
  const [sourceRows, citationRows, spanRows, feedbackRows] = await Promise.all([
    db
      .select({
        source: messageSources,
        currentVersionId: documents.currentVersionId,
        deletedAt: documents.deletedAt,
        supersededById: documents.supersededById,
        knownId: documents.id,
      })
      .from(messageSources)
      .leftJoin(
        documents,
        and(eq(documents.id, messageSources.documentId), eq(documents.workspaceId, messageSources.workspaceId)),
      )
      .where(and(eq(messageSources.workspaceId, workspaceId), inArray(messageSources.messageId, ids)))
      .orderBy(asc(messageSources.number)),
    db
      .select()
      .from(citations)
      .where(and(eq(citations.workspaceId, workspaceId), inArray(citations.messageId, ids)))
      .orderBy(asc(citations.answerStart), asc(citations.id)),
    db
      .select()
      .from(unsupportedSpans)
      .where(and(eq(unsupportedSpans.workspaceId, workspaceId), inArray(unsupportedSpans.messageId, ids)))
      .orderBy(asc(unsupportedSpans.answerStart), asc(unsupportedSpans.answerEnd)),
    db
      .select()
      .from(messageFeedback)
      .where(
        and(
          eq(messageFeedback.workspaceId, workspaceId),
          eq(messageFeedback.userId, readUserId(access)),
          inArray(messageFeedback.messageId, ids),
        ),
      ),
  ]);
  return rows.map((message) => {
    const feedback = feedbackRows.find((row) => row.messageId === message.id);
    return {
      message,
      sources: sourceRows
        .filter(({ source }) => source.messageId === message.id)
        .map(({ source: { workspaceId: _workspace, messageId: _message, parts, ...source }, ...document }) => ({
          ...source,
          ...(parts && { parts }),
          documentState: findDocumentState(document, source.versionId),
        })),
      citations: citationRows
        .filter((row) => row.messageId === message.id)
        .map(({ id: _id, workspaceId: _workspace, messageId: _message, ...citation }) => citation),
      unsupportedSpans: spanRows
        .filter((row) => row.messageId === message.id)
        .map(({ answerStart, answerEnd, kind, details }) => {
          const nearest = details['nearest'];
          return { answerStart, answerEnd, kind, ...(nearest === undefined ? {} : { nearest }) };
        }),
      feedback:
        feedback === undefined
          ? null
          : { isHelpful: feedback.isHelpful, comment: feedback.comment, correction: feedback.correction },
    };
  });
}
