'use client';

import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Field, Textarea } from '#app/_components/ui/field.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import { writeVersionNotes } from '../actions.ts';

export function VersionNotes({
  workspace,
  versionId,
  notes: stored,
  canWrite,
}: {
  readonly workspace: string;
  readonly versionId: string;
  readonly notes: string;
  readonly canWrite: boolean;
}) {
  const router = useRouter();
  const [notes, setNotes] = useState(stored);
  const { isPending, error, run } = useAction(writeVersionNotes);
  if (!canWrite) return <p className="whitespace-pre-wrap text-sm">{stored === '' ? 'None.' : stored}</p>;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        run({ workspace, versionId, notes }, () => {
          toast.success('Saved.');
          router.refresh();
        });
      }}
    >
      <Field label="Notes" isLabelHidden error={error ?? undefined}>
        {(ids) => (
          <Textarea
            {...ids}
            maxLength={10_000}
            placeholder="What it is for, what was tried, what to watch."
            value={notes}
            onChange={(event) => setNotes(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" size="sm" className="mt-2" isPending={isPending} disabled={notes === stored}>
        Save notes
      </Button>
    </form>
  );
}
