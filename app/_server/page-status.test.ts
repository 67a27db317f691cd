import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const APP = path.dirname(import.meta.dirname);

const listFiles = (name: string) =>
  readdirSync(APP, { recursive: true, encoding: 'utf8' }).filter((file) => path.basename(file) === name);

/** Of something in a workspace: a document, a conversation. Of the workspace itself the layout above decides. */
const namesSomething = (page: string) =>
  path
    .dirname(page)
    .split(path.sep)
    .some((step) => step.startsWith('[') && step !== '[workspace]');

it('has no skeleton above a page whose id may be of nobody: the first bytes of one say 200, and a 404 comes too late', () => {
  const skeletons = listFiles('loading.tsx').map((file) => path.dirname(file) + path.sep);
  const pages = listFiles('page.tsx').filter(namesSomething);
  expect(pages.length).toBeGreaterThan(5);
  expect(skeletons.length).toBeGreaterThan(5);
  const late = pages.filter((page) => skeletons.some((directory) => page.startsWith(directory)));
  expect(late).toEqual([]);
});
