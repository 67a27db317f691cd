import { describe, expect, it } from 'vitest';
import { findUnsupported } from './json-grammar.ts';

describe('findUnsupported', () => {
  it('accepts what the grammar enforces', () => {
    const schema = {
      type: 'object',
      properties: { tags: { type: 'array', items: { enum: ['a', 'b'] }, maxItems: 3 }, pattern: { type: 'string' } },
      additionalProperties: false,
      $defs: { code: { type: 'string', maxLength: 8 } },
    };
    expect(findUnsupported(schema, '')).toEqual([]);
  });

  it('points at each keyword that would be ignored, at any depth', () => {
    const schema = {
      type: 'object',
      properties: { age: { type: 'integer', minimum: 0 }, list: { items: { anyOf: [] } } },
      oneOf: [{ not: {} }, 'text'],
    };
    expect(findUnsupported(schema, '')).toEqual([
      '/properties/age/minimum',
      '/properties/list/items/anyOf',
      '/oneOf/0/not',
      '/oneOf/1 (not a schema)',
    ]);
  });
});
