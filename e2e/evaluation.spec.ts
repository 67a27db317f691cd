import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import {
  ask,
  askUntilHeard,
  createWorkspace,
  expectAccessible,
  giveReason,
  importAdapter,
  ownerState,
  photograph,
  takeScreenshot,
  uploadDocument,
  writeAdapter,
} from './product.ts';

test.use({ storageState: ownerState, viewport: { width: 1440, height: 900 } });
test.describe.configure({ mode: 'serial' });

/** What the base finds likelier without any effort, and an adapter of loud noise does not. Nothing is written, so it is quick. */
const pairs = [
  ['The capital of France is', ' Paris.', ' cabbage.'],
  ['Water freezes when it gets very', ' cold.', ' purple.'],
  ['The opposite of hot is', ' cold.', ' bicycle.'],
  ['A dog is an', ' animal.', ' integer.'],
  ['At night the sky is', ' dark.', ' soup.'],
  ['Two plus two is', ' four.', ' window.'],
] as const;
const imported = [
  ...pairs.map(([question, right, wrong]) => ({
    question,
    mode: 'score',
    area: 'forgetting',
    tags: ['common sense'],
    assertions: [{ type: 'prefers', choices: [right, wrong], correct: 0 }],
  })),
  {
    question: 'How long is the warranty on a registered device?',
    tags: ['intent: warranty'],
    assertions: [{ type: 'contains', values: ['36 months'], scope: 'all' }],
  },
]
  .map((row) => JSON.stringify(row))
  .join('\n');

/** Short, so that it is indexed in seconds, and about what is asked below. */
const notes = `# Centrifuge K40, notes for the service desk

## Warranty

The warranty begins on the date of delivery. A registered device has a warranty of 36 months, a device that is not registered one of 24 months.

## Error code E14

Error code E14 means compressor overload: the device was restarted too soon. Wait 10 minutes, then start it again.

## Lid seal

The lid seal has the order number TW-3318 and costs 36.40 EUR.
`;

/** Three questions, written and answered by the real model. */
const DRAFT_TIMEOUT_MS = 240_000;

/** A run of some twenty answers, others' load on the machine included. */
const RUN_TIMEOUT_MS = 300_000;

const QUESTIONS = [
  'How long is the warranty on a registered device?',
  'What does error code E14 mean and what should I do?',
  'What is the order number of the lid seal, and what does it cost?',
] as const;

let folder: string;
let slug: string;
let passedRun: string;
let draftSet: string;
test.beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'lorehouse-evaluation-'));
  writeFileSync(path.join(folder, 'service-notes.md'), notes);
  writeAdapter(path.join(folder, 'quiet-voice.gguf'));
  writeAdapter(path.join(folder, 'loud-noise.gguf'), 0.08);
});
test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Ten answers that differ in nothing but a number, a line each. */
const number = (text: string) => Array.from({ length: 10 }, (_, index) => `${text} (${index + 1})`).join('\n');

const evaluation = (part = '') => `/admin/${slug}/evaluation${part}`;

async function startRun(page: Page, challenger: string, repeats = 1): Promise<void> {
  await page.goto(evaluation('/new'));
  await page.getByLabel('Challenger').selectOption({ label: challenger });
  await page.getByLabel('Repeats').fill(String(repeats));
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page).toHaveURL(/\/evaluation\/runs\/[0-9a-f-]{36}$/);
}

/** As a script in the page would call it. */
async function callApi(page: Page, method: 'GET' | 'POST', address: string, body?: object) {
  return page.evaluate(
    async ([verb, url, json]) => {
      const response = await fetch(url, {
        method: verb,
        ...(json === null ? {} : { headers: { 'Content-Type': 'application/json' }, body: json }),
      });
      return { status: response.status, text: await response.text() };
    },
    [method, address, body === undefined ? null : JSON.stringify(body)] as const,
  );
}

