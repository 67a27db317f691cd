import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { promisify } from 'node:util';
import { expect, test } from '@playwright/test';
import OpenAI from 'openai';
import { INDEX_TIMEOUT_MS, readProduct } from './product.ts';

const run = promisify(execFile);

/** `npm run admin`, beside the running product. */
async function runAdmin(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(process.execPath, ['scripts/admin.ts', ...args, '--json'], {
    env: { ...process.env, LOREHOUSE_DATA_DIR: readProduct().dataDir, DATABASE_URL: '' },
  });
  return JSON.parse(stdout) as Record<string, unknown>;
}

test('the official client talks to a workspace with a key made on the command line', async () => {
  test.setTimeout(300_000);
  const { baseUrl } = readProduct();
  const person = await runAdmin(
    'create-user',
    '--name',
    'Api Maker',
    '--email',
    'api@example.com',
    '--generate-password',
  );
  expect(person).toMatchObject({ email: 'api@example.com' });
  await runAdmin('create-workspace', '--name', 'Api Works', '--owner', 'api@example.com');
  const key = await runAdmin(
    'create-api-key',
    '--workspace',
    'api-works',
    '--email',
    'api@example.com',
    '--name',
    'e2e',
    '--permissions',
    'all',
    '--expires-in-days',
    '1',
  );
  const apiKey = String(key['token']);
  const client = new OpenAI({ apiKey, baseURL: `${baseUrl}/api/v1`, maxRetries: 0 });

  const models = await client.models.list();
  expect(models.data.map((model) => model.id)).toContain('api-works');

  const form = new FormData();
  const policy = await readFile('db/seeds/demo/tarnwick-support-and-returns-policy.md');
  form.append('file', new Blob([new Uint8Array(policy)]), 'policy.md');
  const headers = { authorization: `Bearer ${apiKey}` };
  const created = await fetch(`${baseUrl}/api/v1/documents`, { method: 'POST', body: form, headers });
  expect(created.status).toBeLessThan(300);
  const { documentId } = (await created.json()) as { documentId: string };
  await expect
    .poll(
      async () =>
        ((await (await fetch(`${baseUrl}/api/v1/documents/${documentId}`, { headers })).json()) as { state: string })
          .state,
      { timeout: INDEX_TIMEOUT_MS },
    )
    .toBe('ready');

  const messages = [{ role: 'user' as const, content: 'How long do I have to return a device in Europe?' }];
  const whole = await client.chat.completions.create({ model: 'api-works', messages });
  expect(whole.choices[0]?.message.content?.length).toBeGreaterThan(0);
  expect(whole).toHaveProperty('lorehouse.sources');

  let streamed = '';
  for await (const chunk of await client.chat.completions.create({ model: 'api-works', messages, stream: true }))
    streamed += chunk.choices[0]?.delta.content ?? '';
  expect(streamed.length).toBeGreaterThan(0);

  await expect(client.chat.completions.create({ model: 'demo', messages })).rejects.toMatchObject({ status: 404 });
  await runAdmin('revoke-api-key', '--workspace', 'api-works', '--id', String(key['id']));
  await expect(client.models.list()).rejects.toMatchObject({ status: 401 });
});

test('the API describes itself', async () => {
  const response = await fetch(`${readProduct().baseUrl}/api/v1/openapi.json`);
  const { openapi, paths } = (await response.json()) as { openapi: string; paths: Record<string, unknown> };
  expect(openapi).toMatch(/^3\.1/);
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining(['/chat/completions', '/documents', '/documents/{documentId}']),
  );
});
