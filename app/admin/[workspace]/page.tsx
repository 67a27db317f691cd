import { redirect } from 'next/navigation';
import { requireWorkspacePage } from '#app/_server/page.ts';

export default async function AdminPage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace } = await params;
  const { permissions } = await requireWorkspacePage(workspace, 'chat.use', `/admin/${workspace}`);
  redirect(permissions.includes('run.read') ? `/admin/${workspace}/jobs` : `/w/${workspace}/chat`);
}