test('a suite is written, imported and revised, and its revisions stay', async ({ page }) => {
  await page.goto('/w/demo/chat');
  slug = await createWorkspace(page, 'Gate lab');
  await page.goto(evaluation());
  await expect(page.getByText('Nothing has been evaluated yet')).toBeVisible();
  await photograph(page, 'evaluation-empty');
  await page.getByRole('navigation', { name: 'Evaluation' }).getByRole('link', { name: 'Suites' }).click();

  await page.getByRole('button', { name: 'New suite' }).click();
  const dialog = page.getByRole('dialog', { name: 'New suite' });
  await dialog.getByLabel('Name of the suite').fill('Basics');
  await dialog.getByRole('button', { name: 'Create the suite' }).click();
  await expect(dialog.getByRole('alert')).toHaveText('A case needs a question.');
  await dialog.getByLabel('Question').fill('What is the capital of France?');
  await dialog.getByLabel('Expected facts').fill('Paris');
  await dialog.getByLabel('Asked').selectOption({ label: 'The model alone, without documents' });
  await dialog.getByLabel('Area').fill('knowledge');
  await dialog.getByLabel(/Must pass/).check();
  await takeScreenshot(page, 'suite-new');
  await dialog.getByRole('button', { name: 'Create the suite' }).click();
  await expect(page.getByRole('heading', { name: 'Basics' })).toBeVisible();
  await expect(page.getByText('must pass')).toBeVisible();

  await page.getByRole('button', { name: /Edit “What is the capital/ }).click();
  const editor = page.getByRole('dialog', { name: 'Edit the case' });
  await editor.getByLabel('Tags').fill('geography, intent: facts');
  await editor.getByRole('button', { name: 'Keep' }).click();
  await page.getByRole('button', { name: 'Add a case' }).click();
  const adding = page.getByRole('dialog', { name: 'New case' });
  await adding.getByLabel('Question').fill('Tell me a long story about a lighthouse.');
  await adding.getByRole('button', { name: /Remove the check/ }).click();
  await adding.getByLabel('Add a check').selectOption({ label: 'Has a length' });
  await adding.getByLabel('Least words').fill('10');
  await adding.getByLabel('Asked').selectOption({ label: 'The model alone, without documents' });
  await adding.getByLabel('Area').fill('knowledge');
  await adding.getByRole('button', { name: 'Keep' }).click();
  await page.getByRole('form', { name: 'Unsaved changes' }).getByRole('textbox').fill('tagged');
  await photograph(page, 'suite-editor');
  await page.getByRole('button', { name: 'Save revision 2' }).click();
  await expect(page.getByRole('link', { name: 'Revision 2' })).toBeVisible();
  await page.getByRole('link', { name: 'Revision 1', exact: true }).click();
  await expect(page.getByText('Revision 1 of 2')).toBeVisible();
  await expect(page.getByText(/geography/)).toHaveCount(0);

  await page.goto(evaluation('/suites'));
  await page.getByRole('button', { name: 'Import' }).click();
  const importing = page.getByRole('dialog', { name: 'Import a suite' });
  await importing.getByLabel('File').setInputFiles({
    name: 'common_sense.jsonl',
    mimeType: 'application/jsonl',
    buffer: Buffer.from(`${imported}\n{"question":"proves nothing"}\n`),
  });
  await importing.getByRole('button', { name: 'Import' }).click();
  await expect(importing.getByText('1 left out')).toBeVisible();
  await importing.getByRole('link', { name: 'Open the suite' }).click();
  await expect(page.getByRole('heading', { name: 'common sense' })).toBeVisible();
  await expect(page.getByRole('heading', { name: '7 cases' })).toBeVisible();
  const downloading = page.waitForEvent('download');
  await page.getByRole('link', { name: 'JSONL' }).click();
  const file = await (await downloading).path();
  expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(8);
});

test('the policy says what is asked of an adapter, and keeps its versions', async ({ page }) => {
  await page.goto(evaluation('/policy'));
  await page.getByLabel('An improvement is required').uncheck();
  await page.getByLabel('Least number of cases').fill('5');
  await page.getByLabel('Longest answer time').fill('');
  for (const at of [0, 6]) await page.getByLabel('Largest fall', { exact: true }).nth(at).fill('40');
  await page.getByLabel('Reason for the change').fill('An adapter for the voice alone.');
  await photograph(page, 'gate-policy', true);
  await page.getByRole('button', { name: 'Save as version 1' }).click();
  const versions = page.getByRole('region', { name: 'Versions' });
  await expect(versions.getByText('An improvement is required: yes → no')).toBeVisible();
  await expect(versions.getByText('Least number of cases: 30 → 5')).toBeVisible();
  await expect(versions.getByText('overall: a fall of at most 2 % → a fall of at most 40 %')).toBeVisible();
  await page.reload();
  await expect(page.getByLabel('Least number of cases')).toHaveValue('5');
});

