import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { isProcessAlive } from '#lib/config/process-lock.ts';
import {
  type Clock,
  type ProcessSpec,
  parseLogLine,
  restartDelayMs,
  rotateLog,
  Supervisor,
  type SupervisorEvent,
  systemClock,
} from './supervisor.ts';

const exitWithParentUrl = new URL('../../lib/config/exit-with-parent.ts', import.meta.url).href;
const supervisorUrl = new URL('./supervisor.ts', import.meta.url).href;
const root = fileURLToPath(new URL('../..', import.meta.url));

let scratch: string;
const started: Supervisor[] = [];

beforeEach(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-supervisor-'));
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((supervisor) => supervisor.stop()));
  await rm(scratch, { recursive: true, force: true });
});

/** Real time for readiness, but waits of restarts are recorded and skipped. */
function createFastClock() {
  let aheadMs = 0;
  const waits: number[] = [];
  const clock: Clock = {
    nowMs: () => performance.now() + aheadMs,
    sleep: async (ms, signal) => {
      if (ms < 500) return systemClock.sleep(ms, signal);
      waits.push(ms);
    },
  };
  return {
    clock,
    waits,
    advance: (ms: number) => {
      aheadMs += ms;
    },
  };
}

function watch(clock?: Clock) {
  const events: SupervisorEvent[] = [];
  const supervisor = new Supervisor({
    ...(clock === undefined ? {} : { clock }),
    onEvent: (event) => events.push(event),
  });
  started.push(supervisor);
  const ofKind = (kind: SupervisorEvent['kind']) => events.filter((event) => event.kind === kind);
  const restarts = () => events.filter((event) => event.kind === 'ready' && event.isRestart).length;
  return { supervisor, events, ofKind, restarts };
}

const READY = `console.log(JSON.stringify({ level: 30, msg: 'ready' }));`;
const STAY = 'setInterval(() => undefined, 1000);';

function specOf(name: string, code: string, rest: Partial<ProcessSpec> = {}): ProcessSpec {
  return {
    name,
    command: process.execPath,
    args: ['--input-type=module', '--eval', code],
    cwd: root,
    env: process.env,
    logFile: path.join(scratch, `${name}.log`),
    isReady: async (hasSaidReady) => hasSaidReady,
    readyTimeoutMs: 20_000,
    stopTier: 0,
    ...rest,
  };
}

async function hasEnded(pid: number): Promise<void> {
  await vi.waitFor(() => expect(isProcessAlive(pid)).toBe(false), { timeout: 10_000, interval: 20 });
}

test('restart delays double from half a second to half a minute', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 50].map(restartDelayMs)).toEqual([
    500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
  ]);
});

test('starts a process, files what it says, and stops it', async () => {
  const { supervisor, events } = watch();
  await supervisor.start(specOf('probe', `console.log('hello'); console.error('careful'); ${READY} ${STAY}`));
  const pid = supervisor.pidOf('probe');
  expect(pid).not.toBeNull();
  await supervisor.stop();
  expect(isProcessAlive(pid ?? 0)).toBe(false);
  const log = await readFile(path.join(scratch, 'probe.log'), 'utf8');
  for (const text of ['hello', 'careful', 'probe started', 'was ended by SIGTERM']) expect(log).toContain(text);
  expect(events).toContainEqual({ kind: 'line', name: 'probe', stream: 'stderr', line: 'careful' });
});

test('a first start that ends is an error with the last words, not a restart', async () => {
  const { supervisor, ofKind } = watch();
  const failed = supervisor.start(specOf('probe', `console.error('BASE_MODEL is wrong'); process.exit(3);`));
  await expect(failed).rejects.toThrow(/probe ended with code 3[^]*BASE_MODEL is wrong/);
  expect(ofKind('crashed')).toEqual([]);
});

test('a first start that never becomes ready is killed and named', async () => {
  const { supervisor } = watch();
  const failed = supervisor.start(
    specOf('probe', STAY, {
      readyTimeoutMs: 300,
      isReady: async () => {
        throw new Error('health answers 503');
      },
    }),
  );
  await expect(failed).rejects.toThrow(/probe was not ready within 0 s \(health answers 503\)/);
});

test('a process killed with -9 is back, and its helpers do not outlive it', async () => {
  const { supervisor, ofKind, restarts } = watch(createFastClock().clock);
  const helperFile = path.join(scratch, 'helper-pid');
  const code = `
    import { spawn } from 'node:child_process';
    import { writeFileSync } from 'node:fs';
    const helper = spawn(process.execPath, ['--eval', ${JSON.stringify(STAY)}], { stdio: 'ignore' });
    writeFileSync(${JSON.stringify(helperFile)}, String(helper.pid));
    ${READY} ${STAY}`;
  await supervisor.start(specOf('probe', code));
  const first = supervisor.pidOf('probe') ?? 0;
  const helper = Number(await readFile(helperFile, 'utf8'));
  expect(isProcessAlive(helper)).toBe(true);
  process.kill(first, 'SIGKILL');
  await vi.waitFor(() => expect(restarts()).toBe(1), { timeout: 15_000, interval: 20 });
  expect(supervisor.pidOf('probe')).not.toBe(first);
  expect(ofKind('crashed')).toMatchObject([{ reason: 'was ended by SIGKILL', restartInMs: 500 }]);
  await hasEnded(helper);
});

