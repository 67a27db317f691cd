'use client';

import { WandSparkles } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { DocumentPicker } from '#app/_components/documents/document-picker.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { countOf, formatMinutes } from '#app/_components/ui/format-amount.ts';
import { useAction } from '#app/_components/ui/use-action.ts';
import { useForecast } from '#app/_components/ui/use-forecast.ts';
import { MAX_DRAFTS } from '#lib/evaluation/draft-set.ts';
import { forecastDrafts, startDrafts } from '../actions.ts';

const DEFAULT_CASES = 20;

interface DraftsDialogProps {
  readonly workspace: string;
  /** Null: what is accepted becomes a suite of its own. */
  readonly suite: { readonly id: string; readonly name: string } | null;
  /** Those that are indexed. */
  readonly documents: readonly { readonly id: string; readonly title: string }[];
}

/** Asks for cases that the model writes from documents; nothing begins before its cost has been said. */
export function DraftsDialog(props: DraftsDialogProps) {
  const { suite, documents, workspace } = props;
  return (
    <Dialog
      trigger={
        <Button>
          <WandSparkles aria-hidden />
          {suite === null ? 'From documents' : 'Cases from documents'}
        </Button>
      }
      title={suite === null ? 'A suite from documents' : 'Cases from documents'}
      description="The base model picks statements from your documents and asks about them. Each question comes with its page and quote, and waits for you to accept, edit or drop it."
    >
      {documents.length === 0 ? (
        <div className="flex flex-col items-start gap-4 text-sm leading-relaxed text-ink-soft">
          <p>No document of this workspace is indexed yet, so there is nothing to ask about.</p>
          <Button asChild look="primary">
            <Link href={`/admin/${workspace}/documents`}>To the documents</Link>
          </Button>
        </div>
      ) : (
        <DraftsForm {...props} />
      )}
    </Dialog>
  );
}

function DraftsForm({ workspace, suite, documents }: DraftsDialogProps) {
  const router = useRouter();
  const [name, setName] = useState('From documents');
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [maxCases, setMaxCases] = useState(DEFAULT_CASES);
  const { run, isPending, error } = useAction(startDrafts);
  const isValid = Number.isInteger(maxCases) && maxCases >= 1 && maxCases <= MAX_DRAFTS;
  const settings = { documentIds: [...chosen], maxCases };
  const { data: forecast, error: unknown } = useForecast(forecastDrafts, isValid ? { workspace, settings } : null);
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event) => {
        event.preventDefault();
        run({ workspace, suite: suite === null ? { name } : { id: suite.id }, settings }, ({ draftSetId }) =>
          router.push(`/admin/${workspace}/evaluation/suites/drafts/${draftSetId}`),
        );
      }}
    >
      {suite === null ? (
        <Field label="Name of the suite" hint="It is made when you take in the first cases.">
          {(ids) => (
            <Input {...ids} required maxLength={120} value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
      ) : null}
      <DocumentPicker documents={documents} chosen={chosen} onChange={setChosen} />
      <Field label="Questions, at most">
        {(ids) => (
          <Input
            {...ids}
            type="number"
            min={1}
            max={MAX_DRAFTS}
            step={1}
            required
            className="w-32"
            value={Number.isNaN(maxCases) ? '' : maxCases}
            onChange={(event) => setMaxCases(event.target.valueAsNumber)}
          />
        )}
      </Field>
      <p aria-live="polite" className="rounded-md bg-sunken px-3.5 py-2.5 text-sm text-ink-soft">
        {!isValid
          ? `Choose between 1 and ${MAX_DRAFTS} questions.`
          : forecast === null
            ? (unknown ?? 'Counting…')
            : forecast.questions === 0
              ? `No statement to ask about in ${countOf(forecast.passages, 'passage')}.`
              : `${countOf(forecast.questions, 'question')} from ${countOf(forecast.passages, 'passage')}: about ${formatMinutes(forecast.minutes)} of the model’s time. Chat goes first; you can cancel and go on later.`}
      </p>
      {error === null ? null : (
        <p role="alert" className="text-sm text-danger">
          {error}
        </p>
      )}
      <div className="flex justify-end">
        <Button
          look="primary"
          type="submit"
          isPending={isPending}
          disabled={!isValid || forecast === null || forecast.questions === 0}
        >
          Write the drafts
        </Button>
      </div>
    </form>
  );
}
