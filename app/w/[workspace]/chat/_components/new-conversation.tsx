'use client';

import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';
import { useChat } from './chat-provider.tsx';
import { Conversation, type DocumentCounts } from './conversation.tsx';

const NO_MESSAGES = [] as const;

/** The empty page, made anew each time someone starts another conversation. */
export function NewConversation(props: {
  readonly workspaceName: string;
  readonly suggestedQuestions: readonly string[];
  readonly documents: DocumentCounts;
}) {
  const { freshCount } = useChat();
  useRefreshWhile(props.documents.indexed === 0 && props.documents.pending > 0);
  return <Conversation key={freshCount} conversationId={null} title={null} stored={NO_MESSAGES} {...props} />;
}
