import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { AppError } from '#lib/domain/errors.ts';
import { tooComplex, unreadable } from './extraction-errors.ts';
import type { FailureMessage } from './extraction-message.ts';

export interface SandboxLimits {
  /** Heap of the process. */
  readonly heapMegabytes: number;
  /** Resident memory, buffers outside the heap included; watched where the system tells it (Linux). */
  readonly residentMegabytes: number;
  readonly timeoutMs: number;
}

const FOLDER = path.join('lib', 'ingestion', 'extract');

/**
 * Where this project's sources are. The web server runs from a bundle, in which this module's own address means nothing; it
 * is started in the project's folder. Scripts run unbundled, from wherever someone calls them.
 */
function findProjectDir(): string {
  const here = process.cwd();
  return existsSync(path.join(here, FOLDER, 'run-sandboxed.ts'))
    ? here
    : path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
}

/**
 * Becomes the script's process, and leaves beside it a waiting shell that holds the one end of a pipe whose other end only this
 * process has. When the pipe closes without a word, this process is gone, however it went, and the shell kills the script:
 * one that is caught in a loop would never see for itself. A watching thread inside would need `--allow-worker`, and a thread
 * can shed every permission. The shell keeps nothing else open.
 */
const GUARDED = '(read -r over <&3 || kill -9 $$) </dev/null >/dev/null 2>&1 & exec "$@" 3<&-';
const GUARD_PIPE = 3;

const MEMORY_CHECK_INTERVAL_MS = 200;
const MAX_LOG_CHARACTERS = 4000;

/** A process of a script of this folder, that may see the project's code and what it is given, start nothing and write nothing. */
export interface Sandbox {
  /** What the script writes. It ends with the process. */
  readonly lines: AsyncIterator<string>;
  /** What the script reads. What is written after its end is lost without a word. */
  readonly input: Writable;
  /** Whether the process is gone. */
  hasEnded(): boolean;
  /** Resident memory; 0 where the system does not tell. */
  measureMegabytes(): Promise<number>;
  /** Kill the process when the signal aborts or the time is over. @returns a function that ends the watch */
  watch(signal: AbortSignal, timeoutMs: number): () => void;
  kill(): void;
  /**
   * Wait for the end of the process.
   * @throws AppError `document.too-complex` when a limit ended it, `document.unreadable` when anything else but itself did
   */
  waitForEnd(): Promise<void>;
}

type Script = 'extraction-child.ts' | 'unpack-child.ts';

