import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { makeLinesPdf, makePagedPdf, makePdfStream } from '#lib/testing/make-document.ts';
import {
  ask,
  createWorkspace,
  INDEX_TIMEOUT_MS,
  manualPdf,
  ownerState,
  photograph,
  uploadDocument,
} from './product.ts';

test.use({ storageState: ownerState, viewport: { width: 1440, height: 900 } });
test.describe.configure({ mode: 'serial' });

const scannedPdf = 'lib/testing/scanned-page.pdf';
/** A page that shows a picture in which there is nothing to read. */
const photo = makePagedPdf(
  makePdfStream(Buffer.from('q 612 0 0 792 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \u0000 EI Q')),
);

/** The second page ends inside a sentence, which the third one ends. */
const manual = makeLinesPdf([
  ['Unpack the Orbis centrifuge with two people.'],
  ['The lamp shows the state of the lid.', 'Never open the lid of the Orbis centrifuge while the rotor'],
  ['still turns, for its energy is that of a small car.', 'Wait for the sound of the lock.'],
  ['Clean the bowl with a soft cloth once a week.'],
]);

let slug = '';

test('a scanned page is read and said to be recognised, and a picture without text says what to do', async ({
  page,
}) => {
  test.setTimeout(300_000);
  await page.goto('/w/demo/chat');
  slug = await createWorkspace(page, 'Scan room');
  await uploadDocument(page, slug, scannedPdf);
  await page
    .getByLabel('Choose documents')
    .setInputFiles({ name: 'photo.pdf', mimeType: 'application/pdf', buffer: photo });
  const list = page.getByRole('region', { name: 'Documents', exact: true });
  const failed = list.getByRole('listitem').filter({ hasText: 'photo' });
  await expect(failed.getByText('Failed', { exact: true })).toBeVisible({ timeout: INDEX_TIMEOUT_MS });
  await expect(failed).toContainText('OCR');
  await photograph(page, 'documents-scanned');

  await list.getByRole('link', { name: 'scanned-page' }).click();
  await expect(page.getByText('Text was recognised from pictures')).toBeVisible();
  await expect(page.getByText('Its only page is a picture')).toBeVisible();
  await page.getByRole('link', { name: 'As Lorehouse reads it' }).click();
  const chunks = page.getByRole('region', { name: /^Chunks of page/ });
  await chunks.getByRole('button').first().click();
  await expect(page.getByRole('main').locator('mark')).toContainText('E-42 means that the inlet is blocked');
  await photograph(page, 'scanned-chunks');

  await page.goto(`/admin/${slug}/retrieval`);
  await page.getByRole('searchbox', { name: 'Question' }).fill('What does error E-42 mean?');
  await page.keyboard.press('Enter');
  await expect(page.getByText('inlet is blocked').first()).toBeVisible();
  await photograph(page, 'retrieval');
});

test('a sentence that a page break cuts is cited whole, and marked on both pages', async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto(`/admin/${slug}/documents`);
  await uploadDocument(page, slug, { name: 'orbis.pdf', mimeType: 'application/pdf', buffer: manual });
  const row = page
    .getByRole('region', { name: 'Documents', exact: true })
    .getByRole('listitem')
    .filter({ hasText: 'orbis' });
  await expect(row.getByText('Indexed', { exact: true })).toBeVisible({ timeout: INDEX_TIMEOUT_MS });
  await page.goto(`/w/${slug}/chat`);
  const answer = await ask(
    page,
    'Why must the lid of the Orbis centrifuge never be opened while the rotor still turns?',
  );
  await answer
    .getByRole('button', { name: /^Source \d+: orbis, pages 2–3$/ })
    .first()
    .click();
  const panel = page.getByRole('region', { name: /^Source \d/ });
  const pages = panel.getByRole('navigation', { name: 'Pages of the passage' });
  await expect(panel.locator('mark').last()).toContainText('while the rotor');
  await photograph(page, 'cited-over-pages');
  await pages.getByRole('button', { name: 'Page 3' }).click();
  await expect(panel.locator('mark').first()).toContainText('still turns');
  await photograph(page, 'cited-over-pages-next');
});

