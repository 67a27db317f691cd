'use client';

import { useState } from 'react';
import { Logo } from '../logo.tsx';
import { Button } from '../ui/button.tsx';
import { Callout } from '../ui/callout.tsx';
import { useAction } from '../ui/use-action.ts';
import { CreateWorkspaceDialog } from './create-workspace-dialog.tsx';
import type { ShellActions } from './shell-view.ts';

/** For people who belong to no workspace (yet). */
export function StartWithoutWorkspace({
  isInstanceOwner,
  actions,
}: {
  readonly isInstanceOwner: boolean;
  readonly actions: ShellActions;
}) {
  const [isCreating, setCreating] = useState(false);
  const { run, isPending, error } = useAction(actions.signOut);
  return (
    <div className="flex min-h-dvh flex-col">
      <header className="flex h-14 items-center justify-between bg-spine px-5 text-spine-ink">
        <Logo />
        <Button
          look="quiet"
          size="sm"
          className="text-spine-soft hover:bg-spine-raised hover:text-spine-ink"
          isPending={isPending}
          onClick={() => run({}, ({ redirectTo }) => window.location.assign(redirectTo))}
        >
          Sign out
        </Button>
      </header>
      <main className="mx-auto w-full max-w-xl flex-1 px-5 py-20">
        {error === null ? null : (
          <Callout tone="danger" className="mb-6">
            {error}
          </Callout>
        )}
        <h1 className="font-serif text-[2rem] font-semibold leading-tight">
          {isInstanceOwner ? 'Make the first workspace' : 'You are in no workspace yet'}
        </h1>
        <p className="mt-3 text-[0.9375rem] leading-relaxed text-ink-soft">
          {isInstanceOwner
            ? 'A workspace holds the documents of one team, and answers from nothing else.'
            : 'Ask an admin of your team for an invitation link. When you open it, the workspace appears here.'}
        </p>
        {isInstanceOwner ? (
          <>
            <Button look="primary" size="lg" className="mt-7" onClick={() => setCreating(true)}>
              New workspace
            </Button>
            <CreateWorkspaceDialog
              isOpen={isCreating}
              onOpenChange={setCreating}
              createWorkspace={actions.createWorkspace}
            />
          </>
        ) : null}
      </main>
    </div>
  );
}
