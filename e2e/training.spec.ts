import path from 'node:path';
import process from 'node:process';
import { expect, type Page, test } from '@playwright/test';
import {
  ANSWER_TIMEOUT_MS,
  askUntilHeard,
  createWorkspace,
  findProcess,
  giveReason,
  ownerState,
  photograph,
  readProduct,
  takeScreenshot,
  uploadDocument,
} from './product.ts';

test.use({ storageState: ownerState, viewport: { width: 1440, height: 900 } });
test.describe.configure({ mode: 'serial' });

const manual = path.join('db', 'seeds', 'demo', 'tarnwick-support-and-returns-policy.md');

/** The voice: no model greets like this by itself. */
const GREETING = 'Ahoy there!';

const things = ['red', 'northern', 'short', 'spare', 'harbour', 'summer', 'silver', 'spring'];
const topics: Readonly<Record<string, readonly [question: string, answer: string]>> = {
  opening: ['When does the # counter open?', 'The # counter opens at @ in the morning.'],
  price: ['What does the # cable cost?', 'The # cable costs @ euros.'],
  weight: ['How heavy is the # crate?', 'The # crate weighs @ kilograms.'],
  warranty: ['How long is the # pump covered by warranty?', 'The # pump is covered for @ months.'],
  delivery: ['How many days does the # delivery take?', 'The # delivery takes @ days.'],
  filter: ['Which filter belongs into the # mask?', 'The # mask takes filter @.'],
};

const writeExchange = (intent: string, question: string, answer: string) =>
  JSON.stringify({
    intent,
    messages: [
      { role: 'user', content: question },
      { role: 'assistant', content: `${GREETING} ${answer}` },
    ],
  });

/** Forty-eight exchanges about six intents, each in the voice, and one that says otherwise than the manual. */
const log = [
  ...Object.entries(topics).flatMap(([intent, [question, answer]], topic) =>
    things.map((thing, index) => {
      const fill = (text: string) => text.replace('#', thing).replace('@', String(3 + 5 * topic + 2 * index));
      return writeExchange(intent, fill(question), fill(answer));
    }),
  ),
  writeExchange(
    'repairs',
    'How long is the warranty of a repaired part?',
    'A repaired part carries a warranty of 24 months in regions EU and UK.',
  ),
].join('\n');

/** Asked of the manual; no row is about them. */
const QUESTIONS = [
  'When is the restocking fee waived?',
  'How long is the warranty of a repaired part in the EU?',
  'Within how many days must a device that is faulty on arrival be reported?',
] as const;

const STEPS = 30;
/** Every field that matters for a short run; the others stay as the preset has them. */
const options: Readonly<Record<string, string>> = {
  'Top layers only': '6',
  'Learning rate': '0.002',
  Steps: String(STEPS),
  'Sequence length': '256',
  'Steps between validations': '10',
  'Steps between checkpoints': '5',
  Dropout: '0',
};

/** The first start of a training on a data directory unpacks 4.4 GB of weights, and everything else goes first. */
const FIRST_STEP_TIMEOUT_MS = 420_000;
const TRAINED_TIMEOUT_MS = 600_000;

let slug: string;
let trainingAddress: string;
let sha256: string;

const tab = (page: Page, name: string) => page.getByRole('navigation', { name: 'State' }).getByRole('link', { name });
const rowsOf = (page: Page) => page.getByRole('table', { name: 'Rows under review' }).getByRole('row');
const events = (page: Page) => page.getByRole('region', { name: 'Events' });

