import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { createChatDeps } from '#lib/chat/create-chat-deps.ts';
import { stopChatTurn } from '#lib/chat/run-chat-turn.ts';

/** Stop an answer; the text so far stays. An answer that has ended is left as it is. */
export const POST = defineWorkspaceRoute({
  path: '/api/w/[workspace]/chat/messages/[messageId]/stop',
  method: 'POST',
  permission: 'chat.use',
  params: z.object({ workspace: z.string(), messageId: z.uuid() }),
  handler: async ({ authorized, deps, params }) => {
    await stopChatTurn(createChatDeps(deps), authorized, params.messageId);
    return undefined;
  },
});
