'use client';

import { Plus } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import { emptyCase } from '../_state/draft-case.ts';
import { createSuite } from '../actions.ts';
import { CaseForm } from './case-form.tsx';

/** A suite begins with its first case: one that asks nothing would measure nothing. */
export function NewSuiteDialog({ workspace }: { readonly workspace: string }) {
  const router = useRouter();
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const { isPending, error, run } = useAction(createSuite);
  return (
    <Dialog
      trigger={
        <Button look="primary">
          <Plus aria-hidden />
          New suite
        </Button>
      }
      title="New suite"
      description="A name, and its first case."
      className="max-w-2xl"
    >
      <div className="mb-5 grid gap-4 sm:grid-cols-2">
        <Field label="Name of the suite" hint="Such as Error codes.">
          {(ids) => <Input {...ids} maxLength={120} value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
        <Field label="What it is for" hint="Optional.">
          {(ids) => (
            <Input
              {...ids}
              maxLength={2000}
              value={description}
              onChange={(event) => setDescription(event.target.value)}
            />
          )}
        </Field>
      </div>
      <CaseForm
        workspace={workspace}
        initial={emptyCase}
        saveLabel="Create the suite"
        isPending={isPending}
        error={error}
        documentTitles={[]}
        areas={[]}
        onSave={(testCase) =>
          run({ workspace, name, description, testCase }, ({ suiteId }) =>
            router.push(`/admin/${workspace}/evaluation/suites/${suiteId}`),
          )
        }
      />
    </Dialog>
  );
}
