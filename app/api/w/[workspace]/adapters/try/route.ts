import { describeError } from '#app/_server/respond.ts';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { createAnswerDeps } from '#lib/chat/create-chat-deps.ts';
import { encodeEvents, eventStreamHeaders, formatEvent } from '#lib/chat/encode-events.ts';
import { prepareTry, type TryEvent, trySchema } from '#lib/chat/try-answer.ts';

export const maxDuration = 300;

/** One column of the playground as server-sent events; nothing is stored. */
export const POST = defineWorkspaceRoute({
  path: '/api/w/[workspace]/adapters/try',
  method: 'POST',
  permission: 'adapter.read',
  body: trySchema,
  async handler({ actor, authorized, body, deps, request }) {
    const chat = await authorize(deps.people, actor, authorized.workspaceId, 'chat.use');
    const tools = { db: deps.db, answer: createAnswerDeps(deps) };
    const answer = await prepareTry(tools, { adapters: authorized, chat }, body);
    const left = new AbortController();
    const signal = AbortSignal.any([request.signal, left.signal]);
    async function* format(events: AsyncIterable<TryEvent>): AsyncGenerator<string> {
      try {
        for await (const event of events) yield formatEvent(event.type, event);
      } catch (error) {
        if (signal.aborted) return;
        yield formatEvent('try-error', { type: 'try-error', error: describeError(error, deps.log).error });
      }
    }
    const stream = encodeEvents(format(answer(signal)), { onCancel: () => left.abort() });
    return new Response(stream, { headers: eventStreamHeaders });
  },
});
