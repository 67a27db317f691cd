import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { SUPERVISED_VARIABLE } from '#lib/config/exit-with-parent.ts';

/** Time as the supervisor sees it; tests turn it by hand. */
export interface Clock {
  nowMs(): number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      const finish = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, Math.max(0, ms));
      signal?.addEventListener('abort', finish);
    }),
};

export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  /**
   * Asked again and again until true; a rejection counts as "not yet", and the last one explains a start that fails.
   * @param hasSaidReady whether the process has logged the message `ready` since it started
   */
  readonly isReady: (hasSaidReady: boolean) => Promise<boolean>;
  readonly readyTimeoutMs: number;
  /** Tiers stop one after the other, the lowest first: what others need in order to finish comes last. */
  readonly stopTier: number;
}

export type SupervisorEvent =
  | { readonly kind: 'ready'; readonly name: string; readonly afterMs: number; readonly isRestart: boolean }
  | {
      readonly kind: 'crashed';
      readonly name: string;
      readonly reason: string;
      /** Delay before the restart. */
      readonly restartInMs: number;
    }
  | { readonly kind: 'line'; readonly name: string; readonly stream: 'stdout' | 'stderr'; readonly line: string };

/** Restart delays: half a second, doubled with each crash in a row, never more than half a minute. */
export const FIRST_RESTART_MS = 500;
export const MAX_RESTART_MS = 30_000;
/** A process that ran this long is healthy: its next crash starts the delays anew. */
export const HEALTHY_MS = 60_000;
/** From the request to stop until whatever still runs is killed; the promise to the user is five seconds. */
export const KILL_AFTER_MS = 4_000;
const READY_POLL_MS = 150;
const MAX_LOG_BYTES = 10_000_000;
const KEPT_LOGS = 3;
const TAIL_LINES = 25;

/** @param crashesInARow 1 after the first crash */
export function restartDelayMs(crashesInARow: number): number {
  return Math.min(FIRST_RESTART_MS * 2 ** Math.max(0, crashesInARow - 1), MAX_RESTART_MS);
}

/** Keep a log that has grown large as `name.log.1`, older ones as `.2` and `.3`. */
export async function rotateLog(logFile: string): Promise<void> {
  await mkdir(path.dirname(logFile), { recursive: true });
  const found = await stat(logFile).catch(() => null);
  if (found === null || found.size < MAX_LOG_BYTES) return;
  await rm(`${logFile}.${KEPT_LOGS}`, { force: true });
  for (let age = KEPT_LOGS - 1; age >= 1; age -= 1) {
    await rename(`${logFile}.${age}`, `${logFile}.${age + 1}`).catch(() => undefined);
  }
  await rename(logFile, `${logFile}.1`);
}

const logLineSchema = z.object({ level: z.number(), msg: z.string().default('') });

/** @returns level and message of a pino line, or null for any other output */
export function parseLogLine(line: string): { readonly level: number; readonly message: string } | null {
  if (!line.startsWith('{')) return null;
  try {
    const parsed = logLineSchema.safeParse(JSON.parse(line));
    return parsed.success ? { level: parsed.data.level, message: parsed.data.msg } : null;
  } catch {
    return null;
  }
}

interface Supervised {
  readonly spec: ProcessSpec;
  readonly log: WriteStream;
  child: ChildProcess | null;
  exited: Promise<void>;
  crashesInARow: number;
  hasSaidReady: boolean;
  /** Why the process was not ready when last asked. */
  lastObstacle: string | null;
  tail: string[];
}

/** Every process leads a group of its own, so that what it starts can be stopped with it. */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}

/**
 * Starts processes, restarts those that crash, and stops them all. The first start of a process must succeed; after that a
 * crash is answered by a restart, forever, with growing delays.
 */
export class Supervisor {
  readonly #clock: Clock;
  readonly #onEvent: (event: SupervisorEvent) => void;
  readonly #processes: Supervised[] = [];
  readonly #stopping = new AbortController();
  #stopped: Promise<void> | null = null;

  constructor(options: { readonly clock?: Clock; readonly onEvent: (event: SupervisorEvent) => void }) {
    this.#clock = options.clock ?? systemClock;
    this.#onEvent = options.onEvent;
  }

  /** Process id of a running process, or null. */
  pidOf(name: string): number | null {
    return this.#processes.find((item) => item.spec.name === name)?.child?.pid ?? null;
  }

