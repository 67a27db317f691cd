'use client';

import { Upload } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useState, useTransition } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { type ImportOutcome, sendSuiteFile } from '../_state/send-suite-file.ts';

/** Problems that are listed; of more, only how many. */
const SHOWN_PROBLEMS = 20;

export function ImportSuiteDialog({ workspace }: { readonly workspace: string }) {
  const router = useRouter();
  const [isOpen, setOpen] = useState(false);
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [left, setLeft] = useState<ImportOutcome | null>(null);
  const [isPending, startTransition] = useTransition();

  const reset = (next: boolean) => {
    setOpen(next);
    setFile(null);
    setName('');
    setError(null);
    setLeft(null);
  };
  const send = () => {
    if (file === null) return;
    startTransition(async () => {
      const outcome = await sendSuiteFile(workspace, file, name.trim());
      if ('error' in outcome) {
        setError(outcome.error);
        return;
      }
      const { caseCount, name: saved, revisionNumber, isChanged } = outcome;
      toast.success(
        isChanged
          ? `${saved}: ${caseCount} ${caseCount === 1 ? 'case' : 'cases'}, revision ${revisionNumber}.`
          : `${saved} holds exactly these cases already.`,
      );
      router.refresh();
      if (outcome.problems.length === 0) reset(false);
      else setLeft(outcome);
    });
  };

  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={reset}
      trigger={
        <Button>
          <Upload aria-hidden />
          Import
        </Button>
      }
      title="Import a suite"
      description="YAML or JSONL, as this page exports it, or promptfoo’s tests. A suite of the same name gets another revision."
    >
      {left === null ? (
        <form
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            send();
          }}
        >
          <Field label="File" error={error ?? undefined}>
            {(ids) => (
              <Input
                {...ids}
                type="file"
                accept=".yaml,.yml,.jsonl,.json"
                required
                className="h-auto py-2"
                onChange={(event) => {
                  setFile(event.target.files?.[0] ?? null);
                  setError(null);
                }}
              />
            )}
          </Field>
          <Field label="Name" hint="Empty: the name in the file, or the file’s own.">
            {(ids) => <Input {...ids} maxLength={120} value={name} onChange={(event) => setName(event.target.value)} />}
          </Field>
          <div className="flex justify-end">
            <Button type="submit" look="primary" isPending={isPending} disabled={file === null}>
              Import
            </Button>
          </div>
        </form>
      ) : (
        <div className="flex flex-col gap-4">
          <Callout tone="warn" title={`${left.problems.length} left out`}>
            <ul className="mt-1 list-disc pl-5">
              {left.problems.slice(0, SHOWN_PROBLEMS).map((problem) => (
                <li key={problem}>{problem}</li>
              ))}
            </ul>
            {left.problems.length > SHOWN_PROBLEMS ? <p>and {left.problems.length - SHOWN_PROBLEMS} more</p> : null}
          </Callout>
          <div className="flex justify-end">
            <Button look="primary" asChild>
              <Link href={`/admin/${workspace}/evaluation/suites/${left.suiteId}`}>Open the suite</Link>
            </Button>
          </div>
        </div>
      )}
    </Dialog>
  );
}
