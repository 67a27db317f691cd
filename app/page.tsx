import { redirect } from 'next/navigation';
import { listPageWorkspaces, requirePagePerson } from '#app/_server/page.ts';
import { StartWithoutWorkspace } from './_components/shell/start-without-workspace.tsx';
import { signOut } from './(auth)/actions.ts';
import { createWorkspace } from './admin/members/actions.ts';

/** The door: to the first workspace, to sign-in, or to a word for those who belong to none. */
export default async function StartPage() {
  const { actor } = await requirePagePerson('/');
  const [workspace] = await listPageWorkspaces(actor);
  if (workspace !== undefined) redirect(`/w/${workspace.slug}/chat`);
  return <StartWithoutWorkspace isInstanceOwner={actor.isInstanceOwner} actions={{ createWorkspace, signOut }} />;
}
