import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { expect, test } from 'vitest';
import { loadEnv } from './env.ts';

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');

test('.env.example lists every setting, and as it stands it changes nothing', () => {
  const example = parseEnv(read('../../.env.example'));
  const settings = [...read('./env.ts').matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map((match) => match[1]);
  expect(settings.length).toBeGreaterThan(10);
  expect(new Set(Object.keys(example))).toEqual(new Set(settings.filter((name) => name !== 'NODE_ENV')));
  expect(loadEnv(example)).toEqual(loadEnv({}));
});

test('names every bad setting at once, with what came', () => {
  const bad = { PORT: 'http', DATABASE_URL: 'mysql://x', LOREHOUSE_THREADS: '0' };
  const load = () => loadEnv(bad);
  expect(load).toThrow(/PORT[^]*"http"/);
  expect(load).toThrow(/DATABASE_URL[^]*expected postgres/);
  expect(load).toThrow(/LOREHOUSE_THREADS/);
});

test('an empty value counts as unset, and a named default as set', () => {
  expect(loadEnv({ BASE_MODEL: '', PORT: '' })).toEqual(loadEnv({}));
  expect(loadEnv({ BASE_MODEL: loadEnv({}).baseModel }).isBaseModelSet).toBe(true);
});
