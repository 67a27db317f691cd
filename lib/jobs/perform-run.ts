import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { DatabaseExecutor } from '#db/executor.ts';
import {
  type Claim,
  claimRun,
  finishRun,
  type Run,
  type RunKind,
  type RunProgress,
  releaseOrphanedRuns,
  requeueHeldRun,
  touchRun,
} from '#db/repositories/runs.ts';
import { AppError } from '#lib/domain/errors.ts';
import { findJobDefinition, type JobPayload } from './job-definitions.ts';
import type { JobConsumer, JobQueue } from './job-queue.ts';

/** How often a worker says that it lives, writes progress and looks for a cancel. */
const HEARTBEAT_INTERVAL_MS = 1000;

/**
 * A stage that lasts this long is written at once, without waiting for the next heartbeat. One that is over sooner nobody could read, and
 * writing those of hundreds of short documents would be a third of the commits that taking them in needs.
 */
const STAGE_SHOWN_AFTER_MS = 30;

/** A worker silent for this long is given up. Many heartbeats, so that a busy machine loses no claim. */
export const STALE_AFTER_MS = 20_000;

/** Between tries to write how a run ended, while the database is away. */
const CLOSE_AGAIN_AFTER_MS = 500;

const FIRST_RETRY_AFTER_MS = 2000;
const LONGEST_RETRY_AFTER_MS = 5 * 60_000;

export interface PerformRunDeps {
  readonly db: DatabaseExecutor;
  readonly queue: JobQueue;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** What a handler is given. */
export interface RunContext {
  readonly run: Run;
  readonly claim: Claim;
  /** Aborts when someone cancels, the worker stops, or the claim is lost. Handlers pass it on and stop at once. */
  readonly signal: AbortSignal;
  /**
   * Cheap: the latest value is written with the next heartbeat, a new stage as soon as it has lasted long enough to be read.
   * @throws the signal's reason once it has aborted
   */
  readonly report: (progress: RunProgress) => Promise<void>;
}

/** A handler returns facts to keep on the run row. */
export type RunHandler = (context: RunContext) => Promise<Readonly<Record<string, unknown>>>;

type AbortCause = 'cancelled' | 'shutdown' | 'claim-lost';

class RunAborted extends Error {
  readonly abortCause: AbortCause;
  constructor(abortCause: AbortCause) {
    super(`run aborted: ${abortCause}`);
    this.name = 'AbortError';
    this.abortCause = abortCause;
  }
}

/** Why the signal of a run aborted; null: it did not. */
export function readAbortCause(signal: AbortSignal): AbortCause | null {
  return signal.reason instanceof RunAborted ? signal.reason.abortCause : null;
}

/** Doubles with each attempt: 2 s, 4 s, 8 s …, at most 5 minutes. `attempt` counts from 1. */
export function chooseRetryDelayMs(attempt: number): number {
  return Math.min(FIRST_RETRY_AFTER_MS * 2 ** (attempt - 1), LONGEST_RETRY_AFTER_MS);
}

export type RunResult = 'skipped' | 'succeeded' | 'failed' | 'cancelled' | 'retrying' | 'released' | 'claim-lost';

/**
 * Carry out one delivery: claim the run, keep its heartbeat, let the handler work, and write how it ended. A delivery for
 * a run that is not queued (a second delivery, a cancelled run) does nothing.
 * @param shutdown aborts when the worker is told to stop: the run goes back to the queue and keeps its attempt
 */
export async function performRun(
  deps: PerformRunDeps,
  kind: RunKind,
  payload: JobPayload,
  handle: RunHandler,
  shutdown: AbortSignal,
): Promise<RunResult> {
  if (shutdown.aborted) return 'skipped';
  const run = await claimRun(deps.db, payload.workspaceId, payload.runId);
  if (!run) return 'skipped';
  const claim: Claim = { workspaceId: run.workspaceId, runId: run.id, claimToken: run.claimToken };
  const controller = new AbortController();
  const abort = (cause: AbortCause) => {
    if (!controller.signal.aborted) controller.abort(new RunAborted(cause));
  };
  const onShutdown = () => abort('shutdown');
  shutdown.addEventListener('abort', onShutdown, { once: true });

  let last: RunProgress | undefined;
  let isWritten = true;
  const touch = async () => {
    const progress = isWritten ? undefined : last;
    isWritten = true;
    const { isHeld, isCancelRequested } = await touchRun(deps.db, claim, progress);
    if (!isHeld) abort('claim-lost');
    else if (isCancelRequested) abort('cancelled');
  };
  let touching: Promise<void> | null = null;
  const beat = () => {
    touching ??= touch()
      .catch((error: unknown) => deps.logger.warn({ err: error, runId: run.id }, 'heartbeat failed'))
      .finally(() => (touching = null));
  };
  const heart = setInterval(beat, HEARTBEAT_INTERVAL_MS);
  let stageShown: NodeJS.Timeout | undefined;

  const context: RunContext = {
    run,
    claim,
    signal: controller.signal,
    async report(progress) {
      const isNewStage = progress.stage !== last?.stage;
      last = progress;
      isWritten = false;
      if (isNewStage) {
        clearTimeout(stageShown);
        stageShown = setTimeout(beat, STAGE_SHOWN_AFTER_MS);
      }
      controller.signal.throwIfAborted();
    },
  };
  try {
    const details = await handle(context);
    await stopHeart();
    const isMine = await insist(() => finishRun(deps.db, claim, { state: 'succeeded', details }, last), shutdown);
    return isMine ? 'succeeded' : 'claim-lost';
  } catch (error) {
    await stopHeart();
    return await insist(
      () => closeFailedRun(deps, kind, payload, { run, claim, last, signal: controller.signal }, error),
      shutdown,
    );
  } finally {
    await stopHeart();
    shutdown.removeEventListener('abort', onShutdown);
  }

  async function stopHeart(): Promise<void> {
    clearInterval(heart);
    clearTimeout(stageShown);
    await touching;
  }
}

/**
 * Write how a run ended, also when the database is just being restarted: otherwise the run would look alive until its silence
 * is noticed, and lose an attempt. Every such write is bound to the claim, so a try whose answer was lost does no harm.
 */
async function insist<T>(write: () => Promise<T>, shutdown: AbortSignal): Promise<T> {
  const deadline = performance.now() + STALE_AFTER_MS;
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (shutdown.aborted || performance.now() > deadline) throw error;
      await delay(CLOSE_AGAIN_AFTER_MS, undefined, { signal: shutdown }).catch(() => undefined);
    }
  }
}

