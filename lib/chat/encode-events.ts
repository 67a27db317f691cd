/** Server-sent events over a stream: one implementation for the chat page and for the public API. */

/** Proxies close connections that are silent for longer; reading a long prompt is silent. */
const HEARTBEAT_MS = 10_000;

export const eventStreamHeaders: Readonly<Record<string, string>> = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
};

/** A named event with JSON data. JSON has no raw line breaks, so one `data:` line is enough. */
export function formatEvent(name: string | null, data: unknown): string {
  const json = typeof data === 'string' ? data : JSON.stringify(data);
  return `${name === null ? '' : `event: ${name}\n`}data: ${json}\n\n`;
}

/**
 * Encode events as they come, with a comment as heartbeat while none do. A reader that goes away aborts `onCancel`; the events
 * are still taken to their end, so that whoever makes them can store the outcome.
 */
export function encodeEvents(
  events: AsyncIterable<string>,
  options: { readonly onCancel: () => void; readonly heartbeatMs?: number },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const iterator = events[Symbol.asyncIterator]();
  let isCancelled = false;
  return new ReadableStream({
    start(controller) {
      const heartbeat = setInterval(() => {
        if (!isCancelled) controller.enqueue(encoder.encode(': still here\n\n'));
      }, options.heartbeatMs ?? HEARTBEAT_MS);
      const drain = async () => {
        try {
          for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
            if (!isCancelled) controller.enqueue(encoder.encode(next.value));
          }
          if (!isCancelled) controller.close();
        } catch (error) {
          if (!isCancelled) controller.error(error);
        } finally {
          clearInterval(heartbeat);
        }
      };
      // Started here and not awaited: a stream whose start is pending delivers nothing.
      void drain();
    },
    cancel() {
      isCancelled = true;
      options.onCancel();
    },
  });
}
