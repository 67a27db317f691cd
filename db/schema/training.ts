import {
  bigint,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  real,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';
import { createdAt, id, instant } from './columns.ts';
import { runs } from './runs.ts';
import { workspaceId } from './tenancy.ts';

/**
 * What was asked of a training run, and what came of it. Its state, progress and failure are those of its row in `runs`; its
 * files lie in the data directory under its id.
 */
export const trainingRuns = pgTable(
  'training_runs',
  {
    id: id(),
    workspaceId: workspaceId(),
    runId: uuid('run_id').notNull(),
    /** The adapter that gets the new version; made when none of the workspace has the name. */
    adapterName: text('adapter_name').notNull(),
    notes: text('notes').notNull().default(''),
    dataSetVersionId: uuid('data_set_version_id').notNull(),
    /** Catalog id of the base, or its path. */
    baseModel: text('base_model').notNull(),
    baseSha256: text('base_sha256').notNull(),
    preset: text('preset', { enum: ['quick', 'balanced', 'thorough', 'custom'] }).notNull(),
    /** Shape: `trainConfigSchema` in lib/lora/train/train-config.ts. */
    config: jsonb('config').$type<Record<string, unknown>>().notNull(),
    threads: integer('threads').notNull(),
    /** Asked of base and adapter at every checkpoint, in this order. */
    questions: text('questions').array().notNull(),
    /** As it was shown before the start: shape `trainingForecastSchema` in lib/training/training-record.ts; null: unknown. */
    forecast: jsonb('forecast').$type<Record<string, unknown>>(),
    /** What the trainer read and planned: shape `trainingPlanSchema`. */
    plan: jsonb('plan').$type<Record<string, unknown>>(),
    /** Shape `trainingOutcomeSchema`: losses, held-out likelihood, the canary's findings. */
    outcome: jsonb('outcome').$type<Record<string, unknown>>(),
    /** Of `adapter.gguf`, once there is one. */
    artifactSha256: text('artifact_sha256'),
    resultVersionId: uuid('result_version_id'),
    createdBy: uuid('created_by'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('training_runs_tenant_key').on(t.workspaceId, t.id),
    unique('training_runs_run_key').on(t.runId),
    index('training_runs_list_index').on(t.workspaceId, t.createdAt),
    index('training_runs_data_index').on(t.workspaceId, t.dataSetVersionId),
    foreignKey({ columns: [t.workspaceId, t.runId], foreignColumns: [runs.workspaceId, runs.id] }).onDelete('cascade'),
  ],
);

/** The curves. A resumed run does some steps again and writes the same rows again. */
export const trainingPoints = pgTable(
  'training_points',
  {
    workspaceId: workspaceId(),
    trainingRunId: uuid('training_run_id').notNull(),
    kind: text('kind', { enum: ['step', 'validation'] }).notNull(),
    /** Steps done. */
    step: integer('step').notNull(),
    /** Nats a predicted token. */
    loss: real('loss').notNull(),
    /** The rest, null for a validation. */
    learningRate: real('learning_rate'),
    gradientNorm: real('gradient_norm'),
    tokensPerSecond: real('tokens_per_second'),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.trainingRunId, t.kind, t.step] }),
    foreignKey({
      columns: [t.workspaceId, t.trainingRunId],
      foreignColumns: [trainingRuns.workspaceId, trainingRuns.id],
    }).onDelete('cascade'),
  ],
);

/** What base (step 0) and adapter (at a checkpoint) answer to the fixed questions. */
export const trainingSamples = pgTable(
  'training_samples',
  {
    workspaceId: workspaceId(),
    trainingRunId: uuid('training_run_id').notNull(),
    step: integer('step').notNull(),
    /** Index into `questions`. */
    question: integer('question').notNull(),
    answer: text('answer').notNull(),
    /** `length`: it was cut at the limit of tokens. */
    finishReason: text('finish_reason', { enum: ['stop', 'length', 'abort'] }).notNull(),
    /** What answered; null: the base alone. */
    adapterSha256: text('adapter_sha256'),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.trainingRunId, t.step, t.question] }),
    foreignKey({
      columns: [t.workspaceId, t.trainingRunId],
      foreignColumns: [trainingRuns.workspaceId, trainingRuns.id],
    }).onDelete('cascade'),
  ],
);

/** What happened to a run, in words. Append only. */
export const trainingLog = pgTable(
  'training_log',
  {
    id: id(),
    sequence: bigint('sequence', { mode: 'number' }).generatedAlwaysAsIdentity(),
    workspaceId: workspaceId(),
    trainingRunId: uuid('training_run_id').notNull(),
    level: text('level', { enum: ['info', 'warn', 'error'] }).notNull(),
    message: text('message').notNull(),
    at: instant('at').notNull().defaultNow(),
  },
  (t) => [
    index('training_log_run_index').on(t.trainingRunId, t.sequence),
    foreignKey({
      columns: [t.workspaceId, t.trainingRunId],
      foreignColumns: [trainingRuns.workspaceId, trainingRuns.id],
    }).onDelete('cascade'),
  ],
);
