import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadOrCreateSecret } from './secret.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'lorehouse-secret-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('makes a secret once, for its owner only, and leaves nothing else behind', () => {
  const file = path.join(directory, 'data', 'secret');
  const secret = loadOrCreateSecret(file);
  expect(secret).toMatch(/^[\w-]{64}$/);
  expect(loadOrCreateSecret(file)).toBe(secret);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(path.dirname(file))).toEqual(['secret']);
  expect(loadOrCreateSecret(path.join(directory, 'other'))).not.toBe(secret);
});

it('refuses a secret that was cut off rather than sign with it', () => {
  const file = path.join(directory, 'secret');
  writeFileSync(file, 'short\n');
  expect(() => loadOrCreateSecret(file)).toThrow(/has 5 characters, expected 32 or more/);
  expect(readFileSync(file, 'utf8')).toBe('short\n');
});
