/**
 * `npm test`: sets up what the suites need (models, browser, PostgreSQL), runs every suite, and ends with one plain line.
 * A suite that cannot run for want of a browser fails; PostgreSQL is the one thing that may be missing, and is said so.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { z } from 'zod';
import { loadEnv } from '#lib/config/env.ts';
import { pullDefaultModels } from './models/pull-defaults.ts';
import { ensureTestBrowser } from './test/browser.ts';
import { ensureTestPostgres } from './test/postgres.ts';

interface Tally {
  readonly suite: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
}

const scratch = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-test-'));
const say = (line: string) => console.log(`\u001b[2m›\u001b[0m ${line}`);

/** @returns true when the command exited with 0 */
function runStep(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...env } });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
}

const vitestReportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
});

/** @returns null when the runner died before it wrote one */
async function readReport<T extends z.ZodType>(file: string, schema: T): Promise<z.infer<T> | null> {
  return readFile(file, 'utf8').then(
    (text) => schema.parse(JSON.parse(text)),
    () => null,
  );
}

async function runVitest(
  suite: string,
  projects: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Tally> {
  const reportFile = path.join(scratch, `${suite}.json`);
  const startedAt = Date.now();
  const isGreen = await runStep(
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      ...projects.flatMap((project) => ['--project', project]),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${reportFile}`,
    ],
    env,
  );
  const seconds = (Date.now() - startedAt) / 1000;
  const report = await readReport(reportFile, vitestReportSchema);
  if (!report) return { suite, passed: 0, failed: 1, skipped: 0, seconds };
  // A file that fails to load has no test to count, and an unhandled error belongs to none: both are failures all the same.
  const failed = Math.max(report.numFailedTests, isGreen ? 0 : 1);
  return { suite, passed: report.numPassedTests, failed, skipped: report.numPendingTests, seconds };
}

const playwrightReportSchema = z.object({
  stats: z.object({ expected: z.number(), unexpected: z.number(), flaky: z.number(), skipped: z.number() }),
});

async function runPlaywright(env: Readonly<Record<string, string>>): Promise<Tally> {
  const reportFile = path.join(scratch, 'e2e.json');
  const startedAt = Date.now();
  const isGreen = await runStep(['node_modules/@playwright/test/cli.js', 'test'], {
    ...env,
    PLAYWRIGHT_JSON_OUTPUT_FILE: reportFile,
  });
  const seconds = (Date.now() - startedAt) / 1000;
  const report = await readReport(reportFile, playwrightReportSchema);
  if (!report) return { suite: 'e2e', passed: 0, failed: 1, skipped: 0, seconds };
  const { expected, unexpected, flaky, skipped } = report.stats;
  return { suite: 'e2e', passed: expected, failed: Math.max(unexpected + flaky, isGreen ? 0 : 1), skipped, seconds };
}

async function runCheck(): Promise<Tally> {
  const startedAt = Date.now();
  const isGreen = await runStep(['scripts/check.ts', '--static']);
  return {
    suite: 'check',
    passed: isGreen ? 1 : 0,
    failed: isGreen ? 0 : 1,
    skipped: 0,
    seconds: (Date.now() - startedAt) / 1000,
  };
}

async function runSuites(): Promise<readonly Tally[]> {
  const settings = loadEnv();
  say('models');
  await pullDefaultModels(settings, say);
  say('browser');
  const browser = await ensureTestBrowser(say);
  say('skipped' in browser ? browser.skipped : `${browser.path} (${browser.source})`);
  say('PostgreSQL with pgvector');
  const postgres = await ensureTestPostgres();
  say('skipped' in postgres ? `the database suites run on the embedded database only: ${postgres.skipped}` : 'running');

  const env = {
    LOREHOUSE_MODELS_DIR: settings.modelsDir,
    ...('skipped' in postgres ? {} : { TEST_DATABASE_URL: postgres.url }),
    ...('skipped' in browser ? {} : { CHROMIUM_PATH: browser.path }),
  };
  try {
    return [
      await runCheck(),
      await runVitest('unit', ['unit'], env),
      await runVitest('db', ['db', 'contract'], env),
      await runVitest('model', ['model'], env),
      'skipped' in browser ? { suite: 'e2e', passed: 0, failed: 1, skipped: 0, seconds: 0 } : await runPlaywright(env),
    ];
  } finally {
    if (!('skipped' in postgres)) await postgres.stop();
  }
}

let tallies: readonly Tally[];
try {
  tallies = await runSuites();
} finally {
  await rm(scratch, { recursive: true, force: true });
}
console.log();
for (const t of tallies) {
  const skipped = t.skipped > 0 ? `, ${t.skipped} skipped` : '';
  console.log(`${t.suite.padEnd(8)} ${t.passed} passed, ${t.failed} failed${skipped} in ${t.seconds.toFixed(0)} s`);
}
const passed = tallies.reduce((sum, t) => sum + t.passed, 0);
const failed = tallies.reduce((sum, t) => sum + t.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
