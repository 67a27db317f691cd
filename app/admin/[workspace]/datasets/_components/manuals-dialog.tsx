'use client';

import { useEffect, useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
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

const count = (number: number, noun: string) => `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;

const describeMinutes = (minutes: number) =>
  minutes < 90 ? `about ${minutes} min` : `about ${(minutes / 60).toFixed(1)} h`;

export function ManualsDialog(props: ManualsDialogProps) {
  const { workspace, dataSetId, documents, estimateManualRows, writeManualRows, onClose } = props;
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [maxRows, setMaxRows] = useState(50);
  const [refusalPercent, setRefusalPercent] = useState(20);
  const [estimate, setEstimate] = useState<Estimate | null>(null);
  const { run, isPending, error } = useAction(writeManualRows);
  const key = JSON.stringify({ chosen, maxRows, refusalPercent });
  const isValid = maxRows >= 1 && maxRows <= 5000 && refusalPercent >= 0 && refusalPercent <= 100;
  const input = { workspace, dataSetId, documentIds: [...chosen], maxRows, refusalShare: refusalPercent / 100 };
  useEffect(() => {
    if (!isValid) return undefined;
    let isCurrent = true;
    const asked: { chosen: string[]; maxRows: number; refusalPercent: number } = JSON.parse(key);
    const forecast = async () => {
      const result = await estimateManualRows({
        workspace,
        dataSetId,
        documentIds: asked.chosen,
        maxRows: asked.maxRows,
        refusalShare: asked.refusalPercent / 100,
      }).catch(() => null);
      if (isCurrent) setEstimate(result?.ok === true ? result.data : null);
    };
    const timer = setTimeout(() => void forecast(), 250);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [key, isValid, workspace, dataSetId, estimateManualRows]);
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
        <fieldset>
          <legend className="text-sm font-medium">Documents</legend>
          <ul className="mt-2 max-h-44 overflow-y-auto rounded-md border border-line px-3 py-1.5 text-sm">
            {documents.map(({ id, title }) => (
              <li key={id}>
                <label className="flex items-center gap-2.5 py-1">
                  <input
                    type="checkbox"
                    className="size-4 accent-accent"
                    checked={chosen.includes(id)}
                    onChange={() =>
                      setChosen(chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id])
                    }
                  />
                  <span className="truncate">{title}</span>
                </label>
              </li>
            ))}
          </ul>
          <p className="mt-1.5 text-[0.8125rem] text-ink-faint">None chosen means all.</p>
        </fieldset>
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
            ? 'Counting…'
            : estimate.rows === 0
              ? `No statement to ask about in ${count(estimate.passages, 'passage')}.`
              : `${count(estimate.rows, 'question')} and ${count(estimate.refusals, 'refusal')} from ${count(estimate.passages, 'passage')}: ${describeMinutes(estimate.minutes)} of the model’s time. Chat goes first; you can cancel and go on later.`}
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
