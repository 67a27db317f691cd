import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
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
import { documentPriorities } from '#lib/domain/document-priority.ts';
import { createdAt, embeddingVector, id, instant } from './columns.ts';
import { workspaceId } from './tenancy.ts';
import { indexConfigs } from './workspaces.ts';

/** `offset` into the page's text in UTF-16 code units; `level` from 1 (outermost) to 6. */
export interface PageHeading {
  readonly offset: number;
  readonly level: number;
  readonly title: string;
}

/** A part of a file that is no page of it; `reason` in words for people. */
export interface LeftOutPart {
  readonly name: string;
  readonly reason: string;
}

export const documents = pgTable(
  'documents',
  {
    id: id(),
    workspaceId: workspaceId(),
    /** Shown to people; the file's name without its ending until someone edits it. */
    title: text('title').notNull(),
    fileName: text('file_name').notNull(),
    /** Of a web page: the address that someone entered. Null: an uploaded file. */
    sourceUrl: text('source_url'),
    /** The version that answers. Null until the first one is indexed. */
    currentVersionId: uuid('current_version_id'),
    /** Null: uploaded by an API key or the seed. */
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
    /** Set at once when someone deletes it: from then on it is in no answer. Rows and files go in a job. */
    deletedAt: instant('deleted_at'),
    /** Words that people sort by; lower case, each once, in alphabetical order. */
    tags: text('tags').array().notNull().default([]),
    priority: text('priority', { enum: documentPriorities }).notNull().default('normal'),
    /** The document that answers in this one's place. Null again when that one is deleted. */
    supersededById: uuid('superseded_by_id'),
  },
  (t) => [
    unique('documents_tenant_key').on(t.workspaceId, t.id),
    index('documents_workspace_id_index').on(t.workspaceId),
    index('documents_source_url_index').on(t.workspaceId, t.sourceUrl),
    index('documents_superseded_by_index').on(t.workspaceId, t.supersededById),
    check('documents_not_own_successor', sql`${t.supersededById} <> ${t.id}`),
    foreignKey({ columns: [t.workspaceId, t.supersededById], foreignColumns: [t.workspaceId, t.id] }),
  ],
);

