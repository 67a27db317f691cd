import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { makeDocx } from '#lib/testing/make-document.ts';
import { WORD } from '../formats.ts';
import { defaultExtractionLimits, runExtraction } from './run-extraction.ts';

const run = promisify(execFile);
const POLL_MS = 50;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-sandbox-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

interface Process {
  readonly pid: number;
  readonly cpuSeconds: number;
}

/** Living processes of the sandbox below a process: the one that reads, and the shell that guards it. */
async function listSandboxes(parentPid: number): Promise<(Process & { readonly isGuard: boolean })[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,time=,stat=,args=']);
  const all = stdout.split('\n').flatMap((line) => {
    const [, pid, parent, time = '', state = '', command = ''] =
      /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (pid === undefined || state.startsWith('Z') || !command.includes('extraction-child.ts')) return [];
    const cpuSeconds = time.split(/[:-]/).reduce((sum, part) => 60 * sum + Number(part), 0);
    return [{ pid: Number(pid), parent: Number(parent), cpuSeconds, isGuard: command.startsWith('/bin/sh') }];
  });
  const readers = all.filter(({ parent }) => parent === parentPid);
  return [...readers, ...all.filter(({ parent }) => readers.some(({ pid }) => pid === parent))];
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

it('leaves no child behind that is caught in a loop when its parent is killed', async () => {
  // A cell with a million blanks keeps one regular expression busy for many minutes, without a pause in which to see anything.
  const filePath = path.join(directory, 'endless.md');
  await writeFile(filePath, `# a${' '.repeat(2_000_000)}b`);
  const script = `
    import { runExtraction } from ${JSON.stringify(path.join(import.meta.dirname, 'run-extraction.ts'))};
    await runExtraction(${JSON.stringify(filePath)}, 'text/markdown', { signal: new AbortController().signal });`;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'ignore' });
  onTestFinished(() => void parent.kill('SIGKILL'));
  let sandboxes: Awaited<ReturnType<typeof listSandboxes>> = [];
  while (!sandboxes.some(({ isGuard, cpuSeconds }) => !isGuard && cpuSeconds >= 1)) {
    await delay(POLL_MS);
    sandboxes = await listSandboxes(parent.pid ?? 0);
  }
  expect(sandboxes).toHaveLength(2);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await expect.poll(() => sandboxes.filter(({ pid }) => isAlive(pid)), { timeout: 20_000 }).toEqual([]);
}, 60_000);

it('leaves no guard behind when the file is read', async () => {
  const filePath = path.join(directory, 'short.md');
  await writeFile(filePath, '# Title\n\nWords.');
  const pages = await runExtraction(filePath, 'text/markdown', { signal: new AbortController().signal });
  expect(pages).toHaveLength(1);
  await expect.poll(() => listSandboxes(process.pid), { timeout: 20_000 }).toEqual([]);
}, 30_000);

const findReader = async () => (await listSandboxes(process.pid)).filter(({ isGuard }) => !isGuard);

it('reads plain files of one owner in one process, and no others', async () => {
  const filePath = path.join(directory, 'plain.md');
  await writeFile(filePath, '# Title\n\nWords.');
  const packed = path.join(directory, 'packed.docx');
  await writeFile(packed, makeDocx('<w:p><w:r><w:t>Packed words</w:t></w:r></w:p>'));
  const { signal } = new AbortController();
  const read = (owner: string) => runExtraction(filePath, 'text/markdown', { signal, owner });
  expect(await read('a')).toEqual(await read('a'));
  const [first, ...rest] = await findReader();
  expect(rest).toEqual([]);
  await read('a');
  await runExtraction(packed, WORD, { signal, owner: 'a' });
  expect((await findReader()).map(({ pid }) => pid)).toEqual([first?.pid]);
  await read('b');
  expect(await findReader()).toHaveLength(2);
  // Nobody waits for a process that has nothing to do.
  await expect.poll(findReader, { timeout: 20_000 }).toEqual([]);
}, 30_000);

it('ends the process of a file that fails, and reads the next one of its owner in a new one', async () => {
  const filePath = path.join(directory, 'large.txt');
  await writeFile(filePath, 'words '.repeat(1000));
  const { signal } = new AbortController();
  const limits = { ...defaultExtractionLimits, document: { ...defaultExtractionLimits.document, maxCharacters: 10 } };
  const read = (chosen: typeof limits) => runExtraction(filePath, 'text/plain', { signal, owner: 'c', limits: chosen });
  await expect(read(limits)).rejects.toMatchObject({ code: 'document.too-complex' });
  expect(await read(defaultExtractionLimits)).toHaveLength(1);
});
