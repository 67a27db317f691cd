import { describe, expect, it } from 'vitest';
import { findMissingNames, findNames } from './find-names.ts';

describe('findNames', () => {
  it.each([
    ['According to the policy of example.com: what is kept?', ['example.com']],
    ['Is shop.example.co.uk mentioned in setup.exe?', ['shop.example.co.uk', 'setup.exe']],
    ['Does the K40 need the MX-7731, and what of the K40?', ['K40', 'MX-7731']],
    ['What does error E14 mean?', ['E14']],
    ['The 3rd of 2.5 mm, e.g. after 24h, at 10.25 bar?', []],
    ['Who may write to mail@example.com?', []],
    ['How long is the warranty?', []],
  ])('%s', (question, names) => {
    expect(findNames(question)).toEqual(names);
  });
});

describe('findMissingNames', () => {
  it('knows a name however it is written, and no longer one that begins with it', () => {
    const texts = ['The K 40 and the mx7731.', 'See www.EXAMPLE.com.'];
    expect(findMissingNames(['K40', 'MX-7731', 'example.com'], texts)).toEqual([]);
    expect(findMissingNames(['K4', 'K400', 'MX-773', 'ample.com', 'other.com'], texts)).toEqual([
      'K4',
      'K400',
      'MX-773',
      'ample.com',
      'other.com',
    ]);
  });
});
