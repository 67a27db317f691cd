import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page, test } from '@playwright/test';
import { makeArchive } from '#lib/testing/make-archive.ts';
import { createWorkspace, dropFiles, INDEX_TIMEOUT_MS, manualPdf, ownerState, takeScreenshot } from './product.ts';

test.use({ storageState: ownerState });
test.describe.configure({ mode: 'serial' });

/** A deletion waits until the file is a minute old: an upload of the same bytes may be under way. */
const GONE_TIMEOUT_MS = 100_000;

let folder = '';
let slug = '';

test.beforeAll(async () => {
  folder = path.join(await mkdtemp(path.join(os.tmpdir(), 'lorehouse-drop-')), 'pumps');
  await mkdir(path.join(folder, 'p9'), { recursive: true });
  await mkdir(path.join(folder, 'p8'));
  const files: Record<string, string | Buffer> = {
    'p9/readme.md': '# Pump P-9\n\nThe pump P-9 moves 3 litres a second.\n\n## Errors\n\nE-42 means a blocked inlet.',
    'p8/readme.md': '# Pump P-8\n\nThe pump P-8 moves 2 litres a second.',
    'parts.csv': 'number,part\nMX-7001,seal\nMX-7002,shaft\n',
    'notes.txt': 'The workshop opens at eight.',
    'broken.pdf': '%PDF-1.7 and then nothing of the kind',
    'tool.exe': 'MZ\u0000\u0001\u0002\u0003',
    'more.zip': makeArchive([
      { name: 'valve.md', content: '# Valve\n\nThe valve opens at 3 bar.' },
      { name: 'virus.exe', content: 'MZ\u0000\u0001\u0002' },
      { name: '../outside.md', content: 'Nobody reads this.' },
    ]),
    '.DS_Store': 'left behind by a file manager',
  };
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
});
test.afterAll(() => rm(path.dirname(folder), { recursive: true, force: true }));

const openDocuments = (page: Page) => page.goto(`/admin/${slug}/documents`);
const listOf = (page: Page) => page.getByRole('region', { name: 'Documents', exact: true });
const uploadsOf = (page: Page) => page.getByRole('region', { name: 'Uploads' });

test('a folder with all kinds of files is dropped, and each file says what became of it', async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto('/w/demo/chat');
  slug = await createWorkspace(page, 'Workshop');
  await expect(page.getByText('Drop files or whole folders here')).toBeVisible();
  await dropFiles(page, [folder]);

  const uploads = uploadsOf(page);
  await expect(uploads.getByText('6 files uploaded · 1 not taken in')).toBeVisible();
  const refused = uploads.getByRole('listitem').filter({ hasText: 'pumps/tool.exe' });
  await expect(refused.getByRole('alert')).toContainText('EXE files are not read. Supported are PDF');
  await expect(refused.getByRole('button', { name: /again/ })).toHaveCount(0);

  const archive = page.getByRole('article', { name: 'pumps/more.zip' });
  await expect(archive).toContainText('1 document added, 2 left out', { timeout: INDEX_TIMEOUT_MS });
  await expect(archive.getByRole('listitem').filter({ hasText: 'virus.exe' })).toContainText('EXE files are not read');
  await expect(archive.getByRole('listitem').filter({ hasText: 'outside.md' })).toContainText('outside the archive');

  const list = listOf(page);
  // Two files of one name in two folders are two documents; the archive's file is one more.
  await expect(list.getByText('Indexed', { exact: true })).toHaveCount(5, { timeout: INDEX_TIMEOUT_MS });
  await expect(list.getByRole('link', { name: 'readme', exact: true })).toHaveCount(2);
  const broken = list.getByRole('listitem').filter({ hasText: 'broken' });
  await expect(broken.getByText('Failed', { exact: true })).toBeVisible();
  await expect(broken).toContainText('damaged');
  await takeScreenshot(page, 'documents');
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);

  // The server has it all: a reload loses nothing but the finished uploads' lines.
  await page.reload();
  await expect(list.getByText('Indexed', { exact: true })).toHaveCount(5);
  await expect(archive).toContainText('1 document added, 2 left out');
  await archive.getByRole('button', { name: /Dismiss/ }).click();
  await expect(archive).toHaveCount(0);
});

test('the same folder again is recognised, file by file', async ({ page }) => {
  await openDocuments(page);
  await dropFiles(page, [folder]);
  const uploads = uploadsOf(page);
  await expect(uploads.getByText('6 files uploaded · 5 were here already · 1 not taken in')).toBeVisible();
  await expect(uploads.getByText('Already here: exactly this file was uploaded before').first()).toBeVisible();
  await expect(listOf(page).locator('li[data-document]')).toHaveCount(6);
});

