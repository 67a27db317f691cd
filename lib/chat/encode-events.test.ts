import { expect, test, vi } from 'vitest';
import { encodeEvents, formatEvent } from './encode-events.ts';

test('an event is one line of data, whatever the text', () => {
  expect(formatEvent('text-delta', { text: 'a\nb\r\n\ndata: c' })).toBe(
    'event: text-delta\ndata: {"text":"a\\nb\\r\\n\\ndata: c"}\n\n',
  );
  expect(formatEvent(null, '[DONE]')).toBe('data: [DONE]\n\n');
});

test('sends a comment while nothing happens', async () => {
  vi.useFakeTimers();
  try {
    const gate = Promise.withResolvers<void>();
    async function* wait() {
      await gate.promise;
      yield 'data: 1\n\n';
    }
    const reader = encodeEvents(wait(), { onCancel: () => undefined, heartbeatMs: 50 }).getReader();
    const first = reader.read();
    await vi.advanceTimersByTimeAsync(60);
    expect(new TextDecoder().decode((await first).value)).toBe(': still here\n\n');
    gate.resolve();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: 1\n\n');
    expect((await reader.read()).done).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});

test('a reader who goes away aborts the work, and the work is still taken to its end', async () => {
  const stop = new AbortController();
  const settled = Promise.withResolvers<string>();
  async function* work() {
    yield 'data: 1\n\n';
    await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }));
    yield 'data: 2\n\n';
    settled.resolve('stored');
  }
  const reader = encodeEvents(work(), { onCancel: () => stop.abort() }).getReader();
  await reader.read();
  await reader.cancel();
  expect(await settled.promise).toBe('stored');
});
