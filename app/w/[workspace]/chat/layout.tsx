import type { ReactNode } from 'react';
import { WorkspaceShell } from '#app/_components/shell/workspace-shell.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { listOwnConversations } from '#lib/chat/conversations.ts';
import { listAdapterNames } from '#lib/registry/read-adapters.ts';
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
  const adapterNames = page.permissions.includes('adapter.read')
    ? await listAdapterNames(
        page.deps,
        await authorize(page.deps.people, page.actor, page.workspace.id, 'adapter.read'),
      )
    : {};
  return (
    <ChatProvider
      slug={workspace}
      canWriteDocuments={page.permissions.includes('document.write')}
      canWriteCases={page.permissions.includes('evaluation.write')}
      adapterNames={adapterNames}
    >
      <WorkspaceShell page={page} aside={<ConversationList conversations={conversations} />}>
        {children}
      </WorkspaceShell>
    </ChatProvider>
  );
}
