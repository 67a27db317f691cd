import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { ChatEvent } from '#lib/domain/chat.ts';

const eventTypes: ReadonlySet<string> = new Set<ChatEvent['type']>([
  'turn-start',
  'stage-update',
  'source-list',
  'text-delta',
  'answer-final',
  'turn-finish',
  'turn-error',
]);

/** Our own server wrote the event from the same types: the name is checked, an unknown one (a newer server) is left out. */
function isChatEvent(value: unknown): value is ChatEvent {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    eventTypes.has(value.type)
  );
}

/** Read the events of one chat turn from the body of a response. */
export async function* readChatStream(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<ChatEvent> {
  const reader = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const event: unknown = JSON.parse(value.data);
      if (isChatEvent(event)) yield event;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
