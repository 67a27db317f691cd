import { expect, test } from '@playwright/test';
import {
  createWorkspace,
  expectAccessible,
  INDEX_TIMEOUT_MS,
  manualPdf,
  ownerState,
  photograph,
  uploadDocument,
} from './product.ts';

test.use({ storageState: ownerState });
test.describe.configure({ mode: 'serial' });

let slug = '';

test('a question shows what each search found, and why a passage became a source', async ({ page }) => {
  test.setTimeout(INDEX_TIMEOUT_MS + 60_000);
  await page.goto('/w/demo/chat');
  slug = await createWorkspace(page, 'Retrieval');
  await page.goto(`/admin/${slug}/retrieval`);
  await expect(page.getByText('No questions yet')).toBeVisible();
  await uploadDocument(page, slug, manualPdf);

  await page.goto(`/admin/${slug}/retrieval`);
  await page.getByRole('searchbox', { name: 'Question' }).fill('When must the lid seal TW-3318 be replaced?');
  await page.keyboard.press('Enter');
  // The address holds the question: it can be sent to a colleague.
  await expect(page).toHaveURL(/q=When/);
  await expect(page.getByText('Would be answered')).toBeVisible();
  const first = page.getByRole('listitem').filter({ hasText: 'By meaning' }).first();
  await expect(first).toContainText('TW-3318');
  await expect(first).toContainText('Source 1');
  for (const leg of ['By words', 'By meaning', 'Together'])
    await expect(first.getByText(leg, { exact: true }).locator('..')).toContainText(/\d+\.\s*\d+\.\d+|not found/);
  await expectAccessible(page);
  await photograph(page, 'retrieval-trial');
});

test('what should be found is marked, measured, and compared with the time before', async ({ page }) => {
  // A click on a page that the browser has not brought to life yet would be lost.
  const ask = (question: string) =>
    page.goto(`/admin/${slug}/retrieval?q=${encodeURIComponent(question)}`, { waitUntil: 'networkidle' });
  const mark = () => page.getByRole('button', { name: 'Should be found' });
  for (const question of ['When must the lid seal TW-3318 be replaced?', 'How is a seal pressed into its groove?']) {
    await ask(question);
    await mark().first().click();
    await expect(page.getByRole('button', { name: 'Marked as right' })).toHaveCount(1);
  }
  await ask('Who won the football match on Sunday?');
  await page.getByRole('button', { name: 'The documents do not answer this' }).click();
  await expect(page.getByRole('button', { name: 'Marked: the documents do not answer this' })).toBeDisabled();

  await page.reload({ waitUntil: 'networkidle' });
  const golden = page.getByRole('region', { name: 'Golden set' });
  await expect(golden.getByRole('listitem')).toHaveCount(3);
  await expect(golden.getByText('not measured yet')).toHaveCount(3);
  const trend = page.getByRole('img', { name: /^nDCG at 10 over \d measurement/ });
  for (const times of [1, 2]) {
    await golden.getByRole('button', { name: 'Measure now' }).click();
    await expect(trend).toHaveAccessibleName(new RegExp(`over ${times} measurement`), { timeout: 60_000 });
  }
  await expect(golden.getByText(/source 1, support/)).toHaveCount(2);
  await expect(page.getByRole('img', { name: /^At a threshold of .* of the unanswerable questions/ })).toBeVisible();
  await expectAccessible(page);
  await page.goto(`/admin/${slug}/retrieval`, { waitUntil: 'networkidle' });
  await photograph(page, 'retrieval-measured', true);

  await golden.getByRole('button', { name: /^Remove “How is a seal/ }).click();
  await expect(golden.getByRole('listitem')).toHaveCount(2);
});

test('another workspace finds nothing of it', async ({ page }) => {
  await page.goto('/w/demo/chat');
  const other = await createWorkspace(page, 'Elsewhere');
  await page.goto(`/admin/${other}/retrieval?q=TW-3318`);
  await expect(page.getByText('Neither search found anything in this workspace.')).toBeVisible();
  await expect(page.getByText('No questions yet')).toBeVisible();
});
