import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { createWorkspace, importAdapter, ownerState, photograph, writeAdapter } from './product.ts';

test.use({ storageState: ownerState, viewport: { width: 1440, height: 900 } });
test.describe.configure({ mode: 'serial' });

/** Merging rewrites the whole base, about a gigabyte. */
const MERGE_TIMEOUT_MS = 240_000;

let folder: string;
let slug = '';
test.beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'lorehouse-blend-'));
  writeAdapter(path.join(folder, 'warm-voice.gguf'));
  writeAdapter(path.join(folder, 'dry-voice.gguf'), 0.02);
});
test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

const versionsOf = (page: Page, name: string) => page.getByRole('list', { name: `Versions of ${name}` });

test('an exported PEFT archive comes in again, and a broken one says what is wrong', async ({ page }) => {
  await page.goto('/w/demo/chat');
  slug = await createWorkspace(page, 'Blend lab');
  for (const name of ['warm-voice', 'dry-voice']) await importAdapter(page, slug, path.join(folder, `${name}.gguf`));
  await versionsOf(page, 'warm voice').getByRole('link').click();
  const downloading = page.waitForEvent('download');
  await page.getByRole('link', { name: 'PEFT (ZIP)' }).click();
  const archive = path.join(folder, 'peft-voice.zip');
  await (await downloading).saveAs(archive);
  await importAdapter(page, slug, archive);
  await versionsOf(page, 'peft voice').getByRole('link').click();
  await expect(page.getByText('peft-voice.zip (PEFT')).toBeVisible();

  await page.goto(`/admin/${slug}/adapters`);
  await page.getByRole('button', { name: 'Import' }).click();
  const dialog = page.getByRole('dialog', { name: 'Import an adapter' });
  await dialog
    .getByLabel('File')
    .setInputFiles({ name: 'broken.zip', mimeType: 'application/zip', buffer: Buffer.from('PK\u0003\u0004nothing') });
  await dialog.getByRole('button', { name: 'Import' }).click();
  await expect(dialog.getByLabel('File')).toHaveAttribute('aria-invalid', 'true');
  await expect(dialog).toContainText('the archive is damaged or no ZIP file; expected a ZIP of a PEFT directory.');
  await photograph(page, 'adapter-import-broken');
});

test('two versions are compared, blended into a new one, and what is used by nothing is deleted', async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto(`/admin/${slug}/adapters`);
  await page.getByRole('link', { name: 'Compare' }).click();
  await page.getByLabel('First version').selectOption({ label: 'warm voice, version 1' });
  await page.getByLabel('Second version').selectOption({ label: 'dry voice, version 1' });
  await page.getByRole('button', { name: 'Compare' }).click();
  await expect(page).toHaveURL(/a=.*b=/);
  const table = page.getByRole('table');
  await expect(table.getByRole('columnheader', { name: 'warm voice, version 1' })).toBeVisible();
  const hashes = await table
    .getByRole('row', { name: /^SHA-256/ })
    .getByRole('cell')
    .allInnerTexts();
  expect(new Set(hashes).size).toBe(2);
  const ranks = await table.getByRole('row', { name: /^Rank/ }).getByRole('cell').allInnerTexts();
  expect(new Set(ranks).size).toBe(1);
  await photograph(page, 'adapters-compare', true);

  await page.goto(`/admin/${slug}/adapters`);
  await page.getByRole('button', { name: 'Blend', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Blend adapters' });
  await dialog.getByLabel('warm voice, version 1').fill('1');
  await dialog.getByLabel('dry voice, version 1').fill('0.5');
  await dialog.getByLabel('Name').fill('Both voices');
  await photograph(page, 'adapters-blend');
  await dialog.getByRole('button', { name: 'Blend' }).click();
  await expect(dialog).toBeHidden();
  await versionsOf(page, 'Both voices').getByRole('link').click({ timeout: 120_000 });
  await expect(page.getByRole('heading', { name: 'Both voices, version 1' })).toBeVisible();
  await expect(page.getByText(/dry voice, version 1 × 0\.5/)).toBeVisible();
  await photograph(page, 'adapter-blended');

  const blended = page.url();
  await page.getByRole('button', { name: 'Delete' }).click();
  const confirm = page.getByRole('alertdialog');
  await expect(confirm).toContainText('Its file goes from the disk');
  await confirm.getByRole('button', { name: 'Delete' }).click();
  await expect(page).toHaveURL(new RegExp(`/admin/${slug}/adapters$`));
  await expect(versionsOf(page, 'Both voices')).toHaveCount(0);
  expect((await page.goto(blended))?.status()).toBe(404);
  expect((await page.request.get(`${blended.replace('/admin/', '/api/w/')}/file?format=gguf`)).status()).toBe(404);
});

test('a merged model is made and downloaded, and only here', async ({ page }) => {
  test.setTimeout(MERGE_TIMEOUT_MS + 60_000);
  await page.goto(`/admin/${slug}/adapters`);
  await versionsOf(page, 'warm voice').getByRole('link').click();
  await page.getByRole('button', { name: 'Merge' }).click();
  const link = page.getByRole('link', { name: /^Merged model, Q8_0/ });
  await expect(link).toBeVisible({ timeout: MERGE_TIMEOUT_MS });
  await photograph(page, 'adapter-merged', true);
  const address = (await link.getAttribute('href')) ?? '';
  const downloading = page.waitForEvent('download');
  await link.click();
  const download = await downloading;
  expect(download.suggestedFilename()).toMatch(/\.gguf$/);
  await download.cancel();
  expect((await page.request.get(address.replace(`/w/${slug}/`, '/w/demo/'))).status()).toBe(404);
});
