import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { constants, copyFile, link, mkdir, readFile, rm, rmdir, stat, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { z } from 'zod';

/**
 * A lock file that one process holds at a time and that a killed process cannot leave held.
 *
 * The file names its holder by process id *and* start time, so a process id that the system gave to somebody else after a
 * `kill -9` does not keep the lock. A holder on another machine (a shared disk) cannot be asked: its lock counts as long as
 * it refreshes the file's time.
 */
const holderSchema = z.object({
  token: z.string(),
  pid: z.number().int().positive(),
  /** Opaque; equal for two looks at the same process. Null where the system does not tell. */
  startedAt: z.string().nullable(),
  hostname: z.string(),
  purpose: z.string(),
});

export type LockHolder = z.infer<typeof holderSchema>;

export interface ProcessLock {
  /** Idempotent; removes the file only while it is still ours. */
  release(): Promise<void>;
}

const HEARTBEAT_MS = 5_000;
/** Six missed heartbeats: a busy machine may miss some. */
const FOREIGN_HOST_STALE_MS = 30_000;
/** A takeover lasts milliseconds; one this old was killed in the middle. */
const TAKEOVER_STALE_MS = 10_000;
const TAKEOVER_POLL_MS = 20;
const run = promisify(execFile);

/** Start time of a process as the system records it, or null when there is no such process or no way to know. */
async function readProcessStart(pid: number): Promise<string | null> {
  try {
    if (process.platform === 'linux') {
      const status = await readFile(`/proc/${pid}/stat`, 'latin1');
      // Field 22 of proc_pid_stat(5); field 2 is the command in parentheses and may itself hold spaces.
      const afterCommand = status.slice(status.lastIndexOf(')') + 2).split(' ');
      return afterCommand[19] ?? null;
    }
    const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)]);
    return stdout.trim() || null;
  } catch {
    return null;
  }
}

/** Whether a process runs; a process of another user counts as running. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return readErrorCode(error) === 'EPERM';
  }
}

function readErrorCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** A link appears whole or not at all. Disks without hard links get the exclusive create, where a kill can leave an empty file. */
async function publish(draft: string, lockFile: string): Promise<void> {
  try {
    await link(draft, lockFile);
  } catch (error) {
    if (readErrorCode(error) === 'EEXIST') throw error;
    await copyFile(draft, lockFile, constants.COPYFILE_EXCL);
  }
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return null;
  }
}

function parseHolder(text: string): LockHolder | null {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

async function isHeld(holder: LockHolder | null, lockFile: string): Promise<boolean> {
  // Lock files appear complete (link of a written file), so an unreadable one is not ours to respect.
  if (holder === null) return false;
  if (holder.hostname !== os.hostname()) {
    const found = await stat(lockFile).catch(() => null);
    return found !== null && Date.now() - found.mtimeMs < FOREIGN_HOST_STALE_MS;
  }
  if (!isProcessAlive(holder.pid)) return false;
  const startedAt = await readProcessStart(holder.pid);
  return holder.startedAt === null || startedAt === null || holder.startedAt === startedAt;
}

/** Who holds the lock now, or null. */
export async function readLockHolder(lockFile: string): Promise<LockHolder | null> {
  const text = await readText(lockFile);
  if (text === null) return null;
  const holder = parseHolder(text);
  return (await isHeld(holder, lockFile)) ? holder : null;
}

/**
 * Remove a dead holder's file. Only one taker at a time may: of two that saw the same dead lock, the slower would otherwise
 * remove the lock that the faster has just taken.
 */
async function clearStale(lockFile: string, staleText: string): Promise<void> {
  const guard = `${lockFile}.takeover`;
  try {
    await mkdir(guard);
  } catch {
    const found = await stat(guard).catch(() => null);
    if (found !== null && Date.now() - found.mtimeMs > TAKEOVER_STALE_MS) await rmdir(guard).catch(() => undefined);
    else await delay(TAKEOVER_POLL_MS);
    return;
  }
  try {
    if ((await readText(lockFile)) === staleText) await rm(lockFile, { force: true });
  } finally {
    await rmdir(guard).catch(() => undefined);
  }
}

/**
 * Take the lock or say who has it. Never waits.
 * @param purpose one or two words that a message about the holder may use
 * @returns the lock, or the living holder
 */
export async function tryLock(
  lockFile: string,
  purpose: string,
): Promise<{ readonly lock: ProcessLock } | { readonly holder: LockHolder }> {
  await mkdir(path.dirname(lockFile), { recursive: true });
  const mine: LockHolder = {
    token: randomUUID(),
    pid: process.pid,
    startedAt: await readProcessStart(process.pid),
    hostname: os.hostname(),
    purpose,
  };
  const draft = `${lockFile}.${mine.token}`;
  await writeFile(draft, JSON.stringify(mine));
  try {
    for (;;) {
      try {
        await publish(draft, lockFile);
        return { lock: holdLock(lockFile, mine.token) };
      } catch (error) {
        if (readErrorCode(error) !== 'EEXIST') throw error;
      }
      const text = await readText(lockFile);
      if (text === null) continue;
      const holder = parseHolder(text);
      if (holder !== null && (await isHeld(holder, lockFile))) return { holder };
      await clearStale(lockFile, text);
    }
  } finally {
    await rm(draft, { force: true });
  }
}

function holdLock(lockFile: string, token: string): ProcessLock {
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(lockFile, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  let isReleased = false;
  return {
    async release() {
      if (isReleased) return;
      isReleased = true;
      clearInterval(heartbeat);
      const text = await readText(lockFile);
      if (text !== null && parseHolder(text)?.token === token) await rm(lockFile, { force: true });
    },
  };
}
