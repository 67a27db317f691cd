import type { ReactNode } from 'react';
import { WorkspaceShell } from '#app/_components/shell/workspace-shell.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';

export default async function DataSetsLayout({
  params,
  children,
}: {
  readonly params: Promise<{ readonly workspace: string }>;
  readonly children: ReactNode;
}) {
  const { workspace } = await params;
  const page = await requireWorkspacePage(workspace, 'dataset.read', `/admin/${workspace}/datasets`);
  return <WorkspaceShell page={page}>{children}</WorkspaceShell>;
}
