import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError, notFound } from '#lib/domain/errors.ts';
import { findStatus, isCallerGone, respondWithError } from './respond.ts';

const root = path.resolve(import.meta.dirname, '../..');

function createLog() {
  const entries: { fields: Readonly<Record<string, unknown>>; message: string }[] = [];
  return {
    entries,
    error: (fields: Readonly<Record<string, unknown>>, message: string) => entries.push({ fields, message }),
  };
}

it('knows a status for every code that the product throws', () => {
  const unknown = new Set<string>();
  for (const file of globSync('{app,lib,db}/**/*.{ts,tsx}', { cwd: root })) {
    if (/\.test\.tsx?$/.test(file)) continue;
    const source = readFileSync(path.join(root, file), 'utf8');
    for (const [, code = ''] of source.matchAll(/\bcode: '([a-z][a-z-]*\.[a-z-]+)'/g)) {
      if (findStatus(code) === undefined) unknown.add(code);
    }
  }
  expect([...unknown]).toEqual([]);
});

describe('respondWithError', () => {
  it('says how long to wait', async () => {
    const error = new AppError({
      code: 'runtime.busy',
      message: 'queue of 16 is full',
      userMessage: 'Try again.',
      isRetryable: true,
      retryAfterMs: 1500,
    });
    const response = respondWithError(error, createLog());
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(await response.json()).toEqual({
      error: { code: 'runtime.busy', message: 'Try again.', isRetryable: true },
    });
  });

  it('tells nothing of an unexpected error but where the log has it, and logs no values of a statement', async () => {
    const log = createLog();
    const failure = Object.assign(
      new Error('Failed query: insert …\nparams: secret-answer', { cause: new Error('disk full') }),
      {
        query: 'insert into messages …',
        params: ['secret-answer'],
      },
    );
    const response = respondWithError(failure, log);
    const body: unknown = await response.json();
    expect(response.status).toBe(500);
    expect(JSON.stringify(body)).not.toMatch(/secret-answer|disk full|insert/);
    const [entry] = log.entries;
    expect(JSON.stringify(body)).toContain(String(entry?.fields['eventId']));
    expect(entry?.fields['err']).toMatchObject({ message: 'disk full' });
    expect(JSON.stringify(entry)).not.toContain('secret-answer');
  });

  it('speaks as OpenAI does where asked', async () => {
    const response = respondWithError(notFound('document'), createLog(), 'openai');
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      error: {
        message: 'This document does not exist or you have no access to it.',
        type: 'invalid_request_error',
        param: null,
        code: 'document.not-found',
      },
    });
  });
});

it('tells a caller who left from an error of ours', () => {
  const abort = Object.assign(new Error('The operation was aborted'), { name: 'AbortError' });
  const gone = { signal: AbortSignal.abort() };
  expect(isCallerGone(gone, abort)).toBe(true);
  expect(isCallerGone(gone, new Error('disk full'))).toBe(false);
  expect(isCallerGone({ signal: new AbortController().signal }, abort)).toBe(false);
});
