import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { giveFeedback } from '#lib/chat/conversations.ts';

const params = z.object({ workspace: z.string(), messageId: z.uuid() });

/** Give feedback on an answer, or replace it. */
export const PUT = defineWorkspaceRoute({
  path: '/api/w/[workspace]/chat/messages/[messageId]/feedback',
  method: 'PUT',
  permission: 'chat.use',
  params,
  body: z.object({
    isHelpful: z.boolean(),
    comment: z.string().max(4000).default(''),
    correction: z.string().max(4000).default(''),
  }),
  handler: async ({ authorized, body, deps, params: { messageId } }) => {
    await giveFeedback(deps, authorized, messageId, body);
    return undefined;
  },
});

/** Take it back. */
export const DELETE = defineWorkspaceRoute({
  path: '/api/w/[workspace]/chat/messages/[messageId]/feedback',
  method: 'DELETE',
  permission: 'chat.use',
  params,
  handler: async ({ authorized, deps, params: { messageId } }) => {
    await giveFeedback(deps, authorized, messageId, null);
    return undefined;
  },
});
