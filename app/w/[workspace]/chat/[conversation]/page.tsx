import type { Metadata } from 'next';
import { cache } from 'react';
import { readAddressed, requireWorkspacePage } from '#app/_server/page.ts';
import { readConversation } from '#lib/chat/conversations.ts';
import { Conversation } from '../_components/conversation.tsx';
import { countDocuments } from '../_components/count-documents.ts';

interface Props {
  readonly params: Promise<{ readonly workspace: string; readonly conversation: string }>;
}

const readChatPage = cache(async (slug: string, conversationId: string) => {
  const page = await requireWorkspacePage(slug, 'chat.use', `/w/${slug}/chat/${conversationId}`);
  const found = await readAddressed([conversationId], () =>
    readConversation(page.deps, page.authorized, conversationId),
  );
  return { page, ...found };
});

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { workspace, conversation: id } = await params;
  const { conversation } = await readChatPage(workspace, id);
  return { title: conversation.title };
}

export default async function ConversationPage({ params }: Props) {
  const { workspace, conversation: id } = await params;
  const { page, conversation, messages } = await readChatPage(workspace, id);
  return (
    <Conversation
      key={conversation.id}
      conversationId={conversation.id}
      title={conversation.title}
      stored={messages}
      workspaceName={page.workspace.name}
      suggestedQuestions={page.workspace.suggestedQuestions}
      documents={await countDocuments(page)}
    />
  );
}
