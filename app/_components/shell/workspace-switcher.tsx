'use client';

import { Check, ChevronsUpDown, Plus } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import { Menu, MenuItem, MenuLabel, MenuSeparator } from '../ui/menu.tsx';
import { CreateWorkspaceDialog } from './create-workspace-dialog.tsx';
import type { ShellActions, ShellView } from './shell-view.ts';

const initialOf = (name: string) => (Array.from(name.trim())[0] ?? '?').toUpperCase();

export function WorkspaceSwitcher({
  view,
  createWorkspace,
}: {
  readonly view: ShellView;
  readonly createWorkspace: ShellActions['createWorkspace'];
}) {
  const [isCreating, setCreating] = useState(false);
  return (
    <>
      <Menu
        className="min-w-60"
        trigger={
          <button
            type="button"
            className="flex w-full items-center gap-3 rounded-lg border border-spine-line bg-spine-raised/50 px-3 py-2 text-left transition-colors hover:bg-spine-raised"
          >
            <span
              aria-hidden
              className="grid size-7 shrink-0 place-items-center rounded-md bg-spine-brass font-serif text-sm font-semibold text-[#15312a]"
            >
              {initialOf(view.workspace.name)}
            </span>
            <span className="min-w-0 flex-1">
              <span className="sr-only">Workspace: </span>
              <span className="block truncate text-sm font-medium">{view.workspace.name}</span>
              <span className="block text-xs capitalize text-spine-soft">{view.role}</span>
            </span>
            <ChevronsUpDown aria-hidden className="size-4 shrink-0 text-spine-soft" />
          </button>
        }
      >
        <MenuLabel>Workspaces</MenuLabel>
        {view.workspaces.map((workspace) => (
          <MenuItem key={workspace.slug} asChild>
            <Link href={`/w/${workspace.slug}/chat`}>
              <span className="truncate">{workspace.name}</span>
              {workspace.slug === view.workspace.slug ? <Check aria-label="current" className="ml-auto" /> : null}
            </Link>
          </MenuItem>
        ))}
        {view.person.isInstanceOwner ? (
          <>
            <MenuSeparator />
            <MenuItem onSelect={() => setCreating(true)}>
              <Plus aria-hidden />
              New workspace…
            </MenuItem>
          </>
        ) : null}
      </Menu>
      {view.person.isInstanceOwner ? (
        <CreateWorkspaceDialog isOpen={isCreating} onOpenChange={setCreating} createWorkspace={createWorkspace} />
      ) : null}
    </>
  );
}
