import { describe, expect, it } from 'vitest';
import { findLockfileProblems } from './lockfile.ts';

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

  it('refuses a file that is no lockfile', () => {
    expect(() => findLockfileProblems({ lockfileVersion: 1 })).toThrow('packages');
  });
});
