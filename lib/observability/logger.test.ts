import { expect, test } from 'vitest';
import { AppError } from '#lib/domain/errors.ts';
import { createLogger, type LogLevel, REDACTED } from './logger.ts';

function capture(level: LogLevel = 'info') {
  const lines: string[] = [];
  return { logger: createLogger('probe', level, { write: (line) => lines.push(line) }), lines };
}

test('replaces secrets wherever a logged object carries them', () => {
  const { logger, lines } = capture();
  logger.info(
    {
      password: 'hunter2',
      headers: { authorization: 'Bearer abc', cookie: 'session=xyz', accept: 'text/html' },
      request: { headers: { Authorization: 'Bearer def' } },
      key: { apiKey: 'lh_123', token: 'tok' },
    },
    'request',
  );
  const text = lines.join('');
  for (const secret of ['hunter2', 'abc', 'xyz', 'def', 'lh_123', '"tok"']) expect(text).not.toContain(secret);
  expect(text).toContain(REDACTED);
  expect(text).toContain('text/html');
});

test('writes one JSON object a line with the name, an ISO time and the cause of an error', () => {
  const { logger, lines } = capture();
  const cause = new Error('connect ECONNREFUSED');
  logger.error({ err: new AppError({ code: 'runtime.busy', message: 'queue full', cause }) }, 'failed');
  expect(lines).toHaveLength(1);
  const entry: unknown = JSON.parse(lines[0] ?? '');
  expect(entry).toMatchObject({ name: 'probe', level: 50, msg: 'failed', err: { code: 'runtime.busy' } });
  expect(entry).toHaveProperty('time', expect.stringMatching(/^\d{4}-\d\d-\d\dT/));
  expect(lines[0]).toContain('ECONNREFUSED');
});

test('keeps quiet below its level', () => {
  const { logger, lines } = capture('warn');
  logger.info('unheard');
  expect(lines).toEqual([]);
});
