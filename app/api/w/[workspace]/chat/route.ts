import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { createChatDeps } from '#lib/chat/create-chat-deps.ts';
import { encodeEvents, eventStreamHeaders, formatEvent } from '#lib/chat/encode-events.ts';
import type { ChatTurnDeps } from '#lib/chat/run-chat-turn.ts';
import { type PreparedTurn, prepareChatTurn, streamChatTurn } from '#lib/chat/run-chat-turn.ts';

/** Answers of minutes are possible on slow machines; the turn has its own, shorter bound. */
export const maxDuration = 300;

const bodySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('ask'),
    conversationId: z.uuid().nullable(),
    question: z.string().max(10_000),
    requestId: z.uuid().optional(),
  }),
  z.object({ kind: z.literal('regenerate'), messageId: z.uuid() }),
  z.object({ kind: z.literal('edit'), messageId: z.uuid(), question: z.string().max(10_000) }),
]);

async function* formatTurn(deps: ChatTurnDeps, turn: PreparedTurn, signal: AbortSignal): AsyncGenerator<string> {
  for await (const event of streamChatTurn(deps, turn, signal)) yield formatEvent(event.type, event);
}

/** One chat turn as server-sent events. What is wrong with the request is an HTTP error; what goes wrong later an event. */
export const POST = defineWorkspaceRoute({
  path: '/api/w/[workspace]/chat',
  method: 'POST',
  permission: 'chat.use',
  body: bodySchema,
  handler: async ({ authorized, body, deps, request }) => {
    const chatDeps = createChatDeps(deps);
    const turn = await prepareChatTurn(chatDeps, authorized, body);
    const left = new AbortController();
    const signal = AbortSignal.any([request.signal, left.signal]);
    const stream = encodeEvents(formatTurn(chatDeps, turn, signal), { onCancel: () => left.abort() });
    return new Response(stream, { headers: eventStreamHeaders });
  },
});
