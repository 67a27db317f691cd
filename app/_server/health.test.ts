import { expect, it, vi } from 'vitest';
import { AppError } from '#lib/domain/errors.ts';
import { type HealthProbe, readHealth } from './health.ts';

const ready: HealthProbe = async () => ({ state: 'ready', reason: null });

const degraded: HealthProbe = async () => ({ state: 'degraded', reason: 'no base model' });

it('is ready when every part serves, degraded ones too', async () => {
  const health = await readHealth({ database: ready, runtime: degraded, worker: ready });
  expect(health.status).toBe('ready');
  expect(health.parts.runtime).toEqual({ state: 'degraded', reason: 'no base model' });
});

it('names what is missing, without the address that a driver puts into its message', async () => {
  const health = await readHealth({
    database: async () => {
      throw new Error('connect ECONNREFUSED 10.0.0.7:5432');
    },
    runtime: async () => {
      throw new AppError({
        code: 'runtime.unavailable',
        message: 'socket /x',
        userMessage: 'The model server is down.',
      });
    },
    worker: async () => ({ state: 'starting', reason: 'the worker has not reported yet' }),
  });
  expect(health.status).toBe('not-ready');
  expect(health.parts).toEqual({
    database: { state: 'down', reason: 'the database cannot be reached' },
    runtime: { state: 'down', reason: 'The model server is down.' },
    worker: { state: 'starting', reason: 'the worker has not reported yet' },
    web: { state: 'ready', reason: null },
  });
});

it('waits for no part for ever', async () => {
  const clock = new AbortController();
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(clock.signal);
  const pending = readHealth({ database: ready, runtime: () => Promise.withResolvers<never>().promise, worker: ready });
  clock.abort();
  const health = await pending;
  timeout.mockRestore();
  expect(health.parts.runtime).toEqual({ state: 'down', reason: 'the runtime does not answer' });
});
