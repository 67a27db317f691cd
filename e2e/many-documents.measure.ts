/**
 * How the product takes in a folder of hundreds of files that is dropped at once: every file must be indexed, and the pages
 * must stay usable meanwhile. Not among the journeys, because it needs a folder and takes minutes:
 *
 *   DROP_FOLDER=path/to/folder node_modules/.bin/playwright test --project measure
 *
 * Prints a table; `test-results/screens/many-documents-*.png` show the page while it works and afterwards.
 */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { expect, type Page, test } from '@playwright/test';
import { createWorkspace, dropFiles, ownerState, takeScreenshot } from './product.ts';

test.use({ storageState: ownerState });

const LIMIT_MS = 60 * 60_000;
const LOOK_EVERY_MS = 2000;
/** Of the files, when the pictures of the work are taken. */
const PICTURED_AT = 0.3;

interface Listed {
  readonly fileName: string;
  readonly state: string;
  readonly error: { readonly message: string } | null;
}

async function photograph(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1280, 390]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: width === 390 ? 844 : 800 });
      await takeScreenshot(page, `many-documents-${name}-${colorScheme}-${width}`);
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 800 });
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

test('a folder of many files is dropped at once, and all of it is indexed', async ({ page, context }) => {
  test.setTimeout(LIMIT_MS);
  const folder = path.resolve(process.env['DROP_FOLDER'] ?? '');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const total = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.')).length;
  expect(total, 'files in DROP_FOLDER').toBeGreaterThan(0);

  await page.goto('/w/demo/chat');
  const slug = await createWorkspace(page, 'Many documents');
  await page.goto(`/admin/${slug}/documents`);
  await expect(page.getByText('Drop files or whole folders here')).toBeVisible();
  const startedAt = performance.now();
  await dropFiles(page, [folder]);
  const uploads = page.getByRole('region', { name: 'Uploads' });
  await expect(uploads).toBeVisible();
  const shownMs = performance.now() - startedAt;
  await expect(uploads.getByText(new RegExp(`^${total} files uploaded`))).toBeVisible({ timeout: LIMIT_MS });
  const uploadedMs = performance.now() - startedAt;

  // Someone else looks at the same page meanwhile: how long does it take to open?
  const other = await context.newPage();
  const openings: number[] = [];
  let isPictured = false;
  let documents: readonly Listed[] = [];
  for (;;) {
    const response = await page.request.get(`/api/w/${slug}/documents`);
    ({ documents } = (await response.json()) as { documents: readonly Listed[] });
    const finished = documents.filter(({ state }) => !['queued', 'processing', 'updating'].includes(state)).length;
    if (!isPictured && finished >= PICTURED_AT * total) {
      isPictured = true;
      await photograph(page, 'working');
    }
    if (finished === documents.length && documents.length >= total) break;
    const openedAt = performance.now();
    await other.goto(`/admin/${slug}/documents`);
    await expect(other.locator('li[data-document]').first()).toBeVisible();
    openings.push(performance.now() - openedAt);
    await page.waitForTimeout(LOOK_EVERY_MS);
  }
  const indexedMs = performance.now() - startedAt;
  await other.close();

  await page.reload();
  await expect(page.getByRole('region', { name: 'Documents', exact: true })).toBeVisible();
  await photograph(page, 'done');
  const failed = documents.filter(({ state }) => state !== 'ready');
  console.table({
    files: total,
    'documents indexed': documents.length - failed.length,
    'first sign after the drop': seconds(shownMs),
    'all uploaded after': seconds(uploadedMs),
    'all indexed after': seconds(indexedMs),
    'documents a minute': (documents.length / (indexedMs / 60_000)).toFixed(0),
    'opening the page meanwhile, median': seconds(median(openings)),
    'opening the page meanwhile, longest': seconds(Math.max(0, ...openings)),
  });
  expect(failed.map(({ fileName, state, error }) => `${fileName}: ${error?.message ?? state}`)).toEqual([]);
  expect(documents).toHaveLength(total);
});