test('an adapter passes, is promoted, answers in chat, and is rolled back', async ({ page }) => {
  test.setTimeout(900_000);
  await uploadDocument(page, slug, path.join(folder, 'service-notes.md'));
  await importAdapter(page, slug, path.join(folder, 'quiet-voice.gguf'));

  // Long enough to be watched, left, stopped and taken up on any machine.
  await startRun(page, 'quiet voice, version 1', 10);
  await expect(page.getByText(/of 180 answers/)).toBeVisible({ timeout: RUN_TIMEOUT_MS });
  await page.reload();
  await expect(page.getByRole('progressbar', { name: 'Progress of the evaluation' })).toBeVisible();
  await expect(page.getByRole('list', { name: 'Latest answers' })).toBeVisible({ timeout: RUN_TIMEOUT_MS });
  await photograph(page, 'evaluation-running');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('The run was cancelled')).toBeVisible({ timeout: RUN_TIMEOUT_MS });
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByText(/[1-9]\d* of 180 answers/)).toBeVisible({ timeout: RUN_TIMEOUT_MS });
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('The run was cancelled')).toBeVisible({ timeout: RUN_TIMEOUT_MS });

  await startRun(page, 'quiet voice, version 1');
  passedRun = page.url();
  await expect(page.getByTestId('verdict')).toHaveText('It may serve', { timeout: RUN_TIMEOUT_MS });
  await photograph(page, 'report-passed', true);

  await giveReason(page, 'Promote', 'Promote');
  await expect(page.getByText('It serves this workspace now.')).toBeVisible();
  const { adapter: named } = await askUntilHeard(page, slug, QUESTIONS);
  expect(named).toContain('quiet voice, version 1');

  await page.goto(`/admin/${slug}/adapters`);
  await expect(page.getByTestId('serving-now')).toHaveText('quiet voice, version 1');
  const history = page.getByRole('region', { name: 'What has served' });
  await expect(history.getByText('Promoted')).toBeVisible();
  await history.getByRole('link', { name: 'what answered then' }).click();
  const moment = page.getByTestId('moment');
  await expect(moment.getByText('after it had passed an evaluation')).toBeVisible();
  await expect(moment.getByRole('link', { name: 'Basics, revision 2' })).toBeVisible();
  await expect(moment.getByText('1 document')).toBeVisible();
  await photograph(page, 'time-line', true);

  await page.goto(`/admin/${slug}/adapters`);
  await giveReason(page, 'Roll back to the base', 'Roll back');
  await expect(page.getByTestId('serving-now')).toHaveText('The base model alone');
  expect((await askUntilHeard(page, slug, QUESTIONS)).adapter).toContain('None: the base model alone');
});

test('a bad adapter is refused, by the page and by the API', async ({ page }) => {
  test.setTimeout(600_000);
  await importAdapter(page, slug, path.join(folder, 'loud-noise.gguf'));
  await startRun(page, 'loud noise, version 1');
  await expect(page.getByTestId('verdict')).toHaveText('It must not serve', { timeout: RUN_TIMEOUT_MS });
  await expect(
    page.getByText(/The case “What is the capital of France\?” must pass, and (failed|could not be run)/),
  ).toBeVisible();
  await expect(page.getByRole('button', { name: 'Promote' })).toHaveCount(0);
  const lost = page.getByRole('group').filter({ hasText: 'What is the capital of France?' }).first();
  await expect(lost.getByText(/Does not say “Paris”/)).toBeVisible();
  await photograph(page, 'report-failed', true);

  await page.goto(`${page.url()}/print`);
  await expect(page.getByRole('button', { name: /Print/ })).toBeVisible();
  await takeScreenshot(page, 'report-print', true);

  await page.goto(`/admin/${slug}/adapters`);
  await page
    .getByRole('list', { name: 'Versions of loud noise' })
    .getByRole('link', { name: /Version 1/ })
    .click();
  await expect(page.getByRole('heading', { name: 'loud noise, version 1' })).toBeVisible();
  await expect(page.getByText('Its evaluation ended with the verdict “fail”.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Promote' })).toHaveCount(0);
  const versionId = page.url().split('/').at(-1) ?? '';
  const refused = await callApi(page, 'POST', `/api/w/${slug}/adapters/versions/${versionId}/promote`, {
    reason: 'It would be so convenient.',
  });
  expect(refused.status).toBe(409);
  expect(refused.text).toContain('gate.not-passed');
});

