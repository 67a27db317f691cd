import { describe, expect, it } from 'vitest';
import { UploadError, type UploadOutcome } from './upload-file.ts';
import { createUploadQueue } from './upload-queue.ts';

const chosen = (...paths: string[]) => paths.map((path) => ({ path, file: new File(['x'], path) }));

function setUp(parallel = 2) {
  const sent: string[] = [];
  const open = new Map<string, { resolve: (outcome: UploadOutcome) => void; reject: (error: unknown) => void }>();
  let settled = 0;
  const queue = createUploadQueue({
    parallel,
    onSettled: () => {
      settled += 1;
    },
    schedule: (notify) => notify(),
    send: ({ path }, _onProgress, signal) => {
      sent.push(path);
      return new Promise((resolve, reject) => {
        open.set(path, { resolve, reject });
        signal.addEventListener('abort', () => reject(new UploadError('Cancelled.', true)));
      });
    },
  });
  const states = () => Object.fromEntries(queue.getItems().map((item) => [item.path, item.state]));
  const finish = async (path: string, result: UploadOutcome | UploadError) => {
    const upload = open.get(path);
    if (!upload) throw new Error(`${path} is not being sent`);
    if (result instanceof UploadError) upload.reject(result);
    else upload.resolve(result);
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { queue, sent, states, finish, settled: () => settled };
}

describe('createUploadQueue', () => {
  it('sends in order, never more than its bound at once', async () => {
    const { queue, sent, states, finish, settled } = setUp(2);
    queue.add(chosen('a', 'b', 'c', 'd'));
    expect(sent).toEqual(['a', 'b']);
    await finish('b', { outcome: 'created' });
    expect(sent).toEqual(['a', 'b', 'c']);
    expect(states()).toEqual({ a: 'sending', b: 'done', c: 'sending', d: 'waiting' });
    expect(settled()).toBe(1);
  });

  it('goes on behind a file that fails, and sends it again on request', async () => {
    const { queue, sent, states, finish } = setUp(1);
    queue.add(chosen('broken', 'fine', 'refused'));
    await finish('broken', new UploadError('The connection broke.', true));
    await finish('fine', { outcome: 'unchanged', fileName: 'other' });
    await finish('refused', new UploadError('This is a program.', false));
    expect(states()).toEqual({ broken: 'failed', fine: 'done', refused: 'failed' });
    queue.retry();
    expect(sent).toEqual(['broken', 'fine', 'refused', 'broken']);
    expect(states()).toEqual({ broken: 'sending', fine: 'done', refused: 'failed' });
    await finish('broken', { outcome: 'created' });
    queue.clearFinished();
    expect(queue.getItems()).toEqual([]);
  });

  it('stops what is cancelled and starts the next in its place', async () => {
    const { queue, sent, states } = setUp(1);
    queue.add(chosen('a', 'b', 'c'));
    const [first] = queue.getItems();
    queue.cancel(first?.key);
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    expect(states()).toEqual({ b: 'sending', c: 'waiting' });
    queue.cancel();
    await Promise.resolve();
    expect(queue.getItems()).toEqual([]);
    expect(sent).toEqual(['a', 'b']);
  });

  it('tells listeners once for many changes, with a new list', () => {
    const waiting: (() => void)[] = [];
    const queue = createUploadQueue({
      parallel: 1,
      onSettled: () => undefined,
      schedule: (notify) => waiting.push(notify),
      send: () => new Promise(() => undefined),
    });
    let heard = 0;
    queue.subscribe(() => {
      heard += 1;
    });
    queue.add(chosen('a', 'b', 'c'));
    queue.add(chosen('d'));
    const before = queue.getItems();
    expect(waiting).toHaveLength(1);
    waiting[0]?.();
    expect(heard).toBe(1);
    expect(before).toEqual([]);
    expect(queue.getItems()).toHaveLength(4);
  });
});
