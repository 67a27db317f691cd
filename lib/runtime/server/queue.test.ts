import { describe, expect, it } from 'vitest';
import { createInferenceQueue } from './queue.ts';

const never = new AbortController().signal;

describe('createInferenceQueue', () => {
  it('keeps the slot of a running request when its signal aborts: the model is still computing', async () => {
    const queue = createInferenceQueue({ concurrency: 1, limit: 4 });
    const abort = new AbortController();
    const release = await queue.acquire({ priority: 'chat', signal: abort.signal });
    abort.abort();
    const next = queue.acquire({ priority: 'chat', signal: never });
    await Promise.resolve();
    expect([queue.active, queue.waiting]).toEqual([1, 1]);
    release();
    release();
    (await next)();
  });

  it('drops a waiting request whose signal aborts', async () => {
    const queue = createInferenceQueue({ concurrency: 1, limit: 4 });
    const release = await queue.acquire({ priority: 'chat', signal: never });
    const abort = new AbortController();
    const waiting = queue.acquire({ priority: 'chat', signal: abort.signal });
    abort.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    expect(queue.waiting).toBe(0);
    await expect(queue.acquire({ priority: 'chat', signal: abort.signal })).rejects.toThrow('left');
    release();
  });
});
