import { EventSourceParserStream } from 'eventsource-parser/stream';
import { z } from 'zod';
import { publicErrorSchema } from '#lib/domain/chat.ts';

const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text-delta'), text: z.string() }),
  z.object({ type: z.literal('answer-final'), text: z.string() }),
  z.object({
    type: z.literal('try-finish'),
    adapterSha256: z.string().nullable(),
    firstTextMs: z.number().nullable(),
    totalMs: z.number(),
    completionTokens: z.number(),
  }),
  z.object({ type: z.literal('try-error'), error: publicErrorSchema }),
]);
export type TryStreamEvent = z.infer<typeof eventSchema>;

/** One column's events. @throws Error with a message for people when the server refuses the question */
export async function* readTryStream(response: Response): AsyncGenerator<TryStreamEvent> {
  if (!response.ok || response.body === null) {
    const body = z.object({ error: publicErrorSchema }).safeParse(await response.json().catch(() => null));
    throw new Error(body.success ? body.data.error.message : `The server answered with status ${response.status}.`);
  }
  const reader = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const event = eventSchema.safeParse(JSON.parse(value.data));
      if (event.success) yield event.data;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
