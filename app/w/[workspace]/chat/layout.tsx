import type { ReactNode } from 'react';
import { WorkspaceShell } from '#app/_components/shell/workspace-shell.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { listOwnConversations } from '#lib/chat/conversations.ts';
import { ChatProvider } from './_components/chat-provider.tsx';
import { ConversationList } from './_components/conversation-list.tsx';

export default async function ChatLayout({
  params,
  children,
}: {
  readonly params: Promise<{ readonly workspace: string }>;
  readonly children: ReactNode;
}) {
  const { workspace } = await params;
  const page = await requireWorkspacePage(workspace, 'chat.use', `/w/${workspace}/chat`);
  const conversations = await listOwnConversations(page.deps, page.authorized);
  return (
    <ChatProvider slug={workspace} canWriteDocuments={page.permissions.includes('document.write')}>
      <WorkspaceShell page={page} aside={<ConversationList conversations={conversations} />}>
        {children}
      </WorkspaceShell>
    </ChatProvider>
  );
}
