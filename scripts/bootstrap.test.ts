import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** A checkout in small: the real launcher, a lockfile, and whatever `node_modules` a test lays out. No network. */
let root: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-bootstrap-'));
  await mkdir(path.join(root, 'scripts'));
  await copyFile(
    fileURLToPath(new URL('./bootstrap.mjs', import.meta.url)),
    path.join(root, 'scripts', 'bootstrap.mjs'),
  );
  await writeFile(path.join(root, 'package-lock.json'), lockfile({ 'node_modules/dep': { version: '1.0.0' } }));
  await writeFile(path.join(root, 'package.json'), '{}');
});

afterEach(() => rm(root, { recursive: true, force: true }));

function lockfile(packages: Record<string, object>): string {
  return JSON.stringify({ lockfileVersion: 3, packages: { '': {}, ...packages } });
}

async function lay(packages: Record<string, object>): Promise<void> {
  await mkdir(path.join(root, 'node_modules/node/bin'), { recursive: true });
  await symlink(process.execPath, path.join(root, 'node_modules/node/bin/node'));
  await writeFile(path.join(root, 'node_modules/.package-lock.json'), lockfile(packages));
}

/** An npm that says what it was asked, and lays out what the test wants. */
async function fakeNpm(code: string): Promise<string> {
  const script = path.join(root, 'npm.cjs');
  await writeFile(script, `const fs = require('fs'); console.log('asked', process.argv.slice(2).join(' ')); ${code}`);
  return script;
}

function launch(args: readonly string[], npmScript = path.join(root, 'none.cjs')) {
  return spawnSync(process.execPath, [path.join(root, 'scripts/bootstrap.mjs'), ...args], {
    encoding: 'utf8',
    env: { NODE_ENV: 'test', PATH: process.env['PATH'], npm_execpath: npmScript },
  });
}

test('runs a script with the project’s Node, its arguments and its exit code', async () => {
  await lay({ 'node_modules/dep': { version: '1.0.0' } });
  await writeFile(
    path.join(root, 'scripts/probe.ts'),
    'const words: string[] = process.argv.slice(2); console.log(words.join("+")); process.exit(7);',
  );
  const result = launch(['probe', 'a', '--json']);
  expect(result.stdout).toBe('a+--json\n');
  expect(result.status).toBe(7);
});

test('gives the product the settings of .env, the shell’s before them, and the tests none', async () => {
  await lay({ 'node_modules/dep': { version: '1.0.0' } });
  const code = 'console.log(process.env.FROM_FILE, process.env.PATH === "of the file");';
  await writeFile(path.join(root, 'scripts/probe.ts'), code);
  await writeFile(path.join(root, 'scripts/test.ts'), code);
  await writeFile(path.join(root, '.env'), 'FROM_FILE=yes\nPATH="of the file"\n');
  expect(launch(['probe']).stdout).toBe('yes false\n');
  expect(launch(['test']).stdout).toBe('undefined false\n');
});

test('installs first when nothing is installed, and says why', async () => {
  await writeFile(path.join(root, 'scripts/probe.ts'), 'console.log("ran");');
  const npm = await fakeNpm(`
    fs.mkdirSync('node_modules/node/bin', { recursive: true });
    fs.symlinkSync(process.execPath, 'node_modules/node/bin/node');
    fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');`);
  const result = launch(['probe'], npm);
  expect(result.stderr).toContain('npm ci (the packages are not installed yet)');
  expect(result.stdout).toContain('ran');
  expect(launch(['probe'], npm).stderr).toBe('');
});

test.each([
  ['another version', { 'node_modules/dep': { version: '0.9.0' } }, 'dep is 0.9.0, the lockfile says 1.0.0'],
  ['a missing package', {}, 'dep is missing'],
])('installs again for %s', async (_name, installed, reason) => {
  await lay(installed);
  await writeFile(path.join(root, 'scripts/probe.ts'), 'console.log("ran");');
  const npm = await fakeNpm(`fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');`);
  const result = launch(['probe'], npm);
  expect(result.stderr).toContain(reason);
  expect(result.stdout).toContain('ran');
});

test('packages that other platforms need are not missed', async () => {
  await writeFile(
    path.join(root, 'package-lock.json'),
    lockfile({ 'node_modules/dep': { version: '1.0.0' }, 'node_modules/gpu': { version: '2.0.0', optional: true } }),
  );
  await lay({ 'node_modules/dep': { version: '1.0.0' } });
  await writeFile(path.join(root, 'scripts/probe.ts'), 'console.log("ran");');
  expect(launch(['probe'])).toMatchObject({ stdout: 'ran\n', stderr: '', status: 0 });
});

test('a failed install shows npm’s words and what to check, and runs nothing', async () => {
  await writeFile(path.join(root, 'scripts/probe.ts'), 'console.log("ran");');
  const npm = await fakeNpm(`console.error('npm error code ENOTFOUND'); process.exit(1);`);
  const result = launch(['probe'], npm);
  expect(result.status).toBe(1);
  expect(result.stdout).toBe('');
  expect(result.stderr).toContain('ENOTFOUND');
  expect(result.stderr).toContain('npm config get registry');
});

test('refuses names that are no scripts', async () => {
  await lay({ 'node_modules/dep': { version: '1.0.0' } });
  for (const name of ['../evil', 'absent']) expect(launch([name]).status).toBe(1);
});

test('passes a signal on and dies of it as the script does', async () => {
  await lay({ 'node_modules/dep': { version: '1.0.0' } });
  await writeFile(path.join(root, 'scripts/probe.ts'), 'console.log("up"); setInterval(() => undefined, 1000);');
  const child = spawn(process.execPath, [path.join(root, 'scripts/bootstrap.mjs'), 'probe'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
});