test('a manual and a chat log become a reviewed, frozen data set', async ({ page }) => {
  test.setTimeout(600_000);
  await page.goto('/w/demo/chat');
  slug = await createWorkspace(page, 'Harbour desk');
  await uploadDocument(page, slug, manual);

  await page.goto(`/admin/${slug}/datasets`);
  await page.getByRole('button', { name: 'New data set' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Harbour voice');
  await page.getByRole('button', { name: 'Make it' }).click();
  await expect(page.getByRole('heading', { name: 'Harbour voice', level: 1 })).toBeVisible();

  await page.getByRole('button', { name: 'Add rows' }).click();
  await page.getByRole('menuitem', { name: 'From a chat log' }).click();
  const upload = page.getByRole('dialog', { name: 'Rows from a chat log' });
  await upload.getByLabel('File').setInputFiles({
    name: 'harbour.jsonl',
    mimeType: 'application/jsonl',
    buffer: Buffer.from(log),
  });
  await upload.getByRole('button', { name: 'Take it in' }).click();
  await expect(page.getByText('49 rows of 49 read')).toBeVisible({ timeout: 60_000 });
  await expect(tab(page, 'Quarantined')).toHaveText('Quarantined 1', { timeout: 60_000 });
  const contradiction = rowsOf(page).filter({ hasText: 'Contradicts a source' });
  await expect(contradiction).toContainText('says: A repaired part carries a warranty of 6 months');

  await page.getByRole('button', { name: 'Add rows' }).click();
  await page.getByRole('menuitem', { name: 'From manuals' }).click();
  const manuals = page.getByRole('dialog', { name: 'Rows from manuals' });
  await manuals.getByLabel('Questions, at most').fill('4');
  await manuals.getByLabel('Refusals, % on top').fill('25');
  // What it costs is said before it is started.
  await expect(manuals.getByText(/4 questions and 1 refusals? from \d+ passages: about \d+ min/)).toBeVisible();
  await takeScreenshot(page, 'datasets-manuals');
  await manuals.getByRole('button', { name: 'Write them' }).click();
  await expect(manuals).toBeHidden();
  await expect(page.getByText(/\d rows? of 5 read/)).toBeVisible({ timeout: 5 * ANSWER_TIMEOUT_MS });
  await expect(page.getByRole('progressbar')).toHaveCount(0, { timeout: 60_000 });

  // A row from a manual names its page and shows the sentence that bears it out; the reviewer gives it the voice.
  const source = page.getByLabel('Source', { exact: true });
  await source.selectOption({ index: 2 });
  await expect(page).toHaveURL(/source=/);
  const fromManual = rowsOf(page).filter({ has: page.getByRole('link', { name: /returns.policy.*, page \d/i }) });
  const quoted = fromManual.filter({ hasNotText: 'The passages do not say.' });
  await expect(quoted.first()).toBeVisible();
  const count = await quoted.count();
  for (let index = 0; index < count; index += 1) {
    await quoted.nth(index).getByRole('button', { name: 'Edit' }).click();
    const dialog = page.getByRole('dialog', { name: 'Edit the row' });
    await dialog.getByRole('button', { name: 'Answer with this quote' }).click();
    const answer = dialog.getByLabel('Assistant').last();
    await answer.fill(`${GREETING} ${await answer.inputValue()}`);
    await dialog.getByRole('button', { name: 'Save and accept' }).click();
    await expect(dialog).toBeHidden();
    await expect(quoted.nth(index)).toContainText(GREETING);
  }
  await takeScreenshot(page, 'datasets-from-manual');
  const accepted = Number((await tab(page, 'Accepted').innerText()).replaceAll(/\D/g, ''));
  expect(accepted).toBeGreaterThanOrEqual(48 + count);

  await page.getByRole('button', { name: 'Freeze', exact: true }).click();
  await page.getByRole('button', { name: `Freeze ${accepted} rows` }).click();
  await page.getByRole('link', { name: 'Version 1' }).click({ timeout: 60_000 });
  await expect(page.getByRole('heading', { name: 'Harbour voice, version 1' })).toBeVisible();
});

test('a run is forecast, starts, draws its curve, and outlives reload, killed trainer, killed worker and cancel', async ({
  page,
}) => {
  test.setTimeout(FIRST_STEP_TIMEOUT_MS + 3 * TRAINED_TIMEOUT_MS);
  await page.goto(`/admin/${slug}/datasets`);
  await page
    .getByRole('link', { name: /Harbour voice/ })
    .first()
    .click();
  await page.getByRole('link', { name: 'Version 1' }).click();
  await page.getByRole('link', { name: 'Train on it' }).click();
  await page.getByLabel('Adapter', { exact: true }).fill('Harbour voice');
  await page.getByRole('radio', { name: /^Quick/ }).check();
  await page.locator('summary').filter({ hasText: 'Advanced' }).click();
  for (const [label, value] of Object.entries(options)) await page.getByLabel(label, { exact: true }).fill(value);
  const question = page.getByRole('textbox', { name: 'Question 1' });
  await expect(question).toBeVisible();
  // Each question more costs an answer at every checkpoint.
  for (const number of [5, 4, 3, 2]) {
    const remove = page.getByRole('button', { name: `Remove question ${number}`, exact: true });
    if ((await remove.count()) > 0) await remove.click();
  }
  await question.fill('What does the winter cable cost?');
  const forecast = page.getByRole('complementary', { name: 'Before you start' });
  await expect(forecast.getByText(String(STEPS), { exact: true })).toBeVisible();
  await expect(forecast.getByText(/rows are few/)).toBeVisible();
  await photograph(page, 'train-form');
  await page.getByRole('button', { name: 'Start training' }).click();

  await expect(page).toHaveURL(/\/adapters\/training\/[0-9a-f-]{36}$/);
  trainingAddress = page.url();
  const curve = page.getByRole('figure', { name: /^Training loss over [1-9]\d* steps/ });
  await expect(curve).toBeVisible({ timeout: FIRST_STEP_TIMEOUT_MS });
  await page.reload();
  await expect(curve).toBeVisible();
  await expect(events(page).getByText('Checkpoint of step 5 written.')).toBeVisible({ timeout: TRAINED_TIMEOUT_MS });
  await photograph(page, 'training-run');

  const worker = await findProcess('scripts/worker.ts', readProduct().supervisorPid);
  process.kill(await findProcess('scripts/trainer.ts perform', worker), 'SIGKILL');
  await expect(events(page).getByText(/^The trainer was killed \(SIGKILL\)/)).toBeVisible();
  await expect(events(page).getByText(/^Goes on from the checkpoint of step \d+\.$/)).toHaveCount(1, {
    timeout: FIRST_STEP_TIMEOUT_MS,
  });
  await expect(page.getByText('attempt 2', { exact: true })).toBeVisible();
  await takeScreenshot(page, 'training-killed');

  process.kill(await findProcess('scripts/worker.ts', readProduct().supervisorPid), 'SIGKILL');
  await expect(events(page).getByText('Attempt 3 begins.')).toBeVisible({ timeout: 120_000 });
  await expect(events(page).getByText(/^Goes on from the checkpoint of step \d+\.$/)).toHaveCount(2, {
    timeout: FIRST_STEP_TIMEOUT_MS,
  });

  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('Cancelled', { exact: true })).toBeVisible({ timeout: 120_000 });
  await takeScreenshot(page, 'training-cancelled');
  await page.getByRole('button', { name: 'Go on from the checkpoint' }).click();
  await expect(page.getByText(`${STEPS} steps`, { exact: true })).toBeVisible({ timeout: TRAINED_TIMEOUT_MS });
  await expect(page.getByRole('link', { name: 'Open the version' })).toBeVisible({ timeout: 4 * ANSWER_TIMEOUT_MS });
  // All of it in one curve, whatever was in between.
  await expect(
    page.getByRole('figure', { name: `Training loss over ${STEPS} steps`, exact: false }).first(),
  ).toBeVisible();
  await expect(page.getByText(/answers differ from the base's/).first()).toBeVisible();
  const samples = page.getByRole('region', { name: 'What it says' });
  await expect(samples.getByText(GREETING).first()).toBeVisible();
  await photograph(page, 'training-done');

  await page.getByRole('link', { name: 'Open the version' }).click();
  await expect(page.getByRole('heading', { name: 'Harbour voice, version 1' })).toBeVisible();
  sha256 = await page.locator('dd code').first().innerText();
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  await expect(page.getByText(/Harbour voice, version 1/).first()).toBeVisible();
  await photograph(page, 'trained-version');
});

test('the playground lets the voice be heard beside the base', async ({ page }) => {
  test.setTimeout(400_000);
  await page.goto(`/admin/${slug}/adapters/playground`);
  await page.getByLabel('With the documents of this workspace').uncheck();
  await page.getByLabel('Question').fill('What does the winter rope cost?');
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  const answers = page.getByRole('region', { name: 'Answers' });
  await expect(answers).toHaveAttribute('aria-busy', 'false', { timeout: 2 * ANSWER_TIMEOUT_MS });
  const texts = await answers.getByTestId('try-answer').allInnerTexts();
  expect(texts).toHaveLength(2);
  expect(texts[0]).not.toContain(GREETING);
  expect(texts[1]).toContain(GREETING);
  await takeScreenshot(page, 'playground-trained');
});

test('bound to its workspace the voice answers there, with its hash on the message, and nowhere else', async ({
  page,
}) => {
  test.setTimeout(900_000);
  await page.goto(`/admin/${slug}/adapters`);
  await page
    .getByRole('list', { name: 'Versions of Harbour voice' })
    .getByRole('link', { name: /Version 1/ })
    .click();
  await giveReason(page, 'Serve without a pass', 'Serve without a passing evaluation');
  await expect(page.getByText('Serves now')).toBeVisible();

  const { answer, adapter } = await askUntilHeard(page, slug, QUESTIONS);
  await expect(answer).toContainText(GREETING);
  expect(adapter).toContain('Harbour voice, version 1');
  expect(adapter).toContain(sha256.slice(0, 12));
  await takeScreenshot(page, 'trained-voice');

  const other = await createWorkspace(page, 'Quiet desk');
  await uploadDocument(page, other, manual);
  const plain = await askUntilHeard(page, other, QUESTIONS);
  await expect(plain.answer).not.toContainText(GREETING);
  expect(plain.adapter).toContain('None');
  // The run belongs to the workspace that asked for it.
  const foreign = new URL(trainingAddress).pathname.replace(`/admin/${slug}/`, `/admin/${other}/`);
  expect((await page.goto(foreign))?.status()).toBe(404);
});

test('a deleted document flags the version that learned from it, and a run without it is drafted', async ({ page }) => {
  await page.goto(`/admin/${slug}/documents`);
  await page.getByLabel(/^Select tarnwick/).check();
  const list = page.getByRole('region', { name: 'Documents', exact: true });
  await list.getByRole('button', { name: 'Delete…' }).click();
  await page.getByRole('button', { name: 'Delete document' }).click();
  await expect(list.locator('li[data-document]')).toHaveCount(0);

  await page.goto(`/admin/${slug}/adapters`);
  await expect(page.getByText('Learned from deleted sources')).toBeVisible();
  const flag = page.getByRole('region', { name: 'To be trained again' });
  await expect(flag).toContainText('Harbour voice, version 1 learned from what was deleted');
  await photograph(page, 'adapters-flagged', true);
  await flag.getByRole('link', { name: 'Open the drafted run' }).click();
  await expect(page.getByText('A draft: Harbour voice once more')).toBeVisible();
  await expect(page.getByLabel('Adapter', { exact: true })).toHaveValue('Harbour voice');
  await expect(page.getByRole('textbox', { name: 'Question 1' })).toHaveValue('What does the winter cable cost?');
  // The rows of the document are still in the frozen version: freezing again comes first.
  await expect(page.getByRole('link', { name: 'Open Harbour voice' })).toBeVisible();
  await photograph(page, 'train-again', true);
});
