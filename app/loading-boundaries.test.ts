import { globSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const app = path.join(import.meta.dirname);
const folders = (name: string) => globSync(`**/${name}`, { cwd: app }).map((file) => path.dirname(file));

/** `[workspace]` is checked by the layouts; every further id of an address by its page. */
const takesAnId = (folder: string) => /\[(?!workspace\])/.test(folder);

it('no page that takes an id stands below a loading.tsx, which would send status 200 before the id is looked up', () => {
  const pages = folders('page.tsx').filter(takesAnId);
  expect(pages.length).toBeGreaterThan(5);
  const boundaries = folders('loading.tsx');
  const below = pages.filter((page) => boundaries.some((folder) => `${page}/`.startsWith(`${folder}/`)));
  expect(below).toEqual([]);
});
