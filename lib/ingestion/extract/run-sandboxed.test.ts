import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { runExtraction } from './run-extraction.ts';

const run = promisify(execFile);
const POLL_MS = 50;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-sandbox-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Processes that name the file in their arguments and are not gone. */
async function listProcesses(filePath: string): Promise<{ pid: number; cpuSeconds: number; isShell: boolean }[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,time=,stat=,args=']);
  return stdout.split('\n').flatMap((line) => {
    const [, pid, time = '', state = '', command = ''] = /^\s*(\d+)\s+(\S+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (pid === undefined || state.startsWith('Z') || !command.includes(filePath)) return [];
    const cpuSeconds = time.split(/[:-]/).reduce((sum, part) => 60 * sum + Number(part), 0);
    return [
      { pid: Number(pid), cpuSeconds, isShell: !command.includes('--permission') || command.startsWith('/bin/sh') },
    ];
  });
}

it('leaves no child behind that is caught in a loop when its parent is killed', async () => {
  // A cell with a million blanks keeps one regular expression busy for many minutes, without a pause in which to see anything.
  const filePath = path.join(directory, 'endless.md');
  await writeFile(filePath, `# a${' '.repeat(2_000_000)}b`);
  const script = `
    import { runExtraction } from ${JSON.stringify(path.join(import.meta.dirname, 'run-extraction.ts'))};
    await runExtraction(${JSON.stringify(filePath)}, 'text/markdown', { signal: new AbortController().signal });`;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'ignore' });
  onTestFinished(() => void parent.kill('SIGKILL'));
  const findChild = async () =>
    (await listProcesses(filePath)).find(({ pid, isShell }) => pid !== parent.pid && !isShell);
  for (;;) {
    const child = await findChild();
    if (child && child.cpuSeconds >= 1) break;
    await delay(POLL_MS);
  }
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await expect.poll(() => listProcesses(filePath), { timeout: 20_000 }).toEqual([]);
}, 60_000);

it('leaves no guard behind when the file is read', async () => {
  const filePath = path.join(directory, 'short.md');
  await writeFile(filePath, '# Title\n\nWords.');
  const pages = await runExtraction(filePath, 'text/markdown', { signal: new AbortController().signal });
  expect(pages).toHaveLength(1);
  await expect.poll(() => listProcesses(filePath), { timeout: 20_000 }).toEqual([]);
}, 30_000);
