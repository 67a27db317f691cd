import { sql } from 'drizzle-orm';
import { bigint, index, integer, jsonb, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import { createdAt, id, instant } from './columns.ts';
import { workspaces } from './workspaces.ts';

/** Long work. The queue only delivers; this row owns the state, and its compare-and-set owns correctness. */
export const runs = pgTable(
  'runs',
  {
    id: id(),
    workspaceId: uuid('workspace_id')
      .notNull()
      .references(() => workspaces.id, { onDelete: 'cascade' }),
    kind: text('kind', {
      enum: [
        'document.ingest',
        'document.delete',
        'index.rebuild',
        'adapter.train',
        'evaluation.run',
        'archive.unpack',
        'adapter.blend',
        'adapter.merge',
        'retrieval.evaluate',
        'dataset.import',
        'dataset.freeze',
        'suite.draft',
      ],
    }).notNull(),
    /** What the run works on: the document version, later the data set, adapter or suite run. */
    subjectId: uuid('subject_id').notNull(),
    /** For lists: the file's name and the like. */
    title: text('title').notNull(),
    state: text('state', { enum: ['queued', 'running', 'succeeded', 'failed', 'cancelled'] })
      .notNull()
      .default('queued'),
    /** Stage inside `running`, e.g. extracting, splitting, embedding. */
    stage: text('stage'),
    progressDone: integer('progress_done').notNull().default(0),
    /** 0: unknown yet. */
    progressTotal: integer('progress_total').notNull().default(0),
    /** Deliveries so far. */
    attempt: integer('attempt').notNull().default(0),
    /** Raised with every claim; a worker that lost its claim writes nothing. */
    claimToken: uuid('claim_token'),
    heartbeatAt: instant('heartbeat_at'),
    cancelRequestedAt: instant('cancel_requested_at'),
    errorCode: text('error_code'),
    /** In words for people: what was expected, what came, what to do. */
    errorMessage: text('error_message'),
    details: jsonb('details').$type<Record<string, unknown>>().notNull().default({}),
    startedAt: instant('started_at'),
    finishedAt: instant('finished_at'),
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('runs_tenant_key').on(t.workspaceId, t.id),
    index('runs_list_index').on(t.workspaceId, t.createdAt),
    index('runs_subject_index').on(t.workspaceId, t.subjectId),
    // The worker asks twice a second.
    index('runs_queued_index').on(t.kind).where(sql`${t.state} = 'queued'`),
  ],
);

/** Who did what, when. Append only. */
export const auditEvents = pgTable(
  'audit_events',
  {
    id: id(),
    sequence: bigint('sequence', { mode: 'number' }).generatedAlwaysAsIdentity(),
    /** Null: an act on the whole installation. */
    workspaceId: uuid('workspace_id').references(() => workspaces.id, { onDelete: 'cascade' }),
    actorKind: text('actor_kind', { enum: ['user', 'api-key', 'system'] }).notNull(),
    actorId: text('actor_id'),
    /** `noun.verb`, e.g. `document.delete`. */
    action: text('action').notNull(),
    targetId: text('target_id'),
    details: jsonb('details').$type<Record<string, unknown>>().notNull().default({}),
    createdAt: createdAt(),
  },
  (t) => [index('audit_events_list_index').on(t.workspaceId, t.createdAt)],
);