async function closeFailedRun(
  deps: PerformRunDeps,
  kind: RunKind,
  payload: JobPayload,
  {
    run,
    claim,
    last,
    signal,
  }: {
    readonly run: Run;
    readonly claim: Claim;
    readonly last: RunProgress | undefined;
    readonly signal: AbortSignal;
  },
  error: unknown,
): Promise<RunResult> {
  if (signal.aborted && signal.reason instanceof RunAborted) {
    switch (signal.reason.abortCause) {
      case 'cancelled':
        await finishRun(deps.db, claim, { state: 'cancelled' }, last);
        return 'cancelled';
      case 'shutdown':
        await requeue(deps, kind, payload, claim, { isAttemptSpent: false });
        return 'released';
      case 'claim-lost':
        return 'claim-lost';
    }
  }
  const { isHeld, isCancelRequested } = await touchRun(deps.db, claim);
  if (!isHeld) return 'claim-lost';
  if (isCancelRequested) {
    await finishRun(deps.db, claim, { state: 'cancelled' }, last);
    return 'cancelled';
  }
  // An error that we do not know may be a lost connection as well as a defect: both are worth another try.
  const isRetryable = AppError.isInstance(error) ? error.isRetryable : true;
  const isLastAttempt = run.attempt >= findJobDefinition(kind).maxAttempts;
  const errorCode = AppError.isInstance(error) ? error.code : 'run.internal';
  const errorMessage = AppError.isInstance(error)
    ? error.userMessage
    : `Something inside failed. The worker's log has the cause under run ${run.id}.`;
  if (isRetryable && !isLastAttempt) {
    const startAfterMs = Math.max(
      chooseRetryDelayMs(run.attempt),
      AppError.isInstance(error) ? (error.retryAfterMs ?? 0) : 0,
    );
    deps.logger.warn({ err: error, runId: run.id, kind, startAfterMs }, 'run failed, will be tried again');
    await requeue(deps, kind, payload, claim, { isAttemptSpent: true, errorCode, errorMessage }, startAfterMs);
    return 'retrying';
  }
  deps.logger.error({ err: error, runId: run.id, kind }, 'run failed');
  await finishRun(deps.db, claim, { state: 'failed', errorCode, errorMessage }, last);
  return 'failed';
}

async function requeue(
  deps: PerformRunDeps,
  kind: RunKind,
  payload: JobPayload,
  claim: Claim,
  reason: Parameters<typeof requeueHeldRun>[2],
  startAfterMs = 0,
): Promise<void> {
  await deps.db.transaction(async (tx) => {
    if (await requeueHeldRun(tx, claim, reason)) await deps.queue.enqueue(tx, kind, payload, { startAfterMs });
  });
}

/**
 * Free the runs of workers that died, and give every waiting run a delivery if it lost its own. Run by the worker when it
 * starts and from time to time.
 * @returns how many runs wait for a delivery
 */
export async function reconcileRuns(
  deps: { readonly db: DatabaseExecutor; readonly queue: Pick<JobConsumer, 'redeliver'> },
  staleAfterMs = STALE_AFTER_MS,
): Promise<number> {
  const waiting = await releaseOrphanedRuns(deps.db, {
    staleAfterMs,
    maxAttemptsOf: (kind) => findJobDefinition(kind).maxAttempts,
  });
  for (const [kind, runs] of Map.groupBy(waiting, (run) => run.kind)) {
    await deps.queue.redeliver(
      kind,
      runs.map((run) => ({ workspaceId: run.workspaceId, runId: run.id })),
    );
  }
  return waiting.length;
}
