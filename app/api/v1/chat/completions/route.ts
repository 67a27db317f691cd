import { randomUUID } from 'node:crypto';
import { describeError } from '#app/_server/respond.ts';
import { defineKeyRoute } from '#app/_server/route.ts';
import { createCompletionDeps } from '#lib/chat/create-chat-deps.ts';
import { encodeEvents, eventStreamHeaders } from '#lib/chat/encode-events.ts';
import {
  completeOnce,
  completionRequestSchema,
  prepareCompletion,
  streamCompletion,
} from '#lib/chat/openai-completions.ts';

export const maxDuration = 300;

/** OpenAI's chat completions, answered by the workspace's assistant. */
export const POST = defineKeyRoute({
  path: '/api/v1/chat/completions',
  method: 'POST',
  permission: 'chat.use',
  body: completionRequestSchema,
  handler: async ({ authorized, body, deps, request }) => {
    const prepared = await prepareCompletion(createCompletionDeps(deps), authorized, body, randomUUID());
    if (body.stream !== true) return await completeOnce(prepared, request.signal);
    const left = new AbortController();
    const signal = AbortSignal.any([request.signal, left.signal]);
    const chunks = streamCompletion(prepared, signal, (error) => describeError(error, deps.log).error);
    return new Response(encodeEvents(chunks, { onCancel: () => left.abort() }), { headers: eventStreamHeaders });
  },
});
