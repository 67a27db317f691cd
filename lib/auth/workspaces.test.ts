import fc from 'fast-check';
import { expect, it } from 'vitest';
import { suggestSlug, workspaceSlugSchema } from './workspaces.ts';

it('makes an address that is allowed out of any name', () => {
  expect(suggestSlug('Müller & Söhne')).toBe('muller-sohne');
  expect(suggestSlug('  !!  ')).toBe('workspace');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (name) => {
      expect(workspaceSlugSchema.safeParse(suggestSlug(name)).success).toBe(true);
    }),
  );
});
