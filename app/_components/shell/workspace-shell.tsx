import type { ReactNode } from 'react';
import { listPageWorkspaces, type WorkspacePage } from '#app/_server/page.ts';
import { signOut } from '#app/(auth)/actions.ts';
import { createWorkspace } from '#app/admin/members/actions.ts';
import { readAccount } from '#lib/auth/accounts.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { Shell } from './shell.tsx';

/** The frame of a page inside a workspace, filled with what the signed-in person may see. */
export async function WorkspaceShell({
  page,
  aside,
  children,
}: {
  readonly page: WorkspacePage<Permission>;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}) {
  const [workspaces, person] = await Promise.all([
    listPageWorkspaces(page.actor),
    readAccount({ people: page.deps.people }, page.actor),
  ]);
  return (
    <Shell
      view={{
        workspace: { slug: page.workspace.slug, name: page.workspace.name, isDemo: page.workspace.isDemo },
        role: page.role,
        permissions: page.permissions,
        workspaces: workspaces.map(({ slug, name }) => ({ slug, name })),
        person: { name: person.name, email: person.email, isInstanceOwner: page.actor.isInstanceOwner },
      }}
      actions={{ createWorkspace, signOut }}
      aside={aside}
    >
      {children}
    </Shell>
  );
}