test('the index is changed: first what it costs, then in the background, while the old one answers', async ({
  page,
}) => {
  test.setTimeout(400_000);
  await uploadDocument(page, slug, manualPdf);
  await expect(page.getByRole('region', { name: 'Documents' }).getByText('Indexed', { exact: true })).toHaveCount(3, {
    timeout: INDEX_TIMEOUT_MS,
  });
  const address = `/admin/${slug}/search-index`;
  await page.goto(address);
  await expect(page.getByText('160 tokens', { exact: true })).toBeVisible();
  await photograph(page, 'search-index');

  const size = page.getByLabel('Chunk size in tokens');
  const overlap = page.getByLabel('Overlap in tokens');
  const show = page.getByRole('button', { name: 'Show what it costs' });
  await size.fill('96');
  await overlap.fill('95');
  await show.click();
  await expect(page.getByText('The overlap is at most half of that.')).toBeVisible();
  await overlap.fill('16');
  await show.click();
  const cost = page.getByText(/^3 documents, about \d+ chunks: /);
  await expect(cost).toBeVisible();
  await expect(page.getByText('Until it is done the present index answers')).toBeVisible();
  await photograph(page, 'search-index-cost');
  // Another number, another price.
  await size.fill('100');
  await expect(cost).toHaveCount(0);
  await show.click();
  await page.getByRole('button', { name: 'Re-index now' }).click();
  await expect(page.getByRole('button', { name: 'A re-index is under way' })).toBeDisabled();
  await photograph(page, 'search-index-running');

  // The open page follows without a reload; meanwhile and afterwards every question finds its passage.
  const changed = page.getByText('100 tokens', { exact: true });
  let trials = 0;
  for (const startedAt = Date.now(); Date.now() - startedAt < INDEX_TIMEOUT_MS; trials += 1) {
    const found = await page.request.get(`/admin/${slug}/retrieval?q=What+does+error+E-42+mean`);
    expect(await found.text()).toContain('inlet is blocked');
    if (await changed.isVisible()) break;
  }
  expect(trials).toBeGreaterThan(0);
  await expect(changed).toBeVisible();
  await expect(show).toBeEnabled();
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);

  await page.goto(`/admin/${slug}/documents`);
  await page.getByRole('link', { name: /tarnwick/ }).click();
  const counts = await page
    .getByRole('region', { name: /^Chunks of page/ })
    .getByText(/^\d+ tokens$/)
    .allInnerTexts();
  expect(Math.max(...counts.map((count) => Number.parseInt(count, 10)))).toBeLessThanOrEqual(100);
});

test('no address inside the network is fetched, however it is spelled', async ({ page }) => {
  await page.goto(`/admin/${slug}/web-pages`);
  await expect(page.getByText('No web pages yet')).toBeVisible();
  await photograph(page, 'web-pages-empty');
  const field = page.getByLabel('Address');
  const button = page.getByRole('button', { name: 'Fetch page' });
  const refuse = async (address: string, words: string) => {
    await field.fill(address);
    await button.click();
    await expect(field, address).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByText(words), address).toBeVisible();
    await expect(button).toBeEnabled();
  };
  for (const address of [
    'http://127.0.0.1/',
    'localhost:3000',
    'http://2130706433',
    'http://0x7f.1/',
    'http://0177.0.0.1',
    'http://[::1]/',
    'http://[::ffff:7f00:1]',
    'http://[64:ff9b::a00:1]/',
    'http://10.0.0.8/wiki',
    'http://169.254.169.254/latest/meta-data/',
    'http://１２７.０.０.１/',
  ])
    await refuse(address, 'leads into a private network or to this machine');
  await photograph(page, 'web-pages-refused');
  await refuse('ftp://example.com/manual', 'this one begins with ftp:');
  await refuse('https://ann:secret@example.com/', 'holds a user name or password');
  await refuse('https://example.com:25/', 'Port 25 is no port of a web server');
  await page.reload();
  await expect(page.getByText('No web pages yet')).toBeVisible();
});
