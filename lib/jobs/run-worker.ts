import { setTimeout as delay } from 'node:timers/promises';
import { listQueuedKinds, type RunKind } from '#db/repositories/runs.ts';
import { jobDefinitions } from './job-definitions.ts';
import type { JobConsumer } from './job-queue.ts';
import { type PerformRunDeps, performRun, type RunHandler, reconcileRuns } from './perform-run.ts';

/** How often a worker asks whether runs wait, of whatever kind: one statement, where each kind asking for itself kept an idle machine busy. */
const WAKE_INTERVAL_MS = 500;
/** How often a worker looks for runs whose worker died. */
const RECONCILE_INTERVAL_MS = 10_000;

export interface WorkerDeps extends PerformRunDeps {
  readonly queue: JobConsumer;
  /** A handler is loaded with the first job of its kind: a worker that never sees a PDF never loads pdf.js. */
  readonly loadHandler: Readonly<Record<RunKind, () => Promise<RunHandler>>>;
  /** Work that no run asks for, such as a sweep of unnamed files: at the start and then again and again; failures are logged. */
  readonly chores: readonly Chore[];
  /** Default 20 s; see `reconcileRuns`. */
  readonly staleAfterMs?: number;
}

export interface Chore {
  /** For the log: `tidying up`. */
  readonly name: string;
  readonly intervalMs: number;
  readonly work: () => Promise<void>;
}

export interface RunningWorker {
  /** Take no more jobs, hand running ones back to the queue, and wait for them at most `timeoutMs`. Idempotent. */
  stop(timeoutMs: number): Promise<void>;
}

/** Free what dead workers held, then take jobs until stopped. */
export async function startWorker(deps: WorkerDeps): Promise<RunningWorker> {
  const shutdown = new AbortController();
  const active = new Set<Promise<unknown>>();
  for (const { kind, concurrency, takenAtOnce = 1 } of jobDefinitions) {
    await deps.queue.consume(kind, { concurrency, takenAtOnce }, async (payload) => {
      const running = (async () => {
        const handle = await deps.loadHandler[kind]();
        const result = await performRun(deps, kind, payload, handle, shutdown.signal);
        deps.logger.info({ runId: payload.runId, kind, result }, 'delivery done');
      })();
      active.add(running);
      try {
        await running;
      } finally {
        active.delete(running);
      }
    });
  }
  const repeat = async (intervalMs: number, name: string, work: () => Promise<unknown>) => {
    while (!shutdown.signal.aborted) {
      await work().catch((error: unknown) => deps.logger.warn({ err: error }, `${name} failed`));
      await delay(intervalMs, undefined, { signal: shutdown.signal }).catch(() => undefined);
    }
  };
  const loops = Promise.all([
    repeat(WAKE_INTERVAL_MS, 'looking for waiting runs', async () => {
      for (const kind of await listQueuedKinds(deps.db)) deps.queue.wake(kind);
    }),
    repeat(RECONCILE_INTERVAL_MS, 'reconciling runs', () => reconcileRuns(deps, deps.staleAfterMs)),
    ...deps.chores.map(({ intervalMs, name, work }) => repeat(intervalMs, name, work)),
  ]);
  let stopping: Promise<void> | undefined;
  return {
    stop(timeoutMs) {
      stopping ??= (async () => {
        shutdown.abort();
        await Promise.race([
          Promise.allSettled([deps.queue.stop(), loops, ...active]),
          delay(timeoutMs, undefined, { ref: false }),
        ]);
      })();
      return stopping;
    },
  };
}