export const documentVersions = pgTable(
  'document_versions',
  {
    id: id(),
    workspaceId: workspaceId(),
    documentId: uuid('document_id').notNull(),
    /** 1, 2, 3 … within the document. */
    ordinal: integer('ordinal').notNull(),
    /** As uploaded; the document has the name of the newest. */
    fileName: text('file_name').notNull(),
    /** Names the file in the blob store. */
    blobSha256: text('blob_sha256').notNull(),
    mediaType: text('media_type').notNull(),
    sizeBytes: bigint('size_bytes', { mode: 'number' }).notNull(),
    /** Null until extracted. */
    pageCount: integer('page_count'),
    extractedAt: instant('extracted_at'),
    /** Numbers of pages that are pictures without a text layer, ascending: nothing on them is found by a search. */
    imagePages: integer('image_pages').array().notNull().default([]),
    /** Numbers of such pages whose text was recognised from the picture, ascending: it may hold mistakes. */
    recognisedPages: integer('recognised_pages').array().notNull().default([]),
    /** Parts of the file that were not read, such as attachments of a mail. */
    leftOut: jsonb('left_out').$type<readonly LeftOutPart[]>().notNull().default([]),
    /** Of a web page: where its bytes came from after redirects, and when. */
    fetchedUrl: text('fetched_url'),
    fetchedAt: instant('fetched_at'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('document_versions_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('document_versions_ordinal_unique').on(t.documentId, t.ordinal),
    index('document_versions_blob_index').on(t.workspaceId, t.blobSha256),
    foreignKey({
      columns: [t.workspaceId, t.documentId],
      foreignColumns: [documents.workspaceId, documents.id],
    }).onDelete('cascade'),
  ],
);

/** A ZIP archive that was uploaded. Its files become documents in a job; what became of each is in `archive_entries`. */
export const archives = pgTable(
  'archives',
  {
    id: id(),
    workspaceId: workspaceId(),
    /** With the folders that it was dropped in. */
    fileName: text('file_name').notNull(),
    blobSha256: text('blob_sha256').notNull(),
    sizeBytes: bigint('size_bytes', { mode: 'number' }).notNull(),
    /** Null: uploaded by an API key. */
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
    /** Read to its end: the stored file is needed no more. */
    unpackedAt: instant('unpacked_at'),
  },
  (t) => [
    unique('archives_tenant_key').on(t.workspaceId, t.id),
    index('archives_list_index').on(t.workspaceId, t.createdAt),
    index('archives_blob_index').on(t.blobSha256),
  ],
);

export const archiveEntries = pgTable(
  'archive_entries',
  {
    workspaceId: workspaceId(),
    archiveId: uuid('archive_id').notNull(),
    /** From 0, in the archive's order. */
    ordinal: integer('ordinal').notNull(),
    /** The document's name, which begins with the archive's. */
    name: text('name').notNull(),
    outcome: text('outcome', { enum: ['created', 'new-version', 'unchanged', 'rejected'] }).notNull(),
    /** Null: rejected. The document may be deleted since. */
    documentId: uuid('document_id'),
    errorCode: text('error_code'),
    /** Why it was rejected, in words for people. */
    errorMessage: text('error_message'),
  },
  (t) => [
    primaryKey({ columns: [t.archiveId, t.ordinal] }),
    foreignKey({
      columns: [t.workspaceId, t.archiveId],
      foreignColumns: [archives.workspaceId, archives.id],
    }).onDelete('cascade'),
  ],
);

/** Text of one page as extracted. Formats without pages have one row for each top-level section, or one in all. */
export const documentPages = pgTable(
  'document_pages',
  {
    workspaceId: workspaceId(),
    versionId: uuid('version_id').notNull(),
    /** From 1. */
    pageNumber: integer('page_number').notNull(),
    /** Printed page label or section heading; null where there is none. */
    label: text('label'),
    text: text('text').notNull(),
    /** Headings found on the page, in reading order: where they stand in `text` and how deep they are. */
    headings: jsonb('headings').$type<readonly PageHeading[]>().notNull().default([]),
  },
  (t) => [
    primaryKey({ columns: [t.versionId, t.pageNumber] }),
    foreignKey({
      columns: [t.workspaceId, t.versionId],
      foreignColumns: [documentVersions.workspaceId, documentVersions.id],
    }).onDelete('cascade'),
  ],
);

export const chunks = pgTable(
  'chunks',
  {
    id: id(),
    workspaceId: workspaceId(),
    documentId: uuid('document_id').notNull(),
    versionId: uuid('version_id').notNull(),
    indexConfigId: uuid('index_config_id').notNull(),
    /** From 0, in reading order. */
    ordinal: integer('ordinal').notNull(),
    pageNumber: integer('page_number').notNull(),
    /** Offsets into the page's text, in UTF-16 code units, end exclusive. */
    startOffset: integer('start_offset').notNull(),
    endOffset: integer('end_offset').notNull(),
    /**
     * The section that the chunk begins in, as far as it stands on the chunk's page: from its heading (or the top of the page)
     * to the next heading of its level or above. Same units as the chunk's own offsets, which lie inside.
     */
    sectionStartOffset: integer('section_start_offset').notNull(),
    sectionEndOffset: integer('section_end_offset').notNull(),
    /** Headings above the chunk, outermost first. */
    headings: text('headings').array().notNull(),
    text: text('text').notNull(),
    /** Under the embedding model's tokenizer. */
    tokenCount: integer('token_count').notNull(),
    /** Number of terms in the inverted index, the length that BM25 normalises by; 0: not entered yet. */
    termCount: integer('term_count').notNull(),
  },
  (t) => [
    unique('chunks_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('chunks_ordinal_unique').on(t.versionId, t.indexConfigId, t.ordinal),
    index('chunks_search_index').on(t.workspaceId, t.indexConfigId, t.documentId),
    foreignKey({
      columns: [t.workspaceId, t.versionId],
      foreignColumns: [documentVersions.workspaceId, documentVersions.id],
    }).onDelete('cascade'),
    foreignKey({
      columns: [t.workspaceId, t.indexConfigId],
      foreignColumns: [indexConfigs.workspaceId, indexConfigs.id],
    }),
  ],
);

export const chunkEmbeddings = pgTable(
  'chunk_embeddings',
  {
    chunkId: uuid('chunk_id').primaryKey(),
    workspaceId: workspaceId(),
    indexConfigId: uuid('index_config_id').notNull(),
    /** L2-normalised: inner product equals cosine similarity. */
    embedding: embeddingVector('embedding').notNull(),
  },
  (t) => [
    index('chunk_embeddings_search_index').on(t.workspaceId, t.indexConfigId),
    foreignKey({ columns: [t.workspaceId, t.chunkId], foreignColumns: [chunks.workspaceId, chunks.id] }).onDelete(
      'cascade',
    ),
  ],
);

/**
 * Chunks that entered the inverted index together: neighbours of one version. What the collection's statistics are summed from.
 * A batch is named by its first chunk and goes with it, however chunks are taken out.
 */
export const termBatches = pgTable(
  'term_batches',
  {
    firstChunkId: uuid('first_chunk_id').primaryKey(),
    workspaceId: workspaceId(),
    indexConfigId: uuid('index_config_id').notNull(),
    versionId: uuid('version_id').notNull(),
    /** Ordinal of the first chunk. */
    firstOrdinal: integer('first_ordinal').notNull(),
    chunkCount: integer('chunk_count').notNull(),
    /** Sum of the chunks' `term_count`. */
    termCount: integer('term_count').notNull(),
  },
  (t) => [
    index('term_batches_search_index').on(t.workspaceId, t.indexConfigId),
    foreignKey({ columns: [t.workspaceId, t.firstChunkId], foreignColumns: [chunks.workspaceId, chunks.id] }).onDelete(
      'cascade',
    ),
  ],
);

/**
 * Inverted index for BM25: stemmed words, and codes such as part numbers as typed (lower-cased). One row for a term in a batch,
 * not in a chunk: a tenth of the rows to write, to read and to delete.
 */
export const termPostings = pgTable(
  'term_postings',
  {
    workspaceId: uuid('workspace_id').notNull(),
    indexConfigId: uuid('index_config_id').notNull(),
    term: text('term').notNull(),
    batchId: uuid('batch_id')
      .notNull()
      .references(() => termBatches.firstChunkId, { onDelete: 'cascade' }),
    /**
     * One for each chunk that has the term, packed: (ordinal − first ordinal of the batch) · 2³² + frequency · 2¹⁶ + the chunk's
     * `term_count`; the last two at most 65,535.
     */
    postings: bigint('postings', { mode: 'number' }).array().notNull(),
  },
  (t) => [
    // Its index holds `postings` as well (migration 0014), which cannot be said here.
    primaryKey({ columns: [t.indexConfigId, t.term, t.batchId] }),
    index('term_postings_batch_index').on(t.batchId),
  ],
);
