'use client';

import { Plus } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';
import { readField } from '../_state/read-field.ts';

const languages = [
  ['en', 'English'],
  ['de', 'German'],
  ['fr', 'French'],
  ['es', 'Spanish'],
  ['it', 'Italian'],
  ['nl', 'Dutch'],
  ['pl', 'Polish'],
  ['pt', 'Portuguese'],
  ['', 'Any'],
] as const;

export function CreateDataSetDialog({
  workspace,
  createDataSet,
}: {
  readonly workspace: string;
  readonly createDataSet: (input: {
    workspace: string;
    name: string;
    language: string;
    maxRowTokens: string;
  }) => Promise<ActionResult<{ readonly dataSetId: string }>>;
}) {
  const router = useRouter();
  const [isOpen, setOpen] = useState(false);
  const { run, isPending, error } = useAction(createDataSet);
  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={setOpen}
      trigger={
        <Button look="primary">
          <Plus aria-hidden />
          New data set
        </Button>
      }
      title="New data set"
      description="Name it after what the adapter shall learn, for example “Support voice”."
    >
      <form
        className="flex flex-col gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const input = {
            workspace,
            name: readField(form, 'name'),
            language: readField(form, 'language'),
            maxRowTokens: readField(form, 'maxRowTokens'),
          };
          run(input, ({ dataSetId }) => router.push(`/admin/${workspace}/datasets/${dataSetId}`));
        }}
      >
        <Field label="Name" error={error ?? undefined}>
          {(ids) => <Input {...ids} name="name" required maxLength={80} autoComplete="off" />}
        </Field>
        <div className="grid gap-5 sm:grid-cols-2">
          <Field label="Language" hint="Rows in another one are flagged.">
            {(ids) => (
              <Select {...ids} name="language" defaultValue="en" className="w-full">
                {languages.map(([code, name]) => (
                  <option key={code} value={code}>
                    {name}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <Field label="Longest row, in tokens" hint="1,024 fits the sequences of every preset.">
            {(ids) => (
              <Input {...ids} name="maxRowTokens" type="number" min={32} max={32768} defaultValue={1024} required />
            )}
          </Field>
        </div>
        <div className="flex justify-end">
          <Button look="primary" type="submit" isPending={isPending}>
            Make it
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
