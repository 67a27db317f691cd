'use client';

import { useState } from 'react';
import { DocumentPicker } from '#app/_components/documents/document-picker.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { countOf, formatMinutes } from '#app/_components/ui/format-amount.ts';
import { useAction } from '#app/_components/ui/use-action.ts';
import { useForecast } from '#app/_components/ui/use-forecast.ts';
import type { ActionResult } from '#app/_server/action.ts';

interface ManualInput {
  workspace: string;
  dataSetId: string;
  documentIds: string[];
  maxRows: number;
  refusalShare: number;
}

interface Estimate {
  readonly passages: number;
  readonly rows: number;
  readonly refusals: number;
  readonly minutes: number;
}

export interface ManualsDialogProps {
  readonly workspace: string;
  readonly dataSetId: string;
  readonly documents: readonly { readonly id: string; readonly title: string }[];
  readonly estimateManualRows: (input: ManualInput) => Promise<ActionResult<Estimate>>;
  readonly writeManualRows: (input: ManualInput) => Promise<ActionResult<unknown>>;
  readonly onClose: () => void;
}

export function ManualsDialog(props: ManualsDialogProps) {
  const { workspace, dataSetId, documents, estimateManualRows, writeManualRows, onClose } = props;
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [maxRows, setMaxRows] = useState(50);
  const [refusalPercent, setRefusalPercent] = useState(20);
  const { run, isPending, error } = useAction(writeManualRows);
  const isValid = maxRows >= 1 && maxRows <= 5000 && refusalPercent >= 0 && refusalPercent <= 100;
  const input = { workspace, dataSetId, documentIds: [...chosen], maxRows, refusalShare: refusalPercent / 100 };
  const { data: estimate, error: unknown } = useForecast(estimateManualRows, isValid ? input : null);
  return (
    <Dialog
      isOpen
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
      title="Rows from manuals"
      description="The model picks statements from your documents, asks about them and answers from the passage, in the very prompt that chat uses. Answers that the quoted statement does not bear out are flagged for you."
    >
      <form
        className="flex flex-col gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          if (isValid) run(input, onClose);
        }}
      >
        <DocumentPicker documents={documents} chosen={chosen} onChange={setChosen} />
        <div className="grid gap-5 sm:grid-cols-2">
          <Field label="Questions, at most">
            {(ids) => (
              <Input
                {...ids}
                type="number"
                min={1}
                max={5000}
                required
                value={maxRows}
                onChange={(event) => setMaxRows(event.target.valueAsNumber)}
              />
            )}
          </Field>
          <Field label="Refusals, % on top" hint="Questions shown with passages that do not answer them.">
            {(ids) => (
              <Input
                {...ids}
                type="number"
                min={0}
                max={100}
                required
                value={refusalPercent}
                onChange={(event) => setRefusalPercent(event.target.valueAsNumber)}
              />
            )}
          </Field>
        </div>
        <p aria-live="polite" className="rounded-md bg-sunken px-3.5 py-2.5 text-sm text-ink-soft">
          {estimate === null
            ? (unknown ?? 'Counting…')
            : estimate.rows === 0
              ? `No statement to ask about in ${countOf(estimate.passages, 'passage')}.`
              : `${countOf(estimate.rows, 'question')} and ${countOf(estimate.refusals, 'refusal')} from ${countOf(estimate.passages, 'passage')}: about ${formatMinutes(estimate.minutes)} of the model’s time. Chat goes first; you can cancel and go on later.`}
        </p>
        {error === null ? null : <p className="text-sm text-danger">{error}</p>}
        <div className="flex justify-end">
          <Button look="primary" type="submit" isPending={isPending} disabled={!isValid || estimate?.rows === 0}>
            Write them
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
