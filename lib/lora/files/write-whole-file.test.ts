import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeWholeFile } from './write-whole-file.ts';

let folder: string;
let target: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'whole-'));
  target = path.join(folder, 'weights.f32');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('writeWholeFile', () => {
  it('puts the new content in the place of the old', async () => {
    await writeFile(target, 'old');
    await writeWholeFile(target, (handle) => handle.writeFile('new'));
    expect(await readFile(target, 'utf8')).toBe('new');
    expect(await readdir(folder)).toEqual(['weights.f32']);
  });

  it('leaves the old content when writing fails, and nothing else', async () => {
    await writeFile(target, 'old');
    const failing = writeWholeFile(target, async (handle) => {
      await handle.writeFile('half');
      throw new Error('no more');
    });
    await expect(failing).rejects.toThrow('no more');
    expect(await readFile(target, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['weights.f32']);
  });

  it('removes what a killed writer left of this file, not what a living one writes or what belongs to others', async () => {
    const { pid: dead } = spawnSync(process.execPath, ['-e', '']);
    const kept = [
      `weights.f32.partial-${process.ppid}`,
      `weights.f32.json.partial-${dead}`,
      'weights.f32.partial-notes',
    ];
    for (const name of [...kept, `weights.f32.partial-${dead}`]) await writeFile(path.join(folder, name), 'half');
    await writeWholeFile(target, (handle) => handle.writeFile('whole'));
    expect((await readdir(folder)).toSorted()).toEqual(['weights.f32', ...kept].toSorted());
  });
});
