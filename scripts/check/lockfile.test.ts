import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkLockfile, findLockfileProblems, fixLockfile, readPlatform, repairLockfile } from './lockfile.ts';

const run = promisify(execFile);

describe('findLockfileProblems', () => {
  it('accepts checksums without addresses, and our own workspace links', () => {
    const packages = {
      '': {},
      'node_modules/a': { integrity: 'sha512-x' },
      'node_modules/b': { resolved: 'packages/b', link: true },
      'node_modules/a/node_modules/bundled': { inBundle: true },
    };
    expect(findLockfileProblems({ packages })).toEqual([]);
  });

  it.each(['https://registry.example.com/a.tgz', 'git+ssh://git@example.com/a.git', 'file:../a'])(
    'names the address %s',
    (resolved) => {
      const packages = { 'node_modules/a': { resolved, integrity: 'sha512-x' } };
      expect(findLockfileProblems({ packages })).toEqual([`node_modules/a: holds the download address ${resolved}`]);
    },
  );

  it('names a package without a checksum', () => {
    expect(findLockfileProblems({ packages: { 'node_modules/a': {} } })).toEqual([
      'node_modules/a: has no integrity checksum',
    ]);
  });

  it('names an optional package without an entry, wherever the one that wants it stands', () => {
    const packages = {
      'node_modules/a': { integrity: 'sha512-x', optionalDependencies: { 'a-linux-x64': '1.0.0' } },
      'node_modules/a-linux-x64': { integrity: 'sha512-x', optional: true },
      'node_modules/b/node_modules/a': { integrity: 'sha512-x', optionalDependencies: { 'a-linux-x64': '1.0.0' } },
      'node_modules/c': { integrity: 'sha512-x', optionalDependencies: { 'c-darwin-x64': '1.0.0' } },
    };
    expect(findLockfileProblems({ packages })).toEqual([
      'node_modules/c: its optional c-darwin-x64 has no entry, and npm ci refuses a lockfile without',
    ]);
  });

  it('lets an optional package of another platform stand without a checksum', () => {
    const packages = { 'node_modules/a-win32-x64': { version: '1.0.0', optional: true, os: ['win32'] } };
    expect(findLockfileProblems({ packages })).toEqual([]);
  });

  it('refuses a file that is no lockfile', () => {
    expect(() => findLockfileProblems({ lockfileVersion: 1 })).toThrow('packages');
  });
});

describe('readPlatform', () => {
  it.each([
    ['@scope/tool-darwin-arm64', { os: ['darwin'], cpu: ['arm64'] }],
    ['@scope/mac-x64', { os: ['darwin'], cpu: ['x64'] }],
    ['@scope/win-x64-cuda', { os: ['win32'], cpu: ['x64'] }],
    ['tool-win32-ia32-msvc', { os: ['win32'], cpu: ['ia32'] }],
    ['@scope/binding-linux-arm-musleabihf', { os: ['linux'], cpu: ['arm'], libc: ['musl'] }],
    ['@scope/tool-linux-x64-gnu', { os: ['linux'], cpu: ['x64'], libc: ['glibc'] }],
    // The word has `arm` in the middle.
    ['@scope/binding-openharmony-arm64', { os: ['openharmony'], cpu: ['arm64'] }],
    ['@scope/binding-wasm32-wasi', { cpu: ['wasm32'] }],
    ['window-charm', null],
  ])('reads %s', (name, platform) => {
    expect(readPlatform(name)).toEqual(platform);
  });
});

describe('repairLockfile', () => {
  const tool = { integrity: 'sha512-x', dev: true, optionalDependencies: { 'tool-darwin-arm64': '1.0.0' } };
  const darwin = {
    version: '1.0.0',
    integrity: 'sha512-d',
    optional: true,
    os: ['darwin'],
    cpu: ['arm64'],
    license: 'MIT',
  };

  it('puts back what the earlier lockfile had, with its checksum, and what that needs in turn', () => {
    const earlier = {
      packages: {
        'node_modules/tool-darwin-arm64': {
          ...darwin,
          resolved: 'https://registry.example.com/d.tgz',
          dependencies: { shim: '^2.0.0' },
        },
        'node_modules/shim': { version: '2.0.0', integrity: 'sha512-s', optional: true },
      },
    };
    const repaired = repairLockfile({ lockfileVersion: 3, packages: { 'node_modules/tool': tool } }, earlier);
    expect(repaired).toEqual({
      lockfileVersion: 3,
      packages: {
        'node_modules/shim': { version: '2.0.0', integrity: 'sha512-s', optional: true },
        'node_modules/tool': tool,
        'node_modules/tool-darwin-arm64': { ...darwin, dependencies: { shim: '^2.0.0' } },
      },
    });
  });

  it('takes no other version from the earlier lockfile, but what the name says', () => {
    const earlier = { packages: { 'node_modules/tool-darwin-arm64': { ...darwin, version: '0.9.0' } } };
    const { packages } = repairLockfile({ packages: { 'node_modules/tool': tool } }, earlier);
    expect(packages['node_modules/tool-darwin-arm64']).toEqual({
      version: '1.0.0',
      dev: true,
      optional: true,
      os: ['darwin'],
      cpu: ['arm64'],
    });
    expect(findLockfileProblems({ packages })).toEqual([]);
  });

  it('takes download addresses out where a checksum stands for them', () => {
    const packages = {
      'node_modules/a': { resolved: 'https://registry.example.com/a.tgz', integrity: 'sha512-x' },
      'node_modules/b': { resolved: 'packages/b', link: true },
    };
    expect(repairLockfile({ packages }, null).packages).toEqual({
      'node_modules/a': { integrity: 'sha512-x' },
      'node_modules/b': { resolved: 'packages/b', link: true },
    });
  });

  it('leaves to be reported what it cannot know', () => {
    const packages = {
      'node_modules/a': { integrity: 'sha512-x', optionalDependencies: { fast: '1.0.0', 'a-linux-x64': '>=1 <3' } },
    };
    const repaired = repairLockfile({ packages }, null);
    expect(repaired.packages).toEqual(packages);
    expect(findLockfileProblems(repaired)).toHaveLength(2);
  });
});

describe('fixLockfile', () => {
  let root = '';
  beforeAll(async () => {
    root = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-lockfile-'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it('repairs the file from the committed one, and leaves a good file as it is', async () => {
    const file = path.join(root, 'package-lock.json');
    const tool = { version: '1.0.0', integrity: 'sha512-x', optionalDependencies: { 'tool-win32-x64': '1.0.0' } };
    const windows = { version: '1.0.0', integrity: 'sha512-w', optional: true, os: ['win32'], cpu: ['x64'] };
    const whole = JSON.stringify({ packages: { 'node_modules/tool': tool, 'node_modules/tool-win32-x64': windows } });
    const git = (...args: string[]) =>
      run('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], { cwd: root });
    await writeFile(file, whole);
    await git('init', '-q');
    await git('add', '.');
    await git('commit', '-q', '-m', 'whole');
    await fixLockfile(root);
    expect(await readFile(file, 'utf8')).toBe(whole);

    await writeFile(file, JSON.stringify({ packages: { 'node_modules/tool': tool } }));
    expect(await checkLockfile(root)).toContain('tool-win32-x64 has no entry');
    await fixLockfile(root);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(JSON.parse(whole));
    expect(await checkLockfile(root)).toBe('');
  });
});
