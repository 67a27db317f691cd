import {
  boolean,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  real,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import type { SourcePart } from '#lib/domain/chat.ts';
import { users } from './auth.ts';
import { createdAt, id, instant } from './columns.ts';
import { workspaceId } from './tenancy.ts';

/** Private to one person inside one workspace. */
export const conversations = pgTable(
  'conversations',
  {
    id: id(),
    workspaceId: workspaceId(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    title: text('title').notNull(),
    createdAt: createdAt(),
    /** Time of the last message; the list is sorted by it. */
    updatedAt: instant('updated_at').notNull().defaultNow(),
    deletedAt: instant('deleted_at'),
  },
  (t) => [
    unique('conversations_tenant_key').on(t.workspaceId, t.id),
    index('conversations_list_index').on(t.workspaceId, t.userId, t.updatedAt),
  ],
);

export const messages = pgTable(
  'messages',
  {
    id: id(),
    workspaceId: workspaceId(),
    conversationId: uuid('conversation_id').notNull(),
    role: text('role', { enum: ['user', 'assistant'] }).notNull(),
    /** Order within the conversation; a regenerated answer takes the ordinal of the one it replaces. */
    ordinal: integer('ordinal').notNull(),
    content: text('content').notNull(),
    state: text('state', { enum: ['streaming', 'complete', 'stopped', 'failed'] }).notNull(),
    /** `generated` by the model, `extractive` without one, `refusal` when nothing supports an answer. Null for people. */
    answerKind: text('answer_kind', { enum: ['generated', 'extractive', 'refusal'] }),
    /** Code of the AppError when `failed`. */
    errorCode: text('error_code'),
    /** Set when an edit or a regeneration took its place; kept for provenance, shown nowhere. */
    supersededAt: instant('superseded_at'),
    /** What answered: shape `provenanceSchema` in lib/domain/chat.ts. Null for people. */
    provenance: jsonb('provenance').$type<Record<string, unknown>>(),
    answerConfigId: uuid('answer_config_id'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('messages_tenant_key').on(t.workspaceId, t.id),
    index('messages_conversation_index').on(t.conversationId, t.ordinal),
    foreignKey({
      columns: [t.workspaceId, t.conversationId],
      foreignColumns: [conversations.workspaceId, conversations.id],
    }).onDelete('cascade'),
  ],
);

/**
 * Passages offered to the model, as they were then: text, title and page are copied, so an answer reads the same after the
 * document is re-indexed, replaced or deleted.
 */
export const messageSources = pgTable(
  'message_sources',
  {
    workspaceId: workspaceId(),
    messageId: uuid('message_id').notNull(),
    /** The number in the answer, from 1. */
    number: integer('number').notNull(),
    documentId: uuid('document_id').notNull(),
    versionId: uuid('version_id').notNull(),
    chunkId: uuid('chunk_id').notNull(),
    documentTitle: text('document_title').notNull(),
    pageNumber: integer('page_number').notNull(),
    startOffset: integer('start_offset').notNull(),
    endOffset: integer('end_offset').notNull(),
    headings: text('headings').array().notNull(),
    text: text('text').notNull(),
    /** The pieces of the text where it runs over a page break. Null: all of it stands on the page. */
    parts: jsonb('parts').$type<SourcePart[]>(),
    /** Fusion score; comparable within one message only. */
    score: real('score').notNull(),
    /** Cosine similarity to the question; null when only the lexical leg found it. */
    similarity: real('similarity'),
  },
  (t) => [
    primaryKey({ columns: [t.messageId, t.number] }),
    index('message_sources_document_index').on(t.workspaceId, t.documentId),
    foreignKey({ columns: [t.workspaceId, t.messageId], foreignColumns: [messages.workspaceId, messages.id] }).onDelete(
      'cascade',
    ),
  ],
);

/** A stretch of the answer tied to words of a source. Only citations whose quote stands in the source are stored. */
export const citations = pgTable(
  'citations',
  {
    id: id(),
    workspaceId: workspaceId(),
    messageId: uuid('message_id').notNull(),
    sourceNumber: integer('source_number').notNull(),
    /** Offsets into the message's content, UTF-16 code units, end exclusive. */
    answerStart: integer('answer_start').notNull(),
    answerEnd: integer('answer_end').notNull(),
    /** Offsets into the source's text. */
    quoteStart: integer('quote_start').notNull(),
    quoteEnd: integer('quote_end').notNull(),
    quote: text('quote').notNull(),
    /** `model`: the model wrote the marker and it held; `attributed`: found by us. */
    origin: text('origin', { enum: ['model', 'attributed'] }).notNull(),
  },
  (t) => [
    index('citations_message_index').on(t.messageId),
    foreignKey({
      columns: [t.messageId, t.sourceNumber],
      foreignColumns: [messageSources.messageId, messageSources.number],
    }).onDelete('cascade'),
    foreignKey({ columns: [t.workspaceId, t.messageId], foreignColumns: [messages.workspaceId, messages.id] }).onDelete(
      'cascade',
    ),
  ],
);

export const messageFeedback = pgTable(
  'message_feedback',
  {
    id: id(),
    workspaceId: workspaceId(),
    messageId: uuid('message_id').notNull(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    isHelpful: boolean('is_helpful').notNull(),
    comment: text('comment').notNull().default(''),
    /** What the answer should have been; feeds data sets and suites. */
    correction: text('correction').notNull().default(''),
    updatedAt: instant('updated_at').notNull().defaultNow(),
    createdAt: createdAt(),
  },
  (t) => [
    uniqueIndex('message_feedback_person_unique').on(t.messageId, t.userId),
    foreignKey({ columns: [t.workspaceId, t.messageId], foreignColumns: [messages.workspaceId, messages.id] }).onDelete(
      'cascade',
    ),
  ],
);

/** Numbers, codes, dates and names of an answer that no cited passage contains. */
export const unsupportedSpans = pgTable(
  'unsupported_spans',
  {
    workspaceId: workspaceId(),
    messageId: uuid('message_id').notNull(),
    answerStart: integer('answer_start').notNull(),
    answerEnd: integer('answer_end').notNull(),
    kind: text('kind', { enum: ['number', 'code', 'date', 'name', 'sentence'] }).notNull(),
    details: jsonb('details').$type<Record<string, string>>().notNull().default({}),
  },
  (t) => [
    primaryKey({ columns: [t.messageId, t.answerStart, t.answerEnd] }),
    foreignKey({ columns: [t.workspaceId, t.messageId], foreignColumns: [messages.workspaceId, messages.id] }).onDelete(
      'cascade',
    ),
  ],
);
