'use client';

import { useRouter } from 'next/navigation';
import { useState, useTransition } from 'react';
import { Button } from '../ui/button.tsx';
import { Callout } from '../ui/callout.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field, Input } from '../ui/field.tsx';
import type { ShellActions } from './shell-view.ts';

/** `Müller & Söhne` → `muller-sohne`, as the server would suggest it. */
export function suggestAddress(name: string): string {
  return name
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 48)
    .replaceAll(/^-+|-+$/g, '');
}

export function CreateWorkspaceDialog({
  isOpen,
  onOpenChange,
  createWorkspace,
}: {
  readonly isOpen: boolean;
  readonly onOpenChange: (isOpen: boolean) => void;
  readonly createWorkspace: ShellActions['createWorkspace'];
}) {
  const router = useRouter();
  const [name, setName] = useState('');
  const [ownSlug, setOwnSlug] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [isPending, startTransition] = useTransition();
  const slug = ownSlug ?? suggestAddress(name);
  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={onOpenChange}
      title="New workspace"
      description="A workspace has its own documents, members and assistant. Nothing is shared with other workspaces."
    >
      <form
        className="flex flex-col gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          startTransition(async () => {
            const result = await createWorkspace({ name: name.trim(), slug });
            if (!result.ok) {
              setError(result.error.message);
              return;
            }
            setError(null);
            setName('');
            setOwnSlug(null);
            onOpenChange(false);
            router.push(`/admin/${result.data.slug}/documents`);
          });
        }}
      >
        {error === null ? null : <Callout tone="danger">{error}</Callout>}
        <Field label="Name" hint="For example a team, a brand or a product line.">
          {(ids) => (
            <Input
              {...ids}
              required
              maxLength={80}
              value={name}
              autoComplete="off"
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Field label="Address" hint={`Lower-case letters, digits and dashes: /w/${slug === '' ? '…' : slug}`}>
          {(ids) => (
            <Input
              {...ids}
              required
              minLength={2}
              maxLength={48}
              pattern="[a-z0-9]+(-[a-z0-9]+)*"
              value={slug}
              autoComplete="off"
              spellCheck={false}
              className="font-mono"
              onChange={(event) => setOwnSlug(event.target.value.toLowerCase())}
            />
          )}
        </Field>
        <Button type="submit" look="primary" isPending={isPending} className="self-end">
          Create workspace
        </Button>
      </form>
    </Dialog>
  );
}
