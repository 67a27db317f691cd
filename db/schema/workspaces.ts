import { sql } from 'drizzle-orm';
import {
  boolean,
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
import { users } from './auth.ts';
import { createdAt, id, instant } from './columns.ts';

export const workspaces = pgTable('workspaces', {
  id: id(),
  /** Appears in addresses; lower case letters, digits and dashes. */
  slug: text('slug').notNull().unique(),
  name: text('name').notNull(),
  /** Added to the system prompt: the assistant's voice and scope. Empty: the product's default. */
  instructions: text('instructions').notNull().default(''),
  /** Shown on an empty chat. */
  suggestedQuestions: jsonb('suggested_questions').$type<readonly string[]>().notNull().default([]),
  /** Whether rated conversations may become rows of data sets. Off until an admin says otherwise. */
  learnsFromConversations: boolean('learns_from_conversations').notNull().default(false),
  isDemo: boolean('is_demo').notNull().default(false),
  createdAt: createdAt(),
});

export const workspaceMembers = pgTable(
  'workspace_members',
  {
    workspaceId: uuid('workspace_id')
      .notNull()
      .references(() => workspaces.id, { onDelete: 'cascade' }),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    role: text('role', { enum: ['owner', 'admin', 'evaluator', 'member'] }).notNull(),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.workspaceId, t.userId] }), index('workspace_members_user_id_index').on(t.userId)],
);

export const invitations = pgTable(
  'invitations',
  {
    id: id(),
    workspaceId: uuid('workspace_id')
      .notNull()
      .references(() => workspaces.id, { onDelete: 'cascade' }),
    /** Null: anyone who holds the link. */
    email: text('email'),
    role: text('role', { enum: ['admin', 'evaluator', 'member'] }).notNull(),
    tokenSha256: text('token_sha256').notNull().unique(),
    invitedBy: uuid('invited_by').references(() => users.id, { onDelete: 'set null' }),
    expiresAt: instant('expires_at').notNull(),
    acceptedAt: instant('accepted_at'),
    acceptedBy: uuid('accepted_by').references(() => users.id, { onDelete: 'set null' }),
    revokedAt: instant('revoked_at'),
    createdAt: createdAt(),
  },
  (t) => [index('invitations_workspace_id_index').on(t.workspaceId)],
);

export const apiKeys = pgTable(
  'api_keys',
  {
    id: id(),
    workspaceId: uuid('workspace_id')
      .notNull()
      .references(() => workspaces.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    /** First characters of the key, to recognise it in a list. The key itself is shown once and never stored. */
    prefix: text('prefix').notNull(),
    tokenSha256: text('token_sha256').notNull().unique(),
    permissions: text('permissions').array().notNull(),
    /** The key dies with its maker's membership: it never grants more than its maker still may do. */
    createdBy: uuid('created_by')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    expiresAt: instant('expires_at'),
    revokedAt: instant('revoked_at'),
    lastUsedAt: instant('last_used_at'),
    createdAt: createdAt(),
  },
  (t) => [index('api_keys_workspace_id_index').on(t.workspaceId)],
);

/** How documents become chunks and vectors. Immutable: a change is a new row, and chunks name the row that made them. */
export const indexConfigs = pgTable(
  'index_configs',
  {
    id: id(),
    workspaceId: uuid('workspace_id')
      .notNull()
      .references(() => workspaces.id, { onDelete: 'cascade' }),
    embeddingModel: text('embedding_model').notNull(),
    /** Null where a foreign server does not say. */
    embeddingSha256: text('embedding_sha256'),
    dimensions: integer('dimensions').notNull(),
    chunkSizeTokens: integer('chunk_size_tokens').notNull(),
    chunkOverlapTokens: integer('chunk_overlap_tokens').notNull(),
    /** Which rules cut the text (`SPLITTER_VERSION` in lib/ingestion/split-pages.ts). */
    splitterVersion: integer('splitter_version').notNull().default(1),
    /** The row that new documents are indexed with and questions are asked against. One a workspace. */
    isActive: boolean('is_active').notNull().default(false),
    createdAt: createdAt(),
  },
  (t) => [
    unique('index_configs_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('index_configs_active_unique').on(t.workspaceId).where(sql`${t.isActive}`),
  ],
);

/** How questions find chunks and what the model is told. Immutable rows; messages name the row that answered them. */
export const answerConfigs = pgTable(
  'answer_configs',
  {
    id: id(),
    workspaceId: uuid('workspace_id')
      .notNull()
      .references(() => workspaces.id, { onDelete: 'cascade' }),
    /** Shape: `answerConfigSchema` in lib/domain/answer-config.ts. */
    settings: jsonb('settings').$type<Record<string, unknown>>().notNull(),
    /** SHA-256 of the canonical JSON of `settings`: equal settings are one row. */
    settingsSha256: text('settings_sha256').notNull(),
    isActive: boolean('is_active').notNull().default(false),
    createdAt: createdAt(),
  },
  (t) => [
    unique('answer_configs_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('answer_configs_active_unique').on(t.workspaceId).where(sql`${t.isActive}`),
    uniqueIndex('answer_configs_settings_unique').on(t.workspaceId, t.settingsSha256),
  ],
);
