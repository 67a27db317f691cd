import type { Metadata } from 'next';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { countDocuments } from './_components/count-documents.ts';
import { NewConversation } from './_components/new-conversation.tsx';

export const metadata: Metadata = { title: 'Chat' };

export default async function NewChatPage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace: slug } = await params;
  const page = await requireWorkspacePage(slug, 'chat.use', `/w/${slug}/chat`);
  return (
    <NewConversation
      workspaceName={page.workspace.name}
      suggestedQuestions={page.workspace.suggestedQuestions}
      documents={await countDocuments(page)}
    />
  );
}
