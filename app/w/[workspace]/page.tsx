import { redirect } from 'next/navigation';

export default async function WorkspacePage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace } = await params;
  redirect(`/w/${encodeURIComponent(workspace)}/chat`);
}
