import type { DatabaseExecutor } from '#db/executor.ts';
import type { RunKind } from '#db/repositories/runs.ts';
import type { JobPayload } from './job-definitions.ts';

/**
 * The queue delivers and nothing more: a job may come twice, late, or after its run is over. The run row decides
 * (`lib/jobs/perform-run.ts`), so a lost or doubled delivery costs time and never correctness.
 */
export interface JobQueue {
  /**
   * Make the queue usable. Call it before the transaction that enqueues: opening speaks to the database on a connection of
   * its own, and the embedded database serves no other connection while a transaction is open.
   */
  open(): Promise<void>;
  /**
   * Ask for a delivery. Part of `tx`: it exists if and only if the transaction commits. A run that already waits for a
   * delivery gets no second one.
   */
  enqueue(
    tx: DatabaseExecutor,
    kind: RunKind,
    payload: JobPayload,
    options?: { readonly startAfterMs?: number },
  ): Promise<void>;
}

export interface JobConsumer extends JobQueue {
  /**
   * Start to hand out jobs of a kind, at most `concurrency` at a time; call it once for each kind. A handler that throws has lost its
   * delivery; it is not delivered again. Nor are jobs that wait for room when the process ends.
   */
  consume(
    kind: RunKind,
    options: { readonly concurrency: number; readonly takenAtOnce?: number },
    handle: (payload: JobPayload) => Promise<void>,
  ): Promise<void>;
  /** Look for jobs of this kind now. Without it, they are found within half a minute. */
  wake(kind: RunKind): void;
  /** Give each of these runs a delivery, those that wait for one already excepted. */
  redeliver(kind: RunKind, payloads: readonly JobPayload[]): Promise<void>;
  /** Take no new jobs and let go of the database. Does not wait for handlers. */
  stop(): Promise<void>;
}
