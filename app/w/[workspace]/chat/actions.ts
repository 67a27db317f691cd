'use server';

import { z } from 'zod';
import { defineWorkspaceAction } from '#app/_server/action.ts';
import {
  deleteConversation,
  giveFeedback,
  listOwnConversations,
  renameOwnConversation,
  undoDeleteConversation,
} from '#lib/chat/conversations.ts';

const workspace = z.string();
const conversation = z.object({ workspace, conversationId: z.uuid() });

export const renameConversation = defineWorkspaceAction({
  name: 'conversation.rename',
  permission: 'chat.use',
  input: conversation.extend({ title: z.string().max(1000) }),
  handler: ({ authorized, deps, input }) => renameOwnConversation(deps, authorized, input.conversationId, input.title),
});

export const removeConversation = defineWorkspaceAction({
  name: 'conversation.delete',
  permission: 'chat.use',
  input: conversation,
  handler: ({ authorized, deps, input }) => deleteConversation(deps, authorized, input.conversationId),
});

export const restoreConversation = defineWorkspaceAction({
  name: 'conversation.restore',
  permission: 'chat.use',
  input: conversation,
  handler: ({ authorized, deps, input }) => undoDeleteConversation(deps, authorized, input.conversationId),
});

/** Newest first; an empty query lists all. */
export const searchConversations = defineWorkspaceAction({
  name: 'conversation.search',
  permission: 'chat.use',
  input: z.object({ workspace, query: z.string().max(200) }),
  handler: ({ authorized, deps, input }) => listOwnConversations(deps, authorized, input.query),
});

export const saveFeedback = defineWorkspaceAction({
  name: 'message.give-feedback',
  permission: 'chat.use',
  input: z.object({
    workspace,
    messageId: z.uuid(),
    isHelpful: z.boolean(),
    comment: z.string().max(4000),
    correction: z.string().max(4000),
  }),
  handler: ({ authorized, deps, input: { messageId, isHelpful, comment, correction } }) =>
    giveFeedback(deps, authorized, messageId, { isHelpful, comment, correction }),
});
