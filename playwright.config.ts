import { defineConfig } from '@playwright/test';

/** One product, started by `e2e/global-setup.ts` with `npm start`'s own supervisor on a fresh data directory. */
export default defineConfig({
  testDir: 'e2e',
  globalSetup: './e2e/global-setup.ts',
  outputDir: 'test-results/traces',
  // Real models on few cores: side by side, every answer would take several times as long.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: true,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  reporter: [['list'], ['json', { outputFile: process.env['PLAYWRIGHT_JSON_OUTPUT_FILE'] ?? 'test-results/e2e.json' }]],
  projects: [
    // Creates the owner through the one-time link; everything else signs in with its cookies.
    { name: 'journey', testMatch: /journey\.setup\.ts/ },
    { name: 'product', testMatch: /\.spec\.ts/, dependencies: ['journey'] },
    // Measurements with a folder of one's own; no part of the suite.
    ...(process.env['DROP_FOLDER'] ? [{ name: 'measure', testMatch: /\.measure\.ts/, dependencies: ['journey'] }] : []),
  ],
  use: {
    viewport: { width: 1280, height: 800 },
    // Set by the global set-up; workers start after it.
    ...(process.env['E2E_BASE_URL'] ? { baseURL: process.env['E2E_BASE_URL'] } : {}),
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    // Without a GPU one spinner keeps a core busy, which the models then lack.
    contextOptions: { reducedMotion: 'reduce' },
    launchOptions: {
      ...(process.env['CHROMIUM_PATH'] ? { executablePath: process.env['CHROMIUM_PATH'] } : {}),
      args: [
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