test('documents are found, selected by keyboard, tagged and filtered', async ({ page }) => {
  await openDocuments(page);
  const list = listOf(page);
  await page.getByLabel('Search documents by name or tag').fill('readme');
  await expect(page).toHaveURL(/q=readme/);
  await expect(list.locator('li[data-document]')).toHaveCount(2);
  const boxes = list.locator('input[data-select]');
  await boxes.first().focus();
  await page.keyboard.press('Shift+ArrowDown');
  await expect(list.getByText('2 selected')).toBeVisible();
  await list.getByRole('button', { name: 'Tags…' }).click();
  await page.getByRole('dialog').getByLabel('Add').fill('Spring, manuals');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.getByLabel('Tag', { exact: true }).selectOption('spring');
  await expect(page).toHaveURL(/tag=spring/);
  await expect(list.locator('li[data-document]')).toHaveCount(2);
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await expect(list.locator('li[data-document]')).toHaveCount(6);
  await boxes.first().focus();
  await page.keyboard.press('ControlOrMeta+a');
  await expect(list.getByText('6 selected')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(list.getByText('6 selected')).toHaveCount(0);
});

test('a chunk shows where it stands, in text and on the page of a PDF', async ({ page }) => {
  test.setTimeout(300_000);
  await openDocuments(page);
  await page.getByLabel('Choose documents').setInputFiles(manualPdf);
  const list = listOf(page);
  await expect(list.getByText('Indexed', { exact: true })).toHaveCount(6, { timeout: INDEX_TIMEOUT_MS });
  await list.getByRole('listitem').filter({ hasText: 'pumps/p9' }).getByRole('link', { name: 'readme' }).click();
  const chunks = page.getByRole('region', { name: /^Chunks of page/ });
  await expect(chunks.getByText(/\d+ tokens/).first()).toBeVisible();
  await chunks.getByRole('button').first().click();
  await expect(page.getByRole('main').locator('mark')).toContainText('3 litres');

  await openDocuments(page);
  await list.getByRole('link', { name: /tarnwick/ }).click();
  await expect(page.getByRole('main').locator('canvas')).toBeVisible();
  await chunks.getByRole('button').first().click();
  await expect(page.getByRole('main').locator('mark').first()).toBeVisible();
  await takeScreenshot(page, 'chunks');
});

test('a new version, a weight and a successor', async ({ page }) => {
  await openDocuments(page);
  const list = listOf(page);
  await list.getByRole('link', { name: 'notes', exact: true }).click();
  await page.getByLabel('New version').setInputFiles({
    name: 'notes 2025.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from('The workshop opens at nine.'),
  });
  const versions = page.getByRole('region', { name: 'Versions' });
  await expect(versions.getByRole('listitem')).toHaveCount(2);
  await expect(versions.getByRole('listitem').first()).toContainText('Answers', { timeout: INDEX_TIMEOUT_MS });
  await expect(versions.getByRole('listitem').last()).toContainText('Kept for answers that cite it');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('notes 2025');
  await page.getByLabel('Weight in answers').selectOption('Boosted');
  await expect(page.getByText('stand a little higher')).toBeVisible();
  await page.getByRole('button', { name: 'Choose a successor' }).click();
  await page.getByRole('dialog').getByLabel('Search documents').fill('valve');
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /^valve/ })
    .click();
  await expect(page.getByRole('main').getByText('Superseded', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Let it answer again' }).click();
  await expect(page.getByText('Nothing: it answers for itself.')).toBeVisible();
});

test('what is deleted is listed until nothing is left of it', async ({ page }) => {
  test.setTimeout(240_000);
  await openDocuments(page);
  const list = listOf(page);
  await page.getByLabel('Select broken', { exact: true }).check();
  await page.getByLabel('Select parts', { exact: true }).check();
  await list.getByRole('button', { name: 'Delete…' }).click();
  await page.getByRole('button', { name: 'Delete documents' }).click();
  await expect(list.locator('li[data-document]')).toHaveCount(5);
  await page.getByRole('link', { name: /^Deleted/ }).click();
  const deleted = page.getByRole('region', { name: 'Deleted documents' });
  await expect(deleted.getByRole('listitem').filter({ hasText: 'pumps/parts.csv' })).toBeVisible();
  await expect(deleted.getByText('Text, vectors and files are gone.')).toHaveCount(2, { timeout: GONE_TIMEOUT_MS });
});

test('an upload that a reload cuts off is named', async ({ page }) => {
  await openDocuments(page);
  let isHeld = false;
  await page.route('**/api/w/*/documents', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    // Never answered: the upload is under way until the page goes.
    isHeld = true;
  });
  await page
    .getByLabel('Choose documents')
    .setInputFiles({ name: 'unfinished.md', mimeType: 'text/markdown', buffer: Buffer.from('# Unfinished') });
  await expect.poll(() => isHeld).toBe(true);
  page.once('dialog', (dialog) => void dialog.accept());
  await page.reload();
  // Only now: what is held goes on as soon as nothing holds it.
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  const note = page.getByRole('list', { name: 'Interrupted uploads' });
  await expect(note).toContainText('unfinished.md');
  await page.getByRole('button', { name: 'Dismiss', exact: true }).click();
  await expect(note).toHaveCount(0);
  await page.reload();
  await expect(page.getByRole('heading', { level: 1, name: 'Documents' })).toBeVisible();
  await expect(note).toHaveCount(0);
});

test('another workspace sees nothing of it', async ({ page }) => {
  const mine = await page.request.get(`/api/w/${slug}/documents`);
  const { documents } = (await mine.json()) as { documents: readonly { id: string }[] };
  const [foreign] = documents;
  if (!foreign) throw new Error('no documents left');
  await page.goto('/admin/demo/documents');
  await expect(page.getByText('readme')).toHaveCount(0);
  expect((await page.goto(`/admin/demo/documents/${foreign.id}`))?.status()).toBe(404);
  expect((await page.goto('/admin/nowhere/documents'))?.status()).toBe(404);
  const upload = await page.request.post(`/api/w/demo/documents/${foreign.id}/versions`, {
    data: 'x',
    headers: {
      origin: new URL(page.url()).origin,
      'x-file-name': 'x.txt',
      'content-type': 'application/octet-stream',
    },
  });
  expect(upload.status()).toBe(404);
});
