import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requireSameOrigin, sanitizeNextPath } from './origin.ts';

const check = (headers: Record<string, string>, method = 'POST') =>
  requireSameOrigin(new Request('http://localhost:3000/x', { method, headers }), 'https://lore.example');

describe('requireSameOrigin', () => {
  it.each([
    { 'sec-fetch-site': 'same-origin' },
    { origin: 'https://lore.example' },
    { origin: 'http://127.0.0.1:3000', host: '127.0.0.1:3000' },
  ])('lets our own pages through: %j', (headers) => {
    expect(() => check(headers)).not.toThrow();
  });

  it.each([
    {},
    { 'sec-fetch-site': 'cross-site', origin: 'https://lore.example' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { origin: 'https://evil.example', host: 'localhost:3000' },
    { origin: 'null' },
    { origin: 'https://lore.example.evil.example' },
  ])('stops everything else: %j', (headers) => {
    expect(() => check(headers)).toThrow(expect.objectContaining({ code: 'origin.foreign' }));
  });

  it('asks nothing of a read', () => {
    expect(() => check({}, 'GET')).not.toThrow();
  });
});

describe('sanitizeNextPath', () => {
  it('keeps paths of ours', () => {
    expect(sanitizeNextPath('/w/demo/chat?c=1#top')).toBe('/w/demo/chat?c=1#top');
  });

  it.each([
    null,
    '',
    'w/demo',
    '//evil.example',
    '/\\evil.example',
    '/%09/evil.example'.replace('%09', '\t'),
    'https://evil.example',
    'javascript:alert(1)',
    '/..//evil.example',
    '/./\\evil.example',
    '/a\\..\\..\\\\evil.example',
  ])('drops %j', (next) => {
    expect(sanitizeNextPath(next)).toBe('/');
  });

  it('never leads to another site, whatever is asked', () => {
    const pieces = fc.array(
      fc.constantFrom('/', '\\', '.', ':', '@', '?', '#', '\t', '\n', '%2f', '%5c', 'evil.example', 'https', 'a'),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          pieces.map((parts) => parts.join('')),
        ),
        (next) => {
          const path = sanitizeNextPath(next);
          expect(new URL(path, 'https://lore.example').origin).toBe('https://lore.example');
          expect(path).toMatch(/^\//);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
