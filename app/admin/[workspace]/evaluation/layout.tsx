import type { ReactNode } from 'react';
import { WorkspaceShell } from '#app/_components/shell/workspace-shell.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { EvaluationTabs } from './_components/evaluation-tabs.tsx';

export default async function EvaluationLayout({
  params,
  children,
}: {
  readonly params: Promise<{ readonly workspace: string }>;
  readonly children: ReactNode;
}) {
  const { workspace } = await params;
  const page = await requireWorkspacePage(workspace, 'evaluation.read', `/admin/${workspace}/evaluation`);
  return (
    <WorkspaceShell page={page}>
      <EvaluationTabs workspace={workspace} />
      {children}
    </WorkspaceShell>
  );
}