test('a wrong answer in chat becomes a case with one click', async ({ page }) => {
  await page.goto(`/w/${slug}/chat`);
  const answer = await ask(page, 'How long is the warranty on a registered device?');
  await answer.getByRole('button', { name: 'Bad answer' }).click();
  const form = page.getByRole('dialog').filter({ hasText: 'What is wrong with it?' });
  await form.getByLabel('What should the answer have been?').fill('36 months from the date of purchase.');
  await takeScreenshot(page, 'case-from-chat');
  await form.getByRole('button', { name: 'Make a test case' }).click();
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  const editor = page.getByRole('dialog', { name: 'Edit the case' });
  await expect(editor.getByLabel('Question')).toHaveValue('How long is the warranty on a registered device?');
  await expect(editor.getByLabel('Expected facts')).toHaveValue('36 months');
});

test('the model writes cases from a document, and a person decides on each', async ({ page }) => {
  test.setTimeout(420_000);
  await page.goto(evaluation('/suites'));
  await page.getByRole('button', { name: 'From documents' }).click();
  const dialog = page.getByRole('dialog', { name: 'A suite from documents' });
  await dialog.getByLabel('Name of the suite').fill('From the notes');
  await dialog.getByRole('checkbox', { name: 'service-notes' }).check();
  await dialog.getByLabel('Questions, at most').fill('4');
  await expect(dialog.getByText(/4 questions from \d+ passages?: about \d+ min/)).toBeVisible();
  await takeScreenshot(page, 'drafts-dialog');
  await dialog.getByRole('button', { name: 'Write the drafts' }).click();
  await expect(page).toHaveURL(/\/suites\/drafts\/[0-9a-f-]{36}$/);
  draftSet = new URL(page.url()).pathname;

  // Stopped and taken up again: what is written stays, and nothing is asked twice.
  const drafts = page.getByRole('list', { name: 'Drafts' }).getByRole('listitem');
  await expect(drafts.first()).toBeVisible({ timeout: DRAFT_TIMEOUT_MS });
  const first = await drafts.first().innerText();
  const cancel = page.getByRole('button', { name: 'Cancel', exact: true });
  await cancel.click();
  await expect(page.getByText('Writing was cancelled')).toBeVisible({ timeout: DRAFT_TIMEOUT_MS });
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByText('Written', { exact: true })).toBeVisible({ timeout: DRAFT_TIMEOUT_MS });
  await expect(page.getByText(/from 4 statements/)).toBeVisible();
  expect(await drafts.first().innerText()).toBe(first);
  await photograph(page, 'drafts', true);

  await drafts.first().getByRole('button', { name: /^Edit/ }).click();
  const editor = page.getByRole('dialog', { name: 'Edit the draft' });
  await editor.getByLabel('Tags').fill('from documents, intent: notes');
  await editor.getByRole('button', { name: 'Save and accept' }).click();
  await expect(drafts.first().getByText('accepted')).toBeVisible();
  const count = await drafts.count();
  if (count > 1) {
    await drafts.last().getByRole('button', { name: /^Drop/ }).click();
    await expect(drafts.last().getByText('dropped')).toBeVisible();
  }
  await page.reload();
  await expect(drafts.first().getByText('accepted')).toBeVisible();
  await page.getByRole('button', { name: 'Make the suite' }).click();
  await expect(page.getByRole('heading', { name: 'From the notes' })).toBeVisible();
  await expect(page.getByRole('heading', { name: '1 case' })).toBeVisible();
  await photograph(page, 'suite-with-sources', true);
  await page
    .getByRole('figure')
    .getByRole('link', { name: /service-notes, page 1/ })
    .click();
  await expect(page).toHaveURL(/\/sources\/[0-9a-f-]{36}\?page=1&version=/);
});

