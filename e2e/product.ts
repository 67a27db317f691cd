import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { AxeBuilder } from '@axe-core/playwright';
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

/** A page that the browser has not brought to life yet would lose what it is given. */
async function readyForFiles(page: Page): Promise<void> {
  await expect(page.getByRole('region', { name: 'Add documents' })).toHaveAttribute('aria-busy', 'false');
}

/** Upload through the page and wait until the document answers. */
export async function uploadDocument(
  page: Page,
  slug: string,
  file: Parameters<Locator['setInputFiles']>[0],
): Promise<void> {
  await page.goto(`/admin/${slug}/documents`);
  await readyForFiles(page);
  await page.getByLabel('Choose documents').setInputFiles(file);
  const row = page.getByRole('region', { name: 'Documents' });
  await expect(row.getByText('Indexed', { exact: true }).first()).toBeVisible({ timeout: INDEX_TIMEOUT_MS });
}

/** Let go of files and folders of this machine over the page, as a file manager would. */
export async function dropFiles(page: Page, paths: readonly string[]): Promise<void> {
  await readyForFiles(page);
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
export async function takeScreenshot(page: Page, name: string, isWhole = false): Promise<void> {
  await page.screenshot({ path: path.join('test-results', 'screens', `${name}.png`), fullPage: isWhole });
}

/** No violation that axe finds, and nothing that sticks out at the side. Waits for what is still fading in: its colours are not the final ones. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(() =>
    Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => null))),
  );
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow).toBeLessThanOrEqual(0);
}

/** Screenshots of one state of a page in both schemes, on a desk and on a phone; nothing may stick out at the side. */
export async function photograph(page: Page, name: string, isWhole = false): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1440, 390]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
      await takeScreenshot(page, `${name}-${colorScheme}-${width}`, isWhole);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow).toBeLessThanOrEqual(0);
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1440, height: 900 });
}

/** For the real base: its header says which shapes fit. @param size of its random numbers; a large one leaves no sense */
export function writeAdapter(file: string, size?: number): void {
  execFileSync(process.execPath, ['e2e/write-adapter.ts', file, ...(size === undefined ? [] : [String(size)])], {
    env: {
      ...process.env,
      LOREHOUSE_MODELS_DIR: process.env['LOREHOUSE_MODELS_DIR'] ?? path.resolve('.data/models'),
    },
  });
}

/** Through the page of adapters, under a name that is made of the file's. */
export async function importAdapter(page: Page, workspace: string, file: string): Promise<void> {
  await page.goto(`/admin/${workspace}/adapters`);
  await page.getByRole('button', { name: 'Import' }).click();
  const dialog = page.getByRole('dialog', { name: 'Import an adapter' });
  await dialog.getByLabel('File').setInputFiles(file);
  await expect(dialog.getByLabel('Name')).not.toHaveValue('');
  await dialog.getByRole('button', { name: 'Import' }).click();
  await expect(dialog).toBeHidden({ timeout: 60_000 });
}

/** Whoever lets a version serve, or takes it back, says why. */
export async function giveReason(page: Page, button: RegExp | string, confirm: string): Promise<void> {
  await page.getByRole('button', { name: button }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason').fill('To see what the workspace says with it.');
  await dialog.getByRole('button', { name: confirm }).click();
  await expect(dialog).toBeHidden({ timeout: 60_000 });
}

/** Of the panel “What answered this”: whose words the answer holds, and the line that names the adapter. */
export async function readProvenance(page: Page, answer: Locator): Promise<{ speaker: string; adapter: string }> {
  await answer.getByRole('button', { name: 'What answered this' }).click();
  const popover = page.getByRole('dialog').filter({ hasText: 'What answered this' });
  const text = (await popover.innerText()).replaceAll(/\s+/g, ' ');
  const [, speaker = '', adapter = ''] = /Base model (.*?) Adapter (.*?) Prompt/.exec(text) ?? [];
  return { speaker, adapter };
}

/**
 * The first answer, each in a conversation of its own, that holds the model's own words. The default model often says nothing
 * that stands in the passages; they answer in its place then, and no adapter is heard.
 */
export async function askUntilHeard(
  page: Page,
  workspace: string,
  questions: readonly string[],
): Promise<{ answer: Locator; adapter: string }> {
  for (const question of questions) {
    await page.goto(`/w/${workspace}/chat`);
    const answer = await ask(page, question);
    const { speaker, adapter } = await readProvenance(page, answer);
    await takeScreenshot(page, `what-answered-${workspace}`);
    if (speaker.startsWith('tinyllama')) return { answer, adapter };
  }
  throw new Error(`the model was heard in no answer of ${workspace}`);
}

/** Process that runs a script of the product under the given parent. */
export async function findProcess(script: string, parentPid: number): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid,ppid,args']);
  const line = stdout
    .split('\n')
    .find((row) => row.includes(script) && Number(row.trim().split(/\s+/)[1]) === parentPid);
  if (!line) throw new Error(`no process runs ${script} under ${parentPid}`);
  return Number(line.trim().split(/\s+/)[0]);
}
