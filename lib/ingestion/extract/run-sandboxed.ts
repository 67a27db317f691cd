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

/**
 * The lines that a script of this folder writes about one file, in a process of its own that may see the project's code and
 * this one file, start nothing and write nothing. It is killed when it exceeds a limit, when the signal aborts, and when the
 * caller stops reading.
 * @throws AppError `document.too-complex`, `document.unreadable` when it ends in any other way than by itself; the signal's
 *   reason when aborted
 */
export async function* runSandboxed(
  script: 'extraction-child.ts' | 'unpack-child.ts',
  filePath: string,
  args: readonly string[],
  options: { readonly signal: AbortSignal; readonly limits: SandboxLimits },
): AsyncGenerator<string> {
  const { signal, limits } = options;
  signal.throwIfAborted();
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
      `--allow-fs-read=${filePath}`,
      '--disable-warning=SecurityWarning',
      path.join(projectDir, FOLDER, script),
      filePath,
      ...args,
    ],
    // Next to no environment: no database address, no token, no NODE_OPTIONS.
    { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], env: { NODE_ENV: 'production' } },
  );
  const { stdout, stderr } = child;
  const guard = child.stdio[GUARD_PIPE];
  if (!stdout || !stderr || !(guard instanceof Writable)) throw new Error('the pipes to the child are missing');
  // The guard may be gone first.
  guard.on('error', () => undefined);
  child.once('exit', () => guard.end('over\n'));
  let stopCause: 'aborted' | 'timeout' | 'memory' | undefined;
  const stop = (cause: typeof stopCause) => {
    stopCause ??= cause;
    child.kill('SIGKILL');
  };
  const onAbort = () => stop('aborted');
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => stop('timeout'), limits.timeoutMs);
  const checkMemory = async () => {
    if ((await readResidentMegabytes(child.pid)) > limits.residentMegabytes) stop('memory');
  };
  const memoryTimer = setInterval(() => {
    void checkMemory();
  }, MEMORY_CHECK_INTERVAL_MS);
  let log = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-MAX_LOG_CHARACTERS);
  });
  const closed = new Promise<void>((resolve, reject) => {
    child.once('close', () => resolve());
    child.once('error', reject);
  });
  try {
    for await (const line of createInterface({ input: stdout, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (stopCause) break;
      yield line;
    }
    await closed;
  } finally {
    clearTimeout(timer);
    clearInterval(memoryTimer);
    signal.removeEventListener('abort', onAbort);
    child.kill('SIGKILL');
  }
  signal.throwIfAborted();
  if (stopCause === 'timeout') {
    throw tooComplex('timeout', `took more than ${Math.round(limits.timeoutMs / 1000)} seconds to read`);
  }
  const isHeapFull = /heap out of memory/i.test(log);
  if (stopCause === 'memory' || isHeapFull) {
    const megabytes = isHeapFull ? limits.heapMegabytes : limits.residentMegabytes;
    throw tooComplex('memory', `needed more than ${megabytes} MB of memory to read`);
  }
  if (child.exitCode !== 0) {
    throw unreadable(`the extraction process ended early (${child.signalCode ?? child.exitCode}): ${log}`);
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
