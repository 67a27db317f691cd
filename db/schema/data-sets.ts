import { sql } from 'drizzle-orm';
import {
  boolean,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { createdAt, id, instant } from './columns.ts';
import { workspaceId } from './tenancy.ts';

/** One turn of a row, as OpenAI writes it. */
export interface RowMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** Why a row is not simply accepted: a code of `rowReasons` in lib/training/row-reasons.ts, and what was found. */
export interface RowFinding {
  readonly reason: string;
  readonly detail: string;
}

/** A line that could not become a row. */
export interface ImportProblem {
  /** From 1. */
  readonly line: number;
  readonly reason: string;
}

/** A pool of rows under review. What is trained on are its frozen versions. */
export const dataSets = pgTable(
  'data_sets',
  {
    id: id(),
    workspaceId: workspaceId(),
    name: text('name').notNull(),
    /** ISO 639-1 code; rows in another language are flagged. Empty: any language. */
    language: text('language').notNull(),
    /** Longest row, in tokens of the base model with its template. */
    maxRowTokens: integer('max_row_tokens').notNull(),
    /** Shape: `styleSheetSchema` in lib/training/style-sheet.ts. Null: none yet. */
    styleSheet: jsonb('style_sheet').$type<Record<string, unknown>>(),
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
    /** Shown nowhere from then on; frozen versions stay for the adapters that were trained on them. */
    deletedAt: instant('deleted_at'),
  },
  (t) => [
    unique('data_sets_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('data_sets_name_unique').on(t.workspaceId, t.name).where(sql`${t.deletedAt} is null`),
  ],
);

/** One intake of rows: an uploaded file, the workspace's conversations, questions written from manuals, or a style sheet. */
export const dataSetImports = pgTable(
  'data_set_imports',
  {
    id: id(),
    workspaceId: workspaceId(),
    dataSetId: uuid('data_set_id').notNull(),
    kind: text('kind', { enum: ['upload', 'conversations', 'manuals', 'style'] }).notNull(),
    /** For lists: the file's name and the like. */
    title: text('title').notNull(),
    /** Shape: `importSettingsSchema` in lib/training/import-settings.ts. */
    settings: jsonb('settings').$type<Record<string, unknown>>().notNull(),
    /** The raw upload, personal data and all; removed, and null, as soon as its rows are in. */
    uploadSha256: text('upload_sha256'),
    /** Shape: `importReportSchema`: counts of every step. */
    report: jsonb('report').$type<Record<string, unknown>>().notNull().default({}),
    /** The first lines that could not become rows; the report has the count of all. */
    problems: jsonb('problems').$type<readonly ImportProblem[]>().notNull().default([]),
    /** Where a killed worker goes on: lines or chunks that are done. */
    position: integer('position').notNull().default(0),
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('data_set_imports_tenant_key').on(t.workspaceId, t.id),
    index('data_set_imports_list_index').on(t.workspaceId, t.dataSetId, t.createdAt),
    foreignKey({
      columns: [t.workspaceId, t.dataSetId],
      foreignColumns: [dataSets.workspaceId, dataSets.id],
    }).onDelete('cascade'),
  ],
);

/** Where a row came from. Documents and conversations may be gone: nothing here holds them. */
const provenanceColumns = () => ({
  documentId: uuid('document_id'),
  documentVersionId: uuid('document_version_id'),
  /** From 1. */
  pageNumber: integer('page_number'),
  /** Words of the page that the answer rests on. */
  quote: text('quote'),
  conversationId: uuid('conversation_id'),
  messageId: uuid('message_id'),
  /** Line of the uploaded file on which the row begins, from 1. */
  uploadLine: integer('upload_line'),
});

export const dataSetRows = pgTable(
  'data_set_rows',
  {
    id: id(),
    workspaceId: workspaceId(),
    dataSetId: uuid('data_set_id').notNull(),
    importId: uuid('import_id').notNull(),
    messages: jsonb('messages').$type<readonly RowMessage[]>().notNull(),
    /** SHA-256 of the canonical JSON of `messages`. */
    contentSha256: text('content_sha256').notNull(),
    /** Only accepted rows are frozen. `flagged` waits for a person; `quarantined` is suspected to do harm. */
    state: text('state', { enum: ['accepted', 'flagged', 'quarantined', 'rejected'] }).notNull(),
    findings: jsonb('findings').$type<readonly RowFinding[]>().notNull().default([]),
    /** What is asked about, as the file says or as found; rows of one intent stand in one split. Empty: unknown. */
    intent: text('intent').notNull().default(''),
    /** Rows that repeat each other carry the id of one of them. */
    clusterId: uuid('cluster_id'),
    /** Under the base model's tokenizer, template included; null when no base model was there to count. */
    tokenCount: integer('token_count'),
    isEdited: boolean('is_edited').notNull().default(false),
    ...provenanceColumns(),
    reviewedBy: uuid('reviewed_by'),
    reviewedAt: instant('reviewed_at'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('data_set_rows_tenant_key').on(t.workspaceId, t.id),
    index('data_set_rows_list_index').on(t.workspaceId, t.dataSetId, t.id),
    index('data_set_rows_document_index').on(t.workspaceId, t.documentId),
    index('data_set_rows_conversation_index').on(t.workspaceId, t.conversationId),
    index('data_set_rows_import_index').on(t.importId),
    foreignKey({
      columns: [t.workspaceId, t.dataSetId],
      foreignColumns: [dataSets.workspaceId, dataSets.id],
    }).onDelete('cascade'),
    foreignKey({
      columns: [t.workspaceId, t.importId],
      foreignColumns: [dataSetImports.workspaceId, dataSetImports.id],
    }).onDelete('cascade'),
  ],
);

/** What a row was before a person changed it; an undo puts it back. */
export interface RowBefore {
  readonly rowId: string;
  readonly state: (typeof dataSetRows.$inferSelect)['state'];
  /** Only where the act edited the text. */
  readonly messages?: readonly RowMessage[];
  readonly isEdited?: boolean;
  readonly findings?: readonly RowFinding[];
}

/** One act of review, over one row or many. */
export const dataSetReviews = pgTable(
  'data_set_reviews',
  {
    id: id(),
    workspaceId: workspaceId(),
    dataSetId: uuid('data_set_id').notNull(),
    userId: uuid('user_id').notNull(),
    action: text('action', { enum: ['accept', 'reject', 'flag', 'edit'] }).notNull(),
    before: jsonb('before').$type<readonly RowBefore[]>().notNull(),
    undoneAt: instant('undone_at'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('data_set_reviews_tenant_key').on(t.workspaceId, t.id),
    index('data_set_reviews_list_index').on(t.workspaceId, t.dataSetId, t.createdAt),
    foreignKey({
      columns: [t.workspaceId, t.dataSetId],
      foreignColumns: [dataSets.workspaceId, dataSets.id],
    }).onDelete('cascade'),
  ],
);

/** Rows as they were at one moment, split and hashed. A trigger refuses every update. */
export const dataSetVersions = pgTable(
  'data_set_versions',
  {
    id: id(),
    workspaceId: workspaceId(),
    dataSetId: uuid('data_set_id').notNull(),
    /** 1, 2, 3 … within the data set. */
    ordinal: integer('ordinal').notNull(),
    /** Of the canonical JSONL: the files of train, validation and held-out, one after another. */
    sha256: text('sha256').notNull(),
    trainSha256: text('train_sha256').notNull(),
    validationSha256: text('validation_sha256').notNull(),
    heldOutSha256: text('held_out_sha256').notNull(),
    trainRows: integer('train_rows').notNull(),
    validationRows: integer('validation_rows').notNull(),
    heldOutRows: integer('held_out_rows').notNull(),
    /** Shape: `splitSettingsSchema` in lib/training/split-rows.ts. */
    settings: jsonb('settings').$type<Record<string, unknown>>().notNull(),
    notes: text('notes').notNull().default(''),
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('data_set_versions_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('data_set_versions_ordinal_unique').on(t.dataSetId, t.ordinal),
    index('data_set_versions_list_index').on(t.workspaceId, t.createdAt),
    foreignKey({
      columns: [t.workspaceId, t.dataSetId],
      foreignColumns: [dataSets.workspaceId, dataSets.id],
    }).onDelete('cascade'),
  ],
);

/** Provenance of every line of a version. Its row may have been edited or removed since. */
export const dataSetVersionRows = pgTable(
  'data_set_version_rows',
  {
    workspaceId: workspaceId(),
    versionId: uuid('version_id').notNull(),
    split: text('split', { enum: ['train', 'validation', 'held-out'] }).notNull(),
    /** Line in the split's file, from 1. */
    line: integer('line').notNull(),
    rowId: uuid('row_id').notNull(),
    contentSha256: text('content_sha256').notNull(),
    /** Rows of one group share a document, an intent, a conversation or their words, and so a split. */
    groupKey: text('group_key').notNull(),
    intent: text('intent').notNull(),
    importId: uuid('import_id').notNull(),
    ...provenanceColumns(),
  },
  (t) => [
    primaryKey({ columns: [t.versionId, t.split, t.line] }),
    index('data_set_version_rows_row_index').on(t.versionId, t.rowId),
    index('data_set_version_rows_document_index').on(t.workspaceId, t.documentId),
    index('data_set_version_rows_conversation_index').on(t.workspaceId, t.conversationId),
    foreignKey({
      columns: [t.workspaceId, t.versionId],
      foreignColumns: [dataSetVersions.workspaceId, dataSetVersions.id],
    }).onDelete('cascade'),
  ],
);
