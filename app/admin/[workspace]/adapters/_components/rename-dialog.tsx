'use client';

import { Pencil } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import { renameAdapter } from '../actions.ts';

export function RenameDialog({
  workspace,
  adapterId,
  name: stored,
}: {
  readonly workspace: string;
  readonly adapterId: string;
  readonly name: string;
}) {
  const router = useRouter();
  const [isOpen, setOpen] = useState(false);
  const [name, setName] = useState(stored);
  const { isPending, error, clearError, run } = useAction(renameAdapter);
  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={(next) => {
        setOpen(next);
        clearError();
      }}
      trigger={
        <Button look="quiet" size="icon-sm" aria-label={`Rename ${stored}`}>
          <Pencil aria-hidden />
        </Button>
      }
      title={`Rename ${stored}`}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          run({ workspace, adapterId, name }, () => {
            setOpen(false);
            router.refresh();
          });
        }}
      >
        <Field label="Name" error={error ?? undefined}>
          {(ids) => (
            <Input {...ids} required maxLength={80} value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
        <div className="flex justify-end">
          <Button type="submit" look="primary" isPending={isPending} disabled={name.trim() === ''}>
            Rename
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
