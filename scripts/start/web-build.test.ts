import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { computeBuildKey, isBuilt } from './web-build.ts';

let root: string;

async function put(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(path.join(root, file)), { recursive: true });
  await writeFile(path.join(root, file), text);
}

beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-build-'));
  await put('app/page.tsx', 'export default 1;');
  await put('lib/rules.ts', 'export const a = 1;');
  await put('package-lock.json', '{}');
});

afterEach(() => rm(root, { recursive: true, force: true }));

test.each([
  ['a changed page', 'app/page.tsx', 'export default 2;'],
  ['a new page', 'app/other/page.tsx', ''],
  ['a changed rule', 'lib/rules.ts', 'export const a = 2;'],
  ['other packages', 'package-lock.json', '{"a":1}'],
  ['other build settings', 'next.config.ts', 'export default {};'],
])('%s makes a new build', async (_name, file, text) => {
  const before = await computeBuildKey(root);
  await put(file, text);
  expect(await computeBuildKey(root)).not.toBe(before);
});

test.each([
  ['a test', 'lib/rules.test.ts'],
  ['a migration', 'db/migrations/0001_x.sql'],
  ['a script', 'scripts/start.ts'],
])('%s does not', async (_name, file) => {
  const before = await computeBuildKey(root);
  await put(file, 'anything');
  expect(await computeBuildKey(root)).toBe(before);
});

test('moving text from one file to another is a change', async () => {
  await put('app/a.ts', 'ab');
  await put('app/b.ts', '');
  const before = await computeBuildKey(root);
  await put('app/a.ts', 'a');
  await put('app/b.ts', 'b');
  expect(await computeBuildKey(root)).not.toBe(before);
});

test('a build counts only while it is whole and of the same sources', async () => {
  const key = await computeBuildKey(root);
  expect(await isBuilt(root, key)).toBe(false);
  await put('.next/lorehouse-build.json', JSON.stringify({ key, buildId: 'one' }));
  expect(await isBuilt(root, key)).toBe(false);
  await put('.next/BUILD_ID', 'one');
  expect(await isBuilt(root, key)).toBe(true);
  await put('.next/BUILD_ID', 'two');
  expect(await isBuilt(root, key)).toBe(false);
});