/** @param options.readable a file that the script may read beside the project's code */
export function openSandbox(
  script: Script,
  args: readonly string[],
  options: {
    readonly limits: Omit<SandboxLimits, 'timeoutMs'>;
    readonly readable?: string;
  },
): Sandbox {
  const { limits, readable } = options;
  const projectDir = findProjectDir();
  const child = spawn(
    '/bin/sh',
    [
      '-c',
      GUARDED,
      'sh',
      process.execPath,
      `--max-old-space-size=${limits.heapMegabytes}`,
      '--permission',
      `--allow-fs-read=${projectDir}`,
      ...(readable === undefined ? [] : [`--allow-fs-read=${readable}`]),
      '--disable-warning=SecurityWarning',
      path.join(projectDir, FOLDER, script),
      ...args,
    ],
    // Next to no environment: no database address, no token, no NODE_OPTIONS.
    { stdio: ['pipe', 'pipe', 'pipe', 'pipe'], env: { NODE_ENV: 'production' } },
  );
  const { stdin, stdout, stderr } = child;
  const guard = child.stdio[GUARD_PIPE];
  if (!stdin || !stdout || !stderr || !(guard instanceof Writable))
    throw new Error('the pipes to the child are missing');
  // The guard, or the reader of the input, may be gone first.
  guard.on('error', () => undefined);
  stdin.on('error', () => undefined);
  child.once('exit', () => guard.end('over\n'));
  let stopCause: { readonly cause: 'timeout' | 'memory'; readonly limit: number } | undefined;
  const stop = (cause: 'timeout' | 'memory', limit: number) => {
    stopCause ??= { cause, limit };
    child.kill('SIGKILL');
  };
  const measureMegabytes = () => readResidentMegabytes(child.pid);
  const checkMemory = async () => {
    if ((await measureMegabytes()) > limits.residentMegabytes) stop('memory', limits.residentMegabytes);
  };
  const memoryTimer = setInterval(() => void checkMemory(), MEMORY_CHECK_INTERVAL_MS);
  let log = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-MAX_LOG_CHARACTERS);
  });
  let startError: Error | undefined;
  const closed = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      startError = error;
      resolve();
    });
    child.once('close', () => resolve());
  });
  void closed.then(() => clearInterval(memoryTimer));
  const kill = () => void child.kill('SIGKILL');
  return {
    lines: createInterface({ input: stdout, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator](),
    input: stdin,
    hasEnded: () => startError !== undefined || child.exitCode !== null || child.signalCode !== null,
    measureMegabytes,
    watch(signal, timeoutMs) {
      if (signal.aborted) kill();
      signal.addEventListener('abort', kill, { once: true });
      const timer = setTimeout(() => stop('timeout', timeoutMs), timeoutMs);
      return () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', kill);
      };
    },
    kill,
    async waitForEnd() {
      await closed;
      if (startError !== undefined) throw startError;
      if (stopCause?.cause === 'timeout') {
        throw tooComplex('timeout', `took more than ${Math.round(stopCause.limit / 1000)} seconds to read`);
      }
      const isHeapFull = /heap out of memory/i.test(log);
      if (stopCause !== undefined || isHeapFull) {
        const megabytes = isHeapFull ? limits.heapMegabytes : limits.residentMegabytes;
        throw tooComplex('memory', `needed more than ${megabytes} MB of memory to read`);
      }
      if (child.exitCode !== 0) {
        throw unreadable(`the extraction process ended early (${child.signalCode ?? child.exitCode}): ${log}`);
      }
    },
  };
}

/**
 * The lines that a script of this folder writes about one file, in a process of its own. It is killed when it exceeds a limit,
 * when the signal aborts, and when the caller stops reading.
 * @throws AppError `document.too-complex`, `document.unreadable` when it ends in any other way than by itself; the signal's
 *   reason when aborted
 */
export async function* runSandboxed(
  script: Script,
  filePath: string,
  args: readonly string[],
  options: { readonly signal: AbortSignal; readonly limits: SandboxLimits },
): AsyncGenerator<string> {
  const { signal, limits } = options;
  signal.throwIfAborted();
  const sandbox = openSandbox(script, [filePath, ...args], { limits, readable: filePath });
  try {
    yield* readLines(sandbox, signal, limits.timeoutMs);
  } finally {
    sandbox.kill();
  }
}

/**
 * What a sandbox says, watched meanwhile; ends with the process or with the caller's interest.
 * @throws as {@link Sandbox.waitForEnd}; the signal's reason when aborted
 */
export async function* readLines(sandbox: Sandbox, signal: AbortSignal, timeoutMs: number): AsyncGenerator<string> {
  const endWatch = sandbox.watch(signal, timeoutMs);
  try {
    for (;;) {
      const next = await sandbox.lines.next();
      if (next.done === true) break;
      // What a killed process had said already is worth nothing.
      if (!signal.aborted) yield next.value;
    }
    const ended = sandbox.waitForEnd();
    await ended.catch(() => undefined);
    signal.throwIfAborted();
    await ended;
  } finally {
    endWatch();
  }
}

async function readResidentMegabytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '');
  const PAGE_BYTES = 4096;
  return (Number(status.split(' ')[1] ?? 0) * PAGE_BYTES) / 1_048_576;
}

/** A failure as the process described it. */
export function readFailure({ code, message, userMessage, details }: Omit<FailureMessage, 'type'>): AppError {
  if (userMessage === '') return unreadable(message);
  return new AppError({ code, message, userMessage, details });
}
