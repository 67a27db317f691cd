/**
 * A bounded priority queue whose slots are held rather than run: generation streams, so the work outlives the call that
 * admits it. Within one priority, first come first served.
 */
import PQueue from 'p-queue';
import type { RuntimePriority } from '../runtime-port.ts';
import { runtimeBusy } from './errors.ts';

const PRIORITY_RANK: Readonly<Record<RuntimePriority, number>> = { chat: 2, evaluation: 1, ingestion: 0 };

export interface InferenceQueue {
  readonly active: number;
  readonly waiting: number;
  readonly limit: number;
  /**
   * Joins at once. The promise resolves with the function that gives the slot back (idempotent).
   * @throws AppError `runtime.busy` synchronously when `limit` requests are waiting; the promise rejects with the
   *   signal's reason when it aborts before a slot is free
   */
  acquire(options: { readonly priority: RuntimePriority; readonly signal: AbortSignal }): Promise<() => void>;
}

export function createInferenceQueue(options: {
  readonly concurrency: number;
  readonly limit: number;
}): InferenceQueue {
  const queue = new PQueue({ concurrency: options.concurrency });
  return {
    get active() {
      return queue.pending;
    },
    get waiting() {
      return queue.size;
    },
    limit: options.limit,
    acquire({ priority, signal }) {
      if (queue.size >= options.limit) throw runtimeBusy(options.limit);
      if (signal.aborted) return Promise.reject(toError(signal.reason));
      // p-queue frees a slot when the signal of a running task aborts, though the model is still computing. So it sees
      // the signal only while the request waits.
      const leaveQueue = new AbortController();
      const onAbort = () => leaveQueue.abort(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      return new Promise<() => void>((resolve, reject) => {
        const hold = () =>
          new Promise<void>((release) => {
            signal.removeEventListener('abort', onAbort);
            resolve(release);
          });
        queue
          .add(hold, { priority: PRIORITY_RANK[priority], signal: leaveQueue.signal })
          .catch((error: unknown) => reject(toError(error)));
      });
    },
  };
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
