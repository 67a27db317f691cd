import { execFile, spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import process from 'node:process';
import { promisify } from 'node:util';
import { chromium } from 'playwright';

const run = promisify(execFile);

/** Where Debian and others put the browser, best first. */
const SYSTEM_PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome-stable'];

export type TestBrowser = { readonly path: string; readonly source: string } | { readonly skipped: string };

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function findFirst(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await isExecutable(path)) return path;
  return undefined;
}

function runLoudly(command: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
}

/**
 * A Chromium that is on this machine already: the one that `CHROMIUM_PATH` names and no other, else the system's, else
 * Playwright's own.
 * @returns the executable and where it came from, or why there is none
 */
export async function findTestBrowser(): Promise<TestBrowser> {
  const named = process.env['CHROMIUM_PATH'];
  if (named) {
    if (await isExecutable(named)) return { path: named, source: 'CHROMIUM_PATH' };
    return { skipped: `CHROMIUM_PATH names ${named}, which is no executable file` };
  }
  const system = await findFirst(SYSTEM_PATHS);
  if (system) return { path: system, source: 'system' };
  const own = chromium.executablePath();
  if (await isExecutable(own)) return { path: own, source: "Playwright's download" };
  return { skipped: 'no Chromium on this system' };
}

/**
 * A Chromium for the end-to-end tests: one that is there ({@link findTestBrowser}), and else it is installed: by Debian's
 * package manager as root, by Playwright's download otherwise.
 * @returns the executable and where it came from, or why there is none and what to do
 */
export async function ensureTestBrowser(say: (line: string) => void): Promise<TestBrowser> {
  const found = await findTestBrowser();
  if ('path' in found || process.env['CHROMIUM_PATH']) return found;
  const hasApt = await run('apt-get', ['--version']).then(
    () => true,
    () => false,
  );
  if (process.getuid?.() === 0 && hasApt) {
    say("installing Debian's chromium (about 100 MB)");
    const isInstalled =
      (await runLoudly('apt-get', ['update', '-qq'])) &&
      (await runLoudly('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium', 'fonts-liberation']));
    const installed = await findFirst(SYSTEM_PATHS);
    if (isInstalled && installed) return { path: installed, source: "Debian's package" };
  }
  say("downloading Playwright's Chromium");
  const isDownloaded = await runLoudly(process.execPath, ['node_modules/playwright/cli.js', 'install', 'chromium']);
  const downloaded = await findTestBrowser();
  if (isDownloaded && 'path' in downloaded) return downloaded;
  return {
    skipped:
      'no Chromium: not on this system, and neither the package manager nor the download gave one. Install it, or name it in CHROMIUM_PATH',
  };
}
