import { expect, test } from '@playwright/test';
import { expectAccessible, ownerState, takeScreenshot } from './product.ts';

const pages = [
  ['chat', '/w/demo/chat'],
  ['sources', '/w/demo/sources'],
  ['settings', '/w/demo/settings'],
  ['members', '/admin/demo/members'],
  ['documents', '/admin/demo/documents'],
  ['jobs', '/admin/demo/jobs'],
  ['account', '/w/demo/account'],
] as const;

for (const colorScheme of ['light', 'dark'] as const) {
  for (const viewport of [
    { width: 1280, height: 800 },
    { width: 390, height: 844 },
  ]) {
    test.describe(`${colorScheme}, ${viewport.width} px`, () => {
      test.use({ storageState: ownerState, colorScheme, viewport });
      for (const [name, address] of pages)
        test(`${name} has no accessibility violation and does not scroll sideways`, async ({ page }) => {
          await page.goto(address);
          await expect(page.getByRole('main')).toBeVisible();
          await expectAccessible(page);
          await takeScreenshot(page, `${name}-${colorScheme}-${viewport.width}`);
        });
    });
  }
}

test.describe('signed out', () => {
  test('the sign-in page is accessible', async ({ page }) => {
    await page.goto('/sign-in');
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
    await expectAccessible(page);
    await takeScreenshot(page, 'sign-in');
  });
});
