'use client';

import { Snowflake } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';
import { readField } from '../_state/read-field.ts';

export function FreezeDialog({
  workspace,
  dataSetId,
  accepted,
  waiting,
  freezeDataSet,
}: {
  readonly workspace: string;
  readonly dataSetId: string;
  readonly accepted: number;
  readonly waiting: number;
  readonly freezeDataSet: (input: {
    workspace: string;
    dataSetId: string;
    notes: string;
  }) => Promise<ActionResult<unknown>>;
}) {
  const router = useRouter();
  const [isOpen, setOpen] = useState(false);
  const { run, isPending, error } = useAction(freezeDataSet);
  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={setOpen}
      trigger={
        <Button look="primary">
          <Snowflake aria-hidden />
          Freeze
        </Button>
      }
      title="Freeze a version"
      description={`${accepted.toLocaleString('en')} accepted rows are split by document and intent into train, validation and held-out, and written for good. Rows that repeat a test suite stop it.`}
    >
      <form
        className="flex flex-col gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          const notes = readField(new FormData(event.currentTarget), 'notes');
          run({ workspace, dataSetId, notes }, () => {
            setOpen(false);
            router.refresh();
          });
        }}
      >
        {waiting > 0 ? (
          <p className="text-sm text-warn">
            {waiting === 1
              ? 'One flagged or quarantined row stays'
              : `${waiting.toLocaleString('en')} flagged or quarantined rows stay`}{' '}
            out unless you accept them first.
          </p>
        ) : null}
        <Field label="Note" hint="For example what changed since the last version." error={error ?? undefined}>
          {(ids) => <Input {...ids} name="notes" maxLength={500} autoComplete="off" />}
        </Field>
        <div className="flex justify-end">
          <Button look="primary" type="submit" isPending={isPending}>
            Freeze {accepted.toLocaleString('en')} rows
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
