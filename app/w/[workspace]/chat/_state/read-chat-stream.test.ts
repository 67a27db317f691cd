import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatEvent } from '#lib/domain/chat.ts';
import { readChatStream } from './read-chat-stream.ts';

const events: readonly ChatEvent[] = [
  { type: 'turn-start', conversationId: 'c', userMessageId: 'u', messageId: 'm' },
  { type: 'stage-update', stage: 'searching' },
  { type: 'text-delta', text: 'Über 40 °C\n\n' },
  { type: 'text-delta', text: 'data: not an event' },
];

const wire = `: keep-alive\n\n${events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')}`;

function streamOf(bytes: Uint8Array, cuts: readonly number[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  const places = [0, ...[...cuts].map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
  return new ReadableStream({
    start(controller) {
      for (const [index, from] of places.entries())
        controller.enqueue(new Uint8Array(bytes.slice(from, places[index + 1] ?? from)));
      controller.close();
    },
  });
}

async function collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<ChatEvent[]> {
  const all: ChatEvent[] = [];
  for await (const event of readChatStream(stream)) all.push(event);
  return all;
}

describe('readChatStream', () => {
  it('reads the same events however the network cuts the bytes', async () => {
    const bytes = new TextEncoder().encode(wire);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 20 }), async (cuts) => {
        expect(await collect(streamOf(bytes, cuts))).toEqual(events);
      }),
    );
  });

  it('leaves out events that it does not know', async () => {
    const bytes = new TextEncoder().encode(`event: tool-call\ndata: {"type":"tool-call"}\n\n${wire}`);
    expect(await collect(streamOf(bytes, []))).toEqual(events);
  });
});
