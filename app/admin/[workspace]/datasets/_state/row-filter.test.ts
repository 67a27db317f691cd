import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseRowFilter, rowStates, writeRowAddress } from './row-filter.ts';

it('reads from an address what was written into it', () => {
  const text = fc.option(fc.string({ minLength: 1, maxLength: 40 }), { nil: undefined });
  const shown = fc.record({
    state: fc.option(fc.constantFrom(...rowStates), { nil: undefined }),
    reason: text,
    intent: text,
    importId: fc.option(fc.uuid(), { nil: undefined }),
    search: text,
  });
  fc.assert(
    fc.property(shown, fc.integer({ min: 1, max: 999 }), (filter, pageNumber) => {
      const url = new URL(writeRowAddress('/admin/w/datasets/x', filter, pageNumber), 'http://localhost');
      expect(parseRowFilter(Object.fromEntries(url.searchParams))).toEqual({ filter, pageNumber });
    }),
  );
});

it('leaves out what is no filter', () => {
  expect(parseRowFilter({ state: 'gone', source: 'x', page: '-3', reason: ['toxic', 'b'], q: '' })).toEqual({
    filter: { state: undefined, reason: 'toxic', intent: undefined, importId: undefined, search: undefined },
    pageNumber: 1,
  });
});