  /**
   * Start a process and wait until it is ready.
   * @throws Error with the last lines of its output when it ends or does not become ready in time
   */
  async start(spec: ProcessSpec): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    await rotateLog(spec.logFile);
    const item: Supervised = {
      spec,
      log: createWriteStream(spec.logFile, { flags: 'a' }),
      child: null,
      exited: Promise.resolve(),
      crashesInARow: 0,
      hasSaidReady: false,
      lastObstacle: null,
      tail: [],
    };
    // A full disk must not take the product down with an unhandled error of a log file.
    item.log.on('error', () => undefined);
    this.#processes.push(item);
    const startedMs = this.#clock.nowMs();
    const outcome = this.#spawn(item);
    const settled = new AbortController();
    const ended = outcome.then((reason) => {
      settled.abort();
      return reason;
    });
    const isReady = await this.#waitUntilReady(item, settled.signal);
    if (!isReady) {
      signalGroup(item.child?.pid, 'SIGKILL');
      const reason = settled.signal.aborted
        ? await ended
        : `was not ready within ${Math.round(spec.readyTimeoutMs / 1000)} s${item.lastObstacle === null ? '' : ` (${item.lastObstacle})`}`;
      this.#stopping.signal.throwIfAborted();
      throw new Error(
        `${spec.name} ${reason}. Its last output (all of it in ${spec.logFile}):\n${item.tail.join('\n')}`,
      );
    }
    this.#onEvent({ kind: 'ready', name: spec.name, afterMs: this.#clock.nowMs() - startedMs, isRestart: false });
    this.#keepAlive(item, ended, startedMs).catch((error: unknown) => {
      throw error;
    });
  }

  async #waitUntilReady(item: Supervised, ended: AbortSignal): Promise<boolean> {
    const deadlineMs = this.#clock.nowMs() + item.spec.readyTimeoutMs;
    while (!ended.aborted && !this.#stopping.signal.aborted && this.#clock.nowMs() < deadlineMs) {
      try {
        if (await item.spec.isReady(item.hasSaidReady)) return !ended.aborted;
      } catch (error) {
        item.lastObstacle = error instanceof Error ? error.message : String(error);
      }
      await this.#clock.sleep(READY_POLL_MS, ended);
    }
    return false;
  }

  /** @returns a promise of why the process ended, in words that follow its name */
  #spawn(item: Supervised): Promise<string> {
    const { spec } = item;
    const child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: { ...spec.env, [SUPERVISED_VARIABLE]: '1' },
      // Standard input is the pipe that `exitWithParent` watches.
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    item.child = child;
    item.tail = [];
    item.hasSaidReady = false;
    item.log.write(`--- ${new Date().toISOString()} ${spec.name} started as process ${child.pid ?? 'none'}\n`);
    child.stdin.on('error', () => undefined);
    this.#readLines(item, child, 'stdout');
    this.#readLines(item, child, 'stderr');
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`could not be started: ${error.message}`));
      child.once('exit', (code, signal) => {
        // What the process had started and left behind must not outlive it.
        signalGroup(child.pid, 'SIGKILL');
        resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`);
      });
    }).then((reason) => {
      item.log.write(`--- ${new Date().toISOString()} ${spec.name} ${reason}\n`);
      item.child = null;
      return reason;
    });
    item.exited = ended.then(() => undefined);
    return ended;
  }

  #readLines(item: Supervised, child: ChildProcess, stream: 'stdout' | 'stderr'): void {
    const input = child[stream];
    if (input === null) return;
    createInterface({ input }).on('line', (line) => {
      item.log.write(`${line}\n`);
      item.tail = [...item.tail.slice(1 - TAIL_LINES), line];
      if (parseLogLine(line)?.message === 'ready') item.hasSaidReady = true;
      this.#onEvent({ kind: 'line', name: item.spec.name, stream, line });
    });
  }

  async #keepAlive(item: Supervised, firstEnd: Promise<string>, firstStartMs: number): Promise<void> {
    let ended = firstEnd;
    let startedMs = firstStartMs;
    for (;;) {
      const reason = await ended;
      if (this.#stopping.signal.aborted) return;
      const ranMs = this.#clock.nowMs() - startedMs;
      item.crashesInARow = ranMs >= HEALTHY_MS ? 1 : item.crashesInARow + 1;
      const restartInMs = restartDelayMs(item.crashesInARow);
      this.#onEvent({ kind: 'crashed', name: item.spec.name, reason, restartInMs });
      await this.#clock.sleep(restartInMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      startedMs = this.#clock.nowMs();
      ended = this.#spawn(item);
      this.#announceReady(item, ended, startedMs);
    }
  }

  /** A restarted process that never becomes ready is killed, which the next round sees as one more crash. */
  #announceReady(item: Supervised, ended: Promise<string>, startedMs: number): void {
    const settled = new AbortController();
    const pid = item.child?.pid;
    const watch = async () => {
      if (await this.#waitUntilReady(item, settled.signal)) {
        this.#onEvent({
          kind: 'ready',
          name: item.spec.name,
          afterMs: this.#clock.nowMs() - startedMs,
          isRestart: true,
        });
      } else if (!settled.signal.aborted) signalGroup(pid, 'SIGKILL');
    };
    Promise.all([watch(), ended.then(() => settled.abort())]).catch((error: unknown) => {
      throw error;
    });
  }

  /**
   * Stop everything, tier by tier, within five seconds: SIGTERM to each group, SIGKILL to what is left after four.
   * Idempotent: later calls wait for the first.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  async #stopAll(): Promise<void> {
    const startedMs = this.#clock.nowMs();
    this.#stopping.abort(new Error('the product is stopping'));
    const tiers = [...new Set(this.#processes.map((item) => item.spec.stopTier))].sort((a, b) => a - b);
    for (const [index, tier] of tiers.entries()) {
      const members = this.#processes.filter((item) => item.spec.stopTier === tier);
      for (const item of members) signalGroup(item.child?.pid, 'SIGTERM');
      const remainingMs = KILL_AFTER_MS - (this.#clock.nowMs() - startedMs);
      await this.#waitForExit(members, remainingMs / (tiers.length - index));
    }
    for (const item of this.#processes) signalGroup(item.child?.pid, 'SIGKILL');
    await Promise.all(this.#processes.map((item) => item.exited));
    await Promise.all(this.#processes.map((item) => new Promise<void>((resolve) => item.log.end(resolve))));
  }

  async #waitForExit(members: readonly Supervised[], limitMs: number): Promise<void> {
    const done = new AbortController();
    const allExited = Promise.all(members.map((item) => item.exited)).then(() => done.abort());
    await Promise.race([allExited, this.#clock.sleep(limitMs, done.signal)]);
    done.abort();
  }
}