test('suites that ship are taken in once, and a rubric says whether it counts', async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto(evaluation('/suites'));
  const shipped = page.getByRole('region', { name: 'Ship with Lorehouse' });
  await shipped.getByRole('checkbox', { name: 'Choose Performance' }).check();
  await shipped.getByRole('button', { name: 'Take in 1 suite' }).click();
  await expect(shipped.getByText('Here, as they ship: Performance.')).toBeVisible();
  await expect(shipped.getByRole('checkbox', { name: 'Choose Performance' })).toHaveCount(0);
  await photograph(page, 'suites-shipped', true);

  await shipped.getByRole('link', { name: 'Performance' }).click();
  await page.getByRole('button', { name: 'Add a case' }).click();
  const adding = page.getByRole('dialog', { name: 'New case' });
  await adding.getByLabel('Question').fill('My order is late. What should I do?');
  await adding.getByRole('button', { name: /Remove the check/ }).click();
  await adding.getByLabel('Add a check').selectOption({ label: 'Meets a criterion, says a judge' });
  await adding.getByLabel('Criterion', { exact: true }).fill('The answer is polite.');
  const state = adding.getByTestId('rubric-state');
  await adding.getByLabel('Answers that meet it').fill('Please try again.');
  await expect(state).toContainText('does not count yet: 20 labelled answers are needed');
  await adding.getByRole('button', { name: 'Keep' }).click();
  await expect(adding.getByRole('alert')).toContainText('The rubric does not count yet');
  await adding
    .getByLabel('Answers that meet it')
    .fill(number('Thank you for asking; I am happy to help you with that.'));
  await adding.getByLabel('Answers that do not').fill(number('What a stupid question. Go away and read the manual.'));
  await expect(state).toContainText('not known yet');
  await adding.getByRole('button', { name: 'Measure the agreement' }).click();
  // What the default model is worth as a judge is its own matter; the page says what was measured.
  await expect(state).toContainText(/agrees with people on \d+ of 20 labelled answers/, { timeout: RUN_TIMEOUT_MS });
  await state.scrollIntoViewIfNeeded();
  await takeScreenshot(page, 'rubric');
  await adding.getByLabel('Add a check').selectOption({ label: 'Finds one continuation likeliest' });
  const choices = adding.getByRole('group', { name: 'Finds one continuation likeliest' });
  await choices.getByRole('radio', { name: 'Continuation 2 is the right one' }).check();
  await choices.getByLabel('Continuation 2', { exact: true }).fill(' We are sorry.');
  await expectAccessible(page);
  await adding.getByRole('button', { name: 'Keep' }).click();
  await expect(
    page.getByText(/The answer is polite\.; Finds one continuation likeliest: We are sorry\./),
  ).toBeVisible();
  await page.getByRole('button', { name: /^Save revision/ }).click();
  await expect(page.getByRole('link', { name: 'Revision 2' })).toBeVisible();
  await page.goto(evaluation('/suites'));
  await expect(shipped.getByText('Here, and edited since: Performance.')).toBeVisible();
});

test('every page is accessible, in both schemes, on a desk and on a phone', async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto(evaluation('/suites'));
  const suite = (await page.getByRole('link', { name: 'Basics' }).getAttribute('href')) ?? '';
  const pages = [
    evaluation(),
    evaluation('/new'),
    evaluation('/suites'),
    suite,
    draftSet,
    passedRun,
    `${passedRun}/print`,
    evaluation('/policy'),
    evaluation('/history'),
  ];
  for (const address of pages) {
    await page.goto(address);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 390]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 844 });
        await test.step(`${address}, ${colorScheme}, ${width} px`, () => expectAccessible(page));
      }
    }
  }
});

test('another workspace sees none of it', async ({ page }) => {
  await page.goto(passedRun);
  const runId = passedRun.split('/').at(-1) ?? '';
  const suites = await callApi(page, 'GET', `/api/w/${slug}/suites`);
  const suiteId = /"id":"([0-9a-f-]{36})"/.exec(suites.text)?.[1] ?? '';
  expect((await callApi(page, 'GET', `/api/w/${slug}/evaluations/${runId}`)).status).toBe(200);
  for (const address of [
    `/api/w/demo/evaluations/${runId}`,
    `/api/w/demo/evaluations/${runId}/export?format=csv`,
    `/api/w/demo/suites/${suiteId}/export`,
  ]) {
    expect((await callApi(page, 'GET', address)).status, address).toBe(404);
  }
  for (const address of [
    `/admin/demo/evaluation/runs/${runId}`,
    `/admin/demo/evaluation/runs/${runId}/print`,
    `/admin/demo/evaluation/suites/${suiteId}`,
    `/admin/demo/evaluation/suites/${suiteId}/cases/none`,
    draftSet.replace(`/admin/${slug}/`, '/admin/demo/'),
  ]) {
    expect((await page.goto(address))?.status(), address).toBe(404);
  }
  await expect(page.getByText('Gate lab')).toHaveCount(0);
});
