import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { readMessage } from '#lib/chat/conversations.ts';

/** One message with its sources, citations, doubts and what answered it. */
export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/chat/messages/[messageId]',
  method: 'GET',
  permission: 'chat.use',
  params: z.object({ workspace: z.string(), messageId: z.uuid() }),
  handler: ({ authorized, deps, params }) => readMessage(deps, authorized, params.messageId),
});