test('crashes in a row wait longer each time; a healthy minute starts the delays anew', async () => {
  const { clock, waits, advance } = createFastClock();
  const { supervisor, restarts } = watch(clock);
  await supervisor.start(specOf('probe', `${READY} ${STAY}`));
  const crash = async (times: number) => {
    process.kill(supervisor.pidOf('probe') ?? 0, 'SIGKILL');
    await vi.waitFor(() => expect(restarts()).toBe(times), { timeout: 15_000, interval: 20 });
  };
  await crash(1);
  await crash(2);
  await crash(3);
  expect(waits).toEqual([500, 1_000, 2_000]);
  advance(61_000);
  await crash(4);
  expect(waits).toEqual([500, 1_000, 2_000, 500]);
});

test('stops what others need only after the others are gone', async () => {
  const { supervisor } = watch();
  const order = path.join(scratch, 'order');
  const leave = (name: string) => `
    import { appendFileSync } from 'node:fs';
    process.on('SIGTERM', () => { appendFileSync(${JSON.stringify(order)}, '${name} '); process.exit(0); });
    ${READY} ${STAY}`;
  await supervisor.start(specOf('database', leave('database'), { stopTier: 1 }));
  await supervisor.start(specOf('worker', leave('worker')));
  await supervisor.stop();
  expect(await readFile(order, 'utf8')).toBe('worker database ');
});

test('kills what ignores SIGTERM, and a stop takes less than five seconds', async () => {
  const { supervisor } = watch();
  await supervisor.start(specOf('deaf', `process.on('SIGTERM', () => undefined); ${READY} ${STAY}`));
  await supervisor.start(specOf('polite', `${READY} ${STAY}`, { stopTier: 1 }));
  const pid = supervisor.pidOf('deaf') ?? 0;
  const startedMs = performance.now();
  await supervisor.stop();
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  expect(isProcessAlive(pid)).toBe(false);
}, 15_000);

test('a stop during a restart delay starts nothing more', async () => {
  const { supervisor, ofKind } = watch();
  await supervisor.start(specOf('probe', `${READY} ${STAY}`));
  process.kill(supervisor.pidOf('probe') ?? 0, 'SIGKILL');
  await vi.waitFor(() => expect(ofKind('crashed')).toHaveLength(1), { timeout: 10_000, interval: 10 });
  await supervisor.stop();
  expect(supervisor.pidOf('probe')).toBeNull();
});

test('processes end by themselves when the supervisor is killed with -9', async () => {
  const pidFile = path.join(scratch, 'child-pid');
  const child = `
    import { writeFileSync } from 'node:fs';
    import { exitWithParent } from ${JSON.stringify(exitWithParentUrl)};
    exitWithParent();
    process.on('SIGTERM', () => process.exit(0));
    writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));
    ${READY} ${STAY}`;
  const spec = { ...specOf('probe', child), env: {}, isReady: undefined };
  const parent = path.join(scratch, 'parent.mjs');
  await writeFile(
    parent,
    `import { Supervisor } from ${JSON.stringify(supervisorUrl)};
     const supervisor = new Supervisor({ onEvent: () => undefined });
     await supervisor.start({ ...${JSON.stringify(spec)}, env: process.env, isReady: async (hasSaidReady) => hasSaidReady });
     console.log('up');`,
  );
  const supervisor = spawn(process.execPath, [parent], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(supervisor.stdout, 'data');
  const pid = Number(await readFile(pidFile, 'utf8'));
  expect(isProcessAlive(pid)).toBe(true);
  supervisor.kill('SIGKILL');
  await hasEnded(pid);
}, 20_000);

const readMark = async (file: string) => (await readFile(file, 'utf8')).slice(0, 1);

test('rotates a large log and keeps a few', async () => {
  const log = path.join(scratch, 'big.log');
  for (const mark of ['a', 'b', 'c', 'd', 'e']) {
    await writeFile(log, mark.repeat(10_000_000));
    await rotateLog(log);
  }
  expect([await readMark(`${log}.1`), await readMark(`${log}.2`), await readMark(`${log}.3`)]).toEqual(['e', 'd', 'c']);
  await expect(stat(`${log}.4`)).rejects.toThrow(/ENOENT/);
});

test('reads pino lines and nothing else as log lines', () => {
  expect(parseLogLine('{"level":40,"msg":"slow"}')).toEqual({ level: 40, message: 'slow' });
  for (const line of ['plain', '{broken', '{"no":"level"}', '']) expect(parseLogLine(line)).toBeNull();
});
