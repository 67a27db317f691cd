import { expect, test } from '@playwright/test';
import {
  ask,
  createWorkspace,
  manualPdf,
  owner,
  ownerState,
  readProduct,
  takeScreenshot,
  uploadDocument,
} from './product.ts';

test('a stranger sets up, uploads the manual, asks, and opens the cited page', async ({ page }) => {
  test.setTimeout(420_000);
  const { setupUrl } = readProduct();

  await page.goto(setupUrl);
  await takeScreenshot(page, 'setup');
  await page.getByLabel('Your name').fill(owner.name);
  await page.getByLabel('E-mail').fill(owner.email);
  await page.getByLabel('Password', { exact: true }).fill(owner.password);
  await page.getByRole('button', { name: 'Create the owner account' }).click();
  await expect(page).toHaveURL(/\/w\/[^/]+\/chat/);
  await page.context().storageState({ path: ownerState });
  await takeScreenshot(page, 'first-chat');

  const slug = await createWorkspace(page, 'Acme Heating');
  await uploadDocument(page, slug, manualPdf);
  await takeScreenshot(page, 'sources');

  await page.goto(`/w/${slug}/chat`);
  const answer = await ask(page, 'What does error code E14 mean and what should I do?');
  await expect(answer.getByRole('region', { name: 'Supporting passages' })).toBeVisible();
  const chip = answer.locator('button[data-citation]').first();
  await expect(chip).toBeVisible();
  await takeScreenshot(page, 'answer');

  await chip.click();
  const panel = page.getByRole('region', { name: /^Source \d/ });
  await expect(panel.locator('canvas')).toBeVisible();
  await expect(panel.locator('mark').first()).toBeVisible();
  await takeScreenshot(page, 'cited-page');

  // The page of the table of error codes, as the manual's question file says.
  await expect(panel.getByRole('status').filter({ hasText: /Page/ })).toContainText('12');

  const cited = page.locator('button[data-citation]');
  const before = await cited.evaluateAll((chips) => chips.map((element) => element.getAttribute('aria-label')));
  await page.reload();
  await expect(page.getByRole('article', { name: 'Answer' })).toBeVisible();
  const after = await cited.evaluateAll((chips) => chips.map((element) => element.getAttribute('aria-label')));
  expect(after).toEqual(before);
});

test('the set-up link works once', async ({ page }) => {
  await page.goto(readProduct().setupUrl);
  await expect(page.getByRole('button', { name: 'Create the owner account' })).toHaveCount(0);
});
