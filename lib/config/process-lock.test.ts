import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isProcessAlive, type ProcessLock, readLockHolder, tryLock } from './process-lock.ts';

let scratch: string;
let lockFile: string;

beforeEach(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-lock-'));
  lockFile = path.join(scratch, 'deep', 'probe.lock');
});

afterEach(() => rm(scratch, { recursive: true, force: true }));

async function take(): Promise<ProcessLock> {
  const attempt = await tryLock(lockFile, 'probe');
  if (!('lock' in attempt)) throw new Error(`held by ${attempt.holder.pid}`);
  return attempt.lock;
}

async function isFree(): Promise<boolean> {
  const attempt = await tryLock(lockFile, 'probe');
  if ('holder' in attempt) return false;
  await attempt.lock.release();
  return true;
}

/** A process that has ended; its id is not in use at this moment. */
async function findDeadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid ?? 0;
}

async function leave(holder: Record<string, unknown>): Promise<void> {
  await (await take()).release();
  await writeFile(
    lockFile,
    JSON.stringify({ token: 't', hostname: os.hostname(), startedAt: null, purpose: 'probe', ...holder }),
  );
}

test('a second taker learns who holds it; after the release it is free and the file gone', async () => {
  const lock = await take();
  const second = await tryLock(lockFile, 'probe');
  expect(second).toMatchObject({ holder: { pid: process.pid, purpose: 'probe' } });
  expect((await readLockHolder(lockFile))?.pid).toBe(process.pid);
  await lock.release();
  await lock.release();
  expect(await readLockHolder(lockFile)).toBeNull();
  expect(await readdir(path.dirname(lockFile))).toEqual([]);
  await (await take()).release();
});

test('of many takers at once exactly one wins', async () => {
  const attempts = await Promise.all(Array.from({ length: 20 }, () => tryLock(lockFile, 'probe')));
  expect(attempts.filter((attempt) => 'lock' in attempt)).toHaveLength(1);
});

test('the lock of a killed process is taken over', async () => {
  await leave({ pid: await findDeadPid() });
  expect(await isFree()).toBe(true);
});

test('a process id that the system gave to somebody else does not hold the lock', async () => {
  await leave({ pid: process.pid, startedAt: 'another start' });
  expect(await isFree()).toBe(true);
});

test('of many takers of a dead lock exactly one wins', async () => {
  await leave({ pid: await findDeadPid() });
  const attempts = await Promise.all(Array.from({ length: 20 }, () => tryLock(lockFile, 'probe')));
  expect(attempts.filter((attempt) => 'lock' in attempt)).toHaveLength(1);
});

test('a lock of another machine counts while it is refreshed', async () => {
  await leave({ pid: 1, hostname: 'elsewhere' });
  expect(await tryLock(lockFile, 'probe')).toMatchObject({ holder: { hostname: 'elsewhere' } });
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(lockFile, longAgo, longAgo);
  expect(await isFree()).toBe(true);
});

test('a release does not remove the lock of a successor', async () => {
  const lock = await take();
  await writeFile(
    lockFile,
    JSON.stringify({ token: 'successor', pid: process.pid, startedAt: null, hostname: os.hostname(), purpose: 'x' }),
  );
  await lock.release();
  expect(await readFile(lockFile, 'utf8')).toContain('successor');
});

test('an unreadable lock file blocks nobody', async () => {
  await (await take()).release();
  await writeFile(lockFile, 'not json');
  expect(await isFree()).toBe(true);
});

test('tells living processes from dead ones', async () => {
  expect(isProcessAlive(process.pid)).toBe(true);
  expect(isProcessAlive(await findDeadPid())).toBe(false);
});
