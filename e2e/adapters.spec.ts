import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from '@playwright/test';
import {
  ANSWER_TIMEOUT_MS,
  askUntilHeard,
  giveReason,
  INDEX_TIMEOUT_MS,
  importAdapter,
  ownerState,
  photograph,
  takeScreenshot,
  writeAdapter,
} from './product.ts';

test.use({ storageState: ownerState, viewport: { width: 1440, height: 900 } });
test.describe.configure({ mode: 'serial' });

/** Where the default model's words give way to a passage, no adapter has spoken; at one of these it is heard. */
const QUESTIONS = [
  'How long is the warranty on a registered device?',
  'What does error code E14 mean and what should I do?',
  'What is the order number of the lid seal, and what does it cost?',
  'How heavy is the centrifuge without a rotor?',
  'How loud is the centrifuge at maximum speed?',
  'Up to which altitude may the device be operated?',
  'What is the maximum speed of rotor MX-7731?',
] as const;

let folder: string;
let file: string;
test.beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'lorehouse-adapter-'));
  file = path.join(folder, 'e2e-voice.gguf');
  writeAdapter(file);
});
test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a file that is no adapter is refused with its reason', async ({ page }) => {
  await page.goto('/admin/demo/adapters');
  await expect(page.getByTestId('serving-now')).toHaveText('The base model alone');
  await photograph(page, 'adapters-empty');
  await page.getByRole('button', { name: 'Import' }).click();
  const dialog = page.getByRole('dialog', { name: 'Import an adapter' });
  await dialog.getByLabel('File').setInputFiles('README.md');
  await dialog.getByRole('button', { name: 'Import' }).click();
  await expect(dialog.getByText(/GGUF/).last()).toBeVisible();
  await takeScreenshot(page, 'adapter-import-refused');
});

test('an imported adapter serves its workspace and no other, names itself on messages, and can be rolled back', async ({
  page,
}) => {
  test.setTimeout(600_000);
  for (const workspace of ['demo', 'acme-heating']) {
    await page.goto(`/w/${workspace}/sources`);
    const documents = page.getByRole('region', { name: 'Documents' });
    await expect(documents.getByText('Indexed', { exact: true }).first()).toBeVisible({ timeout: INDEX_TIMEOUT_MS });
  }

  await importAdapter(page, 'demo', file);
  await page
    .getByRole('list', { name: 'Versions of e2e voice' })
    .getByRole('link', { name: /Version 1/ })
    .click();
  await expect(page.getByRole('heading', { name: 'e2e voice, version 1' })).toBeVisible();
  const sha256 = await page.locator('dd code').first().innerText();
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  await photograph(page, 'adapter-version');

  await giveReason(page, 'Serve without a pass', 'Serve without a passing evaluation');
  await expect(page.getByText('Serves now')).toBeVisible();

  const { adapter: named } = await askUntilHeard(page, 'demo', QUESTIONS);
  expect(named).toContain('e2e voice, version 1');
  expect(named).toContain(sha256.slice(0, 12));
  expect((await askUntilHeard(page, 'acme-heating', QUESTIONS)).adapter).toContain('None');

  await page.goto('/admin/demo/adapters');
  await expect(page.getByTestId('serving-now')).toHaveText('e2e voice, version 1');
  await photograph(page, 'adapters');
  await giveReason(page, 'Roll back to the base', 'Roll back');
  await expect(page.getByTestId('serving-now')).toHaveText('The base model alone');
  expect((await askUntilHeard(page, 'demo', QUESTIONS)).adapter).toContain('None: the base model alone');
});

test('the playground shows where base and adapter differ, and keeps the vote', async ({ page }) => {
  test.setTimeout(400_000);
  await page.goto('/admin/demo/adapters/playground');
  await page.getByLabel('With the documents of this workspace').uncheck();
  await page.getByLabel('Question').fill('Name three parts of a heating pump.');
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  const answers = page.getByRole('region', { name: 'Answers' });
  await expect(answers).toHaveAttribute('aria-busy', 'false', { timeout: 2 * ANSWER_TIMEOUT_MS });
  const texts = await answers.getByTestId('try-answer').allInnerTexts();
  expect(texts).toHaveLength(2);
  expect(texts[0]).not.toBe(texts[1]);
  await expect(answers.locator('mark').first()).toBeVisible();
  await photograph(page, 'playground');
  await answers.getByRole('button', { name: 'Best' }).first().click();
  await expect(page.getByRole('region', { name: 'Votes so far' })).toContainText('preferred 1 of 1');
});
