import type { ActionResult } from '#app/_server/action.ts';
import type { ConversationView } from '#lib/domain/chat.ts';

export interface Feedback {
  readonly isHelpful: boolean;
  readonly comment: string;
  readonly correction: string;
}

/** Server actions that the chat page calls. */
export interface ChatActions {
  readonly renameConversation: (conversationId: string, title: string) => Promise<ActionResult<unknown>>;
  readonly deleteConversation: (conversationId: string) => Promise<ActionResult<unknown>>;
  readonly restoreConversation: (conversationId: string) => Promise<ActionResult<unknown>>;
  /** Titles and messages; newest first. */
  readonly searchConversations: (query: string) => Promise<ActionResult<readonly ConversationView[]>>;
  readonly saveFeedback: (messageId: string, feedback: Feedback) => Promise<ActionResult<unknown>>;
}
