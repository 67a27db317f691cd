import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { ensureTestBrowser, findTestBrowser } from './browser.ts';

let folder = '';

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

async function nameFile(mode: number): Promise<string> {
  folder = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-browser-'));
  const file = path.join(folder, 'chromium');
  await writeFile(file, '', { mode });
  vi.stubEnv('CHROMIUM_PATH', file);
  return file;
}

it('takes the browser that is named', async () => {
  const file = await nameFile(0o755);
  expect(await findTestBrowser()).toEqual({ path: file, source: 'CHROMIUM_PATH' });
});

it('neither takes nor installs another one when the named one is missing', async () => {
  const file = path.join(path.dirname(await nameFile(0o755)), 'gone');
  vi.stubEnv('CHROMIUM_PATH', file);
  const said: string[] = [];
  const expected = { skipped: `CHROMIUM_PATH names ${file}, which is no executable file` };
  expect(await findTestBrowser()).toEqual(expected);
  expect(await ensureTestBrowser((line) => said.push(line))).toEqual(expected);
  expect(said).toEqual([]);
});
