import { expect, test } from '@playwright/test';
import { ask, INDEX_TIMEOUT_MS, ownerState, takeScreenshot } from './product.ts';

test.use({ storageState: ownerState });
test.describe.configure({ mode: 'serial' });

test.beforeEach(async ({ page }) => {
  await page.goto('/w/demo/sources');
  const documents = page.getByRole('region', { name: 'Documents' });
  // The demo workspace is filled by a job that starts with the product.
  await expect(documents.getByText('Indexed', { exact: true })).toHaveCount(2, { timeout: INDEX_TIMEOUT_MS });
  await page.goto('/w/demo/chat');
});

test('suggested questions lead to a first answer that survives a reload', async ({ page }) => {
  await page.getByRole('button', { name: 'What does error code E14 mean and what should I do?', exact: true }).click();
  const answer = page.getByRole('article', { name: 'Answer' });
  await expect(answer).toHaveAttribute('aria-busy', 'false', { timeout: 120_000 });
  const text = (await answer.innerText()).replaceAll(/\s+/g, ' ');
  expect(text).toMatch(/10 minutes|overload/i);
  await page.reload();
  await expect(answer).toHaveAttribute('aria-busy', 'false');
  expect((await answer.innerText()).replaceAll(/\s+/g, ' ')).toBe(text);
});

test('what the documents do not say is refused, with the closest passages', async ({ page }) => {
  const answer = await ask(page, 'Who won the football world cup in 1998?');
  await expect(answer.getByRole('region', { name: 'Closest passages' })).toBeVisible();
  await expect(answer.locator('button[data-citation]')).toHaveCount(0);
  await takeScreenshot(page, 'refusal');
});

test('an answer can be rated, explained, regenerated, and its question edited', async ({ page }) => {
  const answer = await ask(page, 'How long is the warranty on a registered device?');
  await expect(answer).toContainText('36 months');

  await answer.getByRole('button', { name: 'What answered this' }).click();
  const popover = page.getByRole('dialog').filter({ hasText: 'What answered this' });
  // The default model either wrote it, or gave way to the passage.
  await expect(popover).toContainText(/tinyllama|quoted from the documents/);
  await expect(popover).toContainText('grounded-1');
  await page.keyboard.press('Escape');

  await answer.getByRole('button', { name: 'Good answer' }).click();
  await page.getByLabel('What was good about it?').fill('Short and right.');
  await page.getByRole('button', { name: 'Save note' }).click();
  await expect(answer.getByRole('button', { name: 'Good answer' })).toHaveAttribute('aria-pressed', 'true');

  await answer.getByRole('button', { name: 'Regenerate' }).click();
  await expect(answer).toHaveAttribute('aria-busy', 'true');
  await expect(answer).toHaveAttribute('aria-busy', 'false', { timeout: 120_000 });
  await expect(page.getByRole('article', { name: 'Answer' })).toHaveCount(1);

  await page.getByRole('button', { name: 'Edit the question', exact: true }).click();
  await page.getByLabel('Edit this question').fill('What is the order number of the lid seal, and what does it cost?');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('article', { name: 'Answer' })).toContainText('36.40', { timeout: 120_000 });
  await expect(page.getByRole('article', { name: 'Answer' })).toHaveCount(1);
});

test('a running answer can be stopped and keeps what was written', async ({ page }) => {
  await page.getByLabel('Ask a question').fill('What does error code E14 mean and what should I do?');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Stop the answer', exact: true }).click();
  const answer = page.getByRole('article', { name: 'Answer' });
  await expect(answer).toHaveAttribute('aria-busy', 'false');
  await expect(answer.getByText('Stopped before the end.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Send', exact: true })).toBeVisible();
});

test('conversations are found, renamed, deleted and brought back', async ({ page }) => {
  const list = page.getByRole('region', { name: 'Conversations' });
  const item = list.getByRole('link', { name: /world cup/ });
  await item.hover();
  await list.getByRole('button', { name: /Actions for .*world cup/ }).click();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  await page.getByLabel('Name of the conversation').fill('Nothing about football');
  await page.keyboard.press('Enter');
  await expect(list.getByRole('link', { name: 'Nothing about football' })).toBeVisible();

  await page.getByLabel('Search conversations').fill('football');
  await expect(list.getByRole('link')).toHaveCount(1);
  await page.getByLabel('Clear the search').click();

  await list.getByRole('link', { name: 'Nothing about football' }).hover();
  await list.getByRole('button', { name: 'Actions for Nothing about football' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await expect(list.getByRole('link', { name: 'Nothing about football' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Undo', exact: true }).click();
  await expect(list.getByRole('link', { name: 'Nothing about football' })).toBeVisible();
});
