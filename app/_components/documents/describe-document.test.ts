import { describe, expect, it } from 'vitest';
import { formatSize } from './describe-document.ts';

describe('formatSize', () => {
  it('keeps two figures and moves to the next unit in time', () => {
    expect([0, 999, 1000, 1549, 9_949, 9_950, 999_499, 999_500, 48_000_000, 2_340_000_000].map(formatSize)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '1.5 kB',
      '9.9 kB',
      '10 kB',
      '999 kB',
      '1.0 MB',
      '48 MB',
      '2.3 GB',
    ]);
  });
});
