import { foreignKey, index, integer, jsonb, pgTable, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { createdAt, id } from './columns.ts';
import { documents } from './documents.ts';
import { runs } from './runs.ts';
import { workspaceId } from './tenancy.ts';
import { answerConfigs } from './workspaces.ts';

/** Questions whose right passages someone has marked, or of which someone has said that the documents do not answer them. */
export const goldenQuestions = pgTable(
  'golden_questions',
  {
    id: id(),
    workspaceId: workspaceId(),
    question: text('question').notNull(),
    kind: text('kind', { enum: ['answerable', 'unanswerable'] }).notNull(),
    /** Null: shipped with the product. */
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('golden_questions_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('golden_questions_question_unique').on(t.workspaceId, t.question),
  ],
);

/**
 * A passage that a golden question should find. Kept as a place and its words, not as a chunk: chunks come and go with the index
 * configuration and the version.
 */
export const goldenPassages = pgTable(
  'golden_passages',
  {
    id: id(),
    workspaceId: workspaceId(),
    questionId: uuid('question_id').notNull(),
    documentId: uuid('document_id').notNull(),
    /** The version in which it was marked. */
    versionId: uuid('version_id').notNull(),
    pageNumber: integer('page_number').notNull(),
    /** Offsets into the page's text, in UTF-16 code units, end exclusive. */
    startOffset: integer('start_offset').notNull(),
    endOffset: integer('end_offset').notNull(),
    text: text('text').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    uniqueIndex('golden_passages_place_unique').on(t.questionId, t.versionId, t.pageNumber, t.startOffset),
    foreignKey({
      columns: [t.workspaceId, t.questionId],
      foreignColumns: [goldenQuestions.workspaceId, goldenQuestions.id],
    }).onDelete('cascade'),
    foreignKey({
      columns: [t.workspaceId, t.documentId],
      foreignColumns: [documents.workspaceId, documents.id],
    }).onDelete('cascade'),
  ],
);

/** One run of the golden set, with what produced it. Never changed. */
export const retrievalEvaluations = pgTable(
  'retrieval_evaluations',
  {
    id: id(),
    workspaceId: workspaceId(),
    runId: uuid('run_id').notNull().unique(),
    answerConfigId: uuid('answer_config_id').notNull(),
    /** Null: nothing was indexed. */
    indexConfigId: uuid('index_config_id'),
    embeddingModel: text('embedding_model').notNull(),
    /** Shape: `retrievalReportSchema` in lib/retrieval/retrieval-report.ts. */
    report: jsonb('report').$type<Record<string, unknown>>().notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    index('retrieval_evaluations_list_index').on(t.workspaceId, t.createdAt),
    foreignKey({ columns: [t.workspaceId, t.runId], foreignColumns: [runs.workspaceId, runs.id] }).onDelete('cascade'),
    foreignKey({
      columns: [t.workspaceId, t.answerConfigId],
      foreignColumns: [answerConfigs.workspaceId, answerConfigs.id],
    }),
  ],
);
