import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { documentGroups, documentOrders } from '#lib/domain/document-list.ts';
import { documentFormats } from '#lib/ingestion/formats.ts';
import { changeListView, parseListView, writeListView } from './list-query.ts';

const read = (query: string) => parseListView(Object.fromEntries(new URLSearchParams(query)));

describe('list view', () => {
  it('survives its address', () => {
    const views = fc.record({
      search: fc.string({ maxLength: 40, unit: 'grapheme' }).filter((text) => text.isWellFormed()),
      group: fc.option(fc.constantFrom(...documentGroups)),
      tag: fc.option(fc.string({ minLength: 1, maxLength: 20 })),
      mediaType: fc.option(fc.constantFrom(...documentFormats.map((format) => format.mediaType))),
      order: fc.constantFrom(...documentOrders),
      isDescending: fc.boolean(),
      page: fc.integer({ min: 1, max: 1000 }),
    });
    fc.assert(
      fc.property(views, (view) => {
        expect(read(writeListView(view))).toEqual(view);
      }),
    );
  });

  it('writes nothing for the plain list, and makes it of any rubbish', () => {
    expect(writeListView(read(''))).toBe('');
    expect(writeListView(read('state=lost&sort=colour&page=-3&format=exe&direction='))).toBe('');
  });

  it('goes back to the first page when what is listed changes', () => {
    expect(changeListView(read('page=7&q=pump'), { group: 'failed' })).toEqual(read('q=pump&state=failed'));
  });
});
