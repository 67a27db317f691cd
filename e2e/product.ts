import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, type Locator, type Page } from '@playwright/test';
import { type RunningProduct, stateFile } from './global-setup.ts';

export const owner = { name: 'Olga Owner', email: 'owner@example.com', password: 'correct horse battery staple' };

/** Cookies of the signed-in owner; written by the journey that creates the account, read by every later spec. */
export const ownerState = path.join('test-results', 'owner.json');

export const manualPdf = path.join('db', 'seeds', 'demo', 'tarnwick-k40-manual.pdf');

/** The default model takes seconds a sentence on two cores; indexing a manual takes about as long. */
export const ANSWER_TIMEOUT_MS = 120_000;
export const INDEX_TIMEOUT_MS = 120_000;

export function readProduct(): RunningProduct {
  return JSON.parse(readFileSync(stateFile, 'utf8')) as RunningProduct;
}

export async function createWorkspace(page: Page, name: string): Promise<string> {
  await page.getByRole('button', { name: /Workspace:/ }).click();
  await page.getByRole('menuitem', { name: 'New workspace…' }).click();
  const dialog = page.getByRole('dialog', { name: 'New workspace' });
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByRole('button', { name: /Create/ }).click();
  await expect(page).not.toHaveURL(/\/(?:w|admin)\/demo\//);
  await expect(page.getByRole('button', { name: new RegExp(`Workspace: ?${name}`) })).toBeVisible();
  const slug = /\/(?:w|admin)\/([^/]+)/.exec(page.url())?.[1];
  if (!slug) throw new Error(`no workspace in the address ${page.url()}`);
  return slug;
}

/** Upload through the page and wait until the document answers. */
export async function uploadDocument(page: Page, slug: string, file: string): Promise<void> {
  await page.goto(`/admin/${slug}/documents`);
  await page.getByLabel('Choose documents').setInputFiles(file);
  const row = page.getByRole('region', { name: 'Documents' });
  await expect(row.getByText('Indexed', { exact: true }).first()).toBeVisible({ timeout: INDEX_TIMEOUT_MS });
}

/** Let go of files and folders of this machine over the page, as a file manager would. */
export async function dropFiles(page: Page, paths: readonly string[]): Promise<void> {
  await expect(page.getByRole('region', { name: 'Add documents' })).toHaveAttribute('aria-busy', 'false');
  const session = await page.context().newCDPSession(page);
  const COPY = 1;
  const data = { items: [], files: paths.map((each) => path.resolve(each)), dragOperationsMask: COPY };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, x: 640, y: 400, data });
  await session.detach();
}

/** Ask in the open conversation and wait for the whole, checked answer. */
export async function ask(page: Page, question: string): Promise<Locator> {
  const answers = page.getByRole('article', { name: 'Answer' });
  const before = await answers.count();
  await page.getByLabel('Ask a question').fill(question);
  await page.keyboard.press('Enter');
  const answer = answers.nth(before);
  await expect(answer).toBeVisible();
  await expect(answer).toHaveAttribute('aria-busy', 'false', { timeout: ANSWER_TIMEOUT_MS });
  return answer;
}

/** Screenshots for people to look at: `test-results/screens/<name>.png`. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: path.join('test-results', 'screens', `${name}.png`) });
}
