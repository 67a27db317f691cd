import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { createdAt, id, instant } from './columns.ts';
import { workspaceId } from './tenancy.ts';

/** A line of versions under one name, e.g. "Support voice". */
export const adapters = pgTable(
  'adapters',
  {
    id: id(),
    workspaceId: workspaceId(),
    name: text('name').notNull(),
    /** Null: the product itself. */
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
    deletedAt: instant('deleted_at'),
  },
  (t) => [
    unique('adapters_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('adapters_name_unique').on(t.workspaceId, sql`lower(${t.name})`).where(sql`${t.deletedAt} is null`),
  ],
);

/** One artifact, `<sha256>.gguf` in the artifact store, and where it came from. Only notes and `deleted_at` ever change. */
export const adapterVersions = pgTable(
  'adapter_versions',
  {
    id: id(),
    workspaceId: workspaceId(),
    adapterId: uuid('adapter_id').notNull(),
    /** 1, 2, 3 … within the adapter. */
    number: integer('number').notNull(),
    sha256: text('sha256').notNull(),
    sizeBytes: bigint('size_bytes', { mode: 'number' }).notNull(),
    /** Of the GGUF file of the base that it was made for: it serves on no other. */
    baseSha256: text('base_sha256').notNull(),
    /** Catalog id or file name of that base, for people. */
    baseModel: text('base_model').notNull(),
    /** Of the chat template that it was trained with; null where nobody knows. */
    templateSha256: text('template_sha256'),
    /** Shape: `adapterConfigSchema` in lib/domain/adapter.ts. */
    config: jsonb('config').$type<Record<string, unknown>>().notNull(),
    origin: text('origin', { enum: ['trained', 'imported', 'blended', 'shipped'] }).notNull(),
    /** Shape: `adapterLineageSchema` in lib/domain/adapter.ts. */
    lineage: jsonb('lineage').$type<Record<string, unknown>>().notNull(),
    /** Shape: `adapterMetricsSchema` in lib/domain/adapter.ts. */
    metrics: jsonb('metrics').$type<Record<string, number>>().notNull().default({}),
    notes: text('notes').notNull().default(''),
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
    /** The artifact is gone; the row stays, because messages and champion events name it. */
    deletedAt: instant('deleted_at'),
  },
  (t) => [
    unique('adapter_versions_tenant_key').on(t.workspaceId, t.id),
    uniqueIndex('adapter_versions_number_unique').on(t.adapterId, t.number),
    /** Equal bytes are one version of a workspace. */
    uniqueIndex('adapter_versions_sha256_unique').on(t.workspaceId, t.sha256).where(sql`${t.deletedAt} is null`),
    foreignKey({ columns: [t.workspaceId, t.adapterId], foreignColumns: [adapters.workspaceId, adapters.id] }).onDelete(
      'cascade',
    ),
  ],
);

/** What serves a workspace. No row or no version: the base alone. Moved by lib/registry/promote.ts and nothing else. */
export const champions = pgTable(
  'champions',
  {
    workspaceId: workspaceId().primaryKey(),
    versionId: uuid('version_id'),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (t) => [
    foreignKey({
      columns: [t.workspaceId, t.versionId],
      foreignColumns: [adapterVersions.workspaceId, adapterVersions.id],
    }),
  ],
);

/** Every move of a champion. Append only: a trigger refuses UPDATE and DELETE while the workspace exists. */
export const championEvents = pgTable(
  'champion_events',
  {
    id: id(),
    sequence: bigint('sequence', { mode: 'number' }).generatedAlwaysAsIdentity(),
    workspaceId: workspaceId(),
    kind: text('kind', { enum: ['promote', 'override', 'rollback'] }).notNull(),
    /** Null: the base alone. */
    fromVersionId: uuid('from_version_id'),
    toVersionId: uuid('to_version_id'),
    reason: text('reason').notNull(),
    actorKind: text('actor_kind', { enum: ['user', 'api-key', 'system'] }).notNull(),
    actorId: text('actor_id'),
    /** The gate's decision that allowed a promotion; null for an override and a rollback. */
    decisionId: uuid('decision_id'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('champion_events_tenant_key').on(t.workspaceId, t.id),
    index('champion_events_list_index').on(t.workspaceId, t.sequence),
    foreignKey({
      columns: [t.workspaceId, t.fromVersionId],
      foreignColumns: [adapterVersions.workspaceId, adapterVersions.id],
    }),
    foreignKey({
      columns: [t.workspaceId, t.toVersionId],
      foreignColumns: [adapterVersions.workspaceId, adapterVersions.id],
    }),
  ],
);

/** Which answer people preferred in the playground. */
export const playgroundVotes = pgTable(
  'playground_votes',
  {
    id: id(),
    workspaceId: workspaceId(),
    question: text('question').notNull(),
    usedRetrieval: boolean('used_retrieval').notNull(),
    /** What was compared, in the order shown: shape `storedAnswerSchema` in lib/registry/playground.ts. */
    answers: jsonb('answers').$type<readonly Record<string, unknown>[]>().notNull(),
    /** Index into `answers`; null: none was better. */
    preferred: integer('preferred'),
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('playground_votes_tenant_key').on(t.workspaceId, t.id),
    index('playground_votes_list_index').on(t.workspaceId, t.createdAt),
  ],
);
