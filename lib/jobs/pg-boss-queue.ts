import PQueue from 'p-queue';
import { PgBoss } from 'pg-boss';
import type { DatabaseExecutor } from '#db/executor.ts';
import { createJobSql } from '#db/job-sql.ts';
import type { RunKind } from '#db/repositories/runs.ts';
import { jobDefinitions, jobPayloadSchema } from './job-definitions.ts';
import type { JobConsumer } from './job-queue.ts';

/**
 * How often pg-boss looks for jobs by itself, of each kind: the worker wakes it when runs wait. No LISTEN/NOTIFY, because
 * the embedded database has one session for all clients.
 */
const POLLING_INTERVAL_SECONDS = 30;

/**
 * A delivery never expires by itself in practice: whether a run is alive is told by its heartbeat, and orphans get a new
 * delivery. Just under pg-boss's limit of a day.
 */
const EXPIRE_AFTER_SECONDS = 86_399;

const FINISHED_JOBS_KEPT_SECONDS = 3600;

export interface PgBossQueueOptions {
  readonly db: DatabaseExecutor;
  /** `send`: enqueue only, no polling and no maintenance. `work`: also consume and keep the queue's tables tidy. */
  readonly role: 'send' | 'work';
  readonly onError: (error: unknown) => void;
}

/** The queue over pg-boss, in the product's own database. Creates its tables (schema `pgboss`) when they are missing. */
export async function openPgBossQueue({ db, role, onError }: PgBossQueueOptions): Promise<JobConsumer> {
  const boss = new PgBoss({
    db: createJobSql(db),
    supervise: role === 'work',
    schedule: false,
    migrate: true,
    // The bloat and vacuum checks read statistics that the embedded database does not keep.
    reindex: false,
    monitorVacuum: false,
  });
  boss.on('error', onError);
  await boss.start();
  for (const definition of jobDefinitions) {
    // `short`: at most one waiting job for each key, so that a run is never queued twice.
    await boss.createQueue(definition.kind, {
      policy: 'short',
      retryLimit: 0,
      expireInSeconds: EXPIRE_AFTER_SECONDS,
      deleteAfterSeconds: FINISHED_JOBS_KEPT_SECONDS,
    });
  }
  const consumers = new Map<RunKind, string>();
  return {
    open: () => Promise.resolve(),
    async enqueue(tx, kind, payload, options = {}) {
      await boss.send(kind, jobPayloadSchema.parse(payload), {
        db: createJobSql(tx),
        singletonKey: payload.runId,
        ...(options.startAfterMs !== undefined && { startAfter: new Date(Date.now() + options.startAfterMs) }),
      });
    },
    async consume(kind, { concurrency, takenAtOnce = 1 }, handle) {
      const slots = new PQueue({ concurrency });
      const id = await boss.work<unknown>(
        kind,
        {
          batchSize: takenAtOnce,
          burstWhenBatchFull: true,
          pollingIntervalSeconds: POLLING_INTERVAL_SECONDS,
        },
        async (jobs) => {
          for (const job of jobs) slots.add(() => handle(jobPayloadSchema.parse(job.data))).catch(onError);
          // More are asked for when one of those that may run is free: what was taken together does not wait for its longest.
          while (slots.pending + slots.size >= concurrency)
            await new Promise<void>((resolve) => slots.once('next', () => resolve()));
        },
      );
      consumers.set(kind, id);
    },
    wake(kind) {
      const id = consumers.get(kind);
      if (id !== undefined) boss.notifyWorker(id);
    },
    async redeliver(kind, payloads) {
      const jobs = payloads.map((payload) => ({ data: jobPayloadSchema.parse(payload), singletonKey: payload.runId }));
      if (jobs.length > 0) await boss.insert(kind, jobs);
    },
    async stop() {
      await boss.stop({ graceful: false, close: false });
    },
  };
}
