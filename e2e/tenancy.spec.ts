import { expect, test } from '@playwright/test';
import { ownerState, takeScreenshot } from './product.ts';

test.use({ storageState: ownerState });

test('a member invited to one workspace reaches nothing of another', async ({ page, browser }) => {
  const { documents } = (await (await page.request.get('/api/w/acme-heating/documents')).json()) as {
    documents: readonly { id: string; currentVersionId: string | null }[];
  };
  const [foreign] = documents;
  if (!foreign) throw new Error('the journey left no document');

  // For the owner of both as well: an address names its workspace, and what is not there does not exist.
  const nowhere = '0b7c2f6e-54c1-4f0e-9d5b-3a9f6f0f7a11';
  for (const id of [foreign.id, nowhere, 'no-id']) {
    for (const address of [
      `/w/demo/sources/${id}`,
      `/w/demo/chat/${id}`,
      `/admin/demo/documents/${id}`,
      `/admin/demo/datasets/${id}`,
      `/admin/demo/datasets/${id}/versions/${id}`,
      `/admin/demo/adapters/versions/${id}`,
      `/admin/demo/adapters/training/${id}`,
      `/admin/demo/evaluation/suites/drafts/${id}`,
    ])
      expect((await page.goto(address))?.status(), address).toBe(404);
  }

  await page.goto('/admin/demo/members');
  await page.getByRole('button', { name: 'Invite' }).click();
  await page.getByRole('button', { name: /Create|Make/ }).click();
  const link = await page.getByLabel('Invitation link').inputValue();
  await takeScreenshot(page, 'members');

  const context = await browser.newContext({ storageState: { cookies: [], origins: [] } });
  const guest = await context.newPage();
  await guest.goto(link);
  await guest.getByLabel('Your name').fill('Mona Member');
  await guest.getByLabel('E-mail').fill('mona@example.com');
  await guest.getByLabel('Password', { exact: true }).fill('a long enough password');
  await guest.getByRole('button', { name: 'Create account and join' }).click();
  await expect(guest).toHaveURL(/\/w\/demo\//);

  for (const address of ['/w/acme-heating/chat', '/w/acme-heating/sources', '/admin/acme-heating/members'])
    expect((await guest.goto(address))?.status(), address).toBe(404);
  const paths = [
    '/api/w/acme-heating/documents',
    `/api/w/acme-heating/documents/${foreign.id}`,
    `/api/w/demo/documents/${foreign.id}`,
    `/api/w/demo/documents/${foreign.id}/versions/${foreign.currentVersionId}/file`,
    `/api/w/demo/documents/${foreign.id}/versions/${foreign.currentVersionId}/pages/1`,
  ];
  for (const address of paths) expect((await guest.request.get(address)).status(), address).toBe(404);
  // Member of the demo workspace, but no admin of it.
  expect(
    (await guest.request.post('/api/w/demo/documents', { data: 'x', headers: { 'x-file-name': 'x.txt' } })).status(),
  ).toBe(403);
  await context.close();

  const stranger = await browser.newContext({ storageState: { cookies: [], origins: [] } });
  for (const address of paths) expect((await stranger.request.get(address)).status(), address).toBe(401);
  await stranger.close();
});
