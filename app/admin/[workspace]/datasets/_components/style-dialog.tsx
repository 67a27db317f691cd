'use client';

import { Plus, Trash2 } from 'lucide-react';
import { useState, useTransition } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input, Textarea } from '#app/_components/ui/field.tsx';
import type { ActionResult } from '#app/_server/action.ts';
import type { StyleSheet } from '#lib/training/data-set/style-sheet.ts';

type DataSetAction = (input: { workspace: string; dataSetId: string }) => Promise<ActionResult<unknown>>;

export interface StyleDialogProps {
  readonly workspace: string;
  readonly dataSetId: string;
  readonly styleSheet: StyleSheet;
  readonly canConfigure: boolean;
  readonly saveStyleSheet: (input: {
    workspace: string;
    dataSetId: string;
    styleSheet: StyleSheet;
  }) => Promise<ActionResult<unknown>>;
  readonly takeInStyle: DataSetAction;
  readonly applyStyle: DataSetAction;
  readonly onClose: () => void;
}

const toLines = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** How the assistant speaks: rules become instructions, samples become rows. */
export function StyleDialog({ workspace, dataSetId, styleSheet, canConfigure, onClose, ...actions }: StyleDialogProps) {
  const [wanted, setWanted] = useState(styleSheet.do.join('\n'));
  const [unwanted, setUnwanted] = useState(styleSheet.dont.join('\n'));
  const [samples, setSamples] = useState(
    (styleSheet.samples.length === 0 ? [{ question: '', answer: '' }] : styleSheet.samples).map((sample, index) => ({
      ...sample,
      key: index,
    })),
  );
  const [error, setError] = useState<string | null>(null);
  const [isPending, startTransition] = useTransition();
  const change = (key: number, changes: { question?: string; answer?: string }) =>
    setSamples(samples.map((sample) => (sample.key === key ? { ...sample, ...changes } : sample)));
  const complete = samples.filter(({ question, answer }) => question.trim() !== '' && answer.trim() !== '');
  const save = (alsoApply: boolean) =>
    startTransition(async () => {
      const sheet = {
        do: toLines(wanted),
        dont: toLines(unwanted),
        samples: complete.map(({ question, answer }) => ({ question: question.trim(), answer: answer.trim() })),
      };
      try {
        const steps = [
          () => actions.saveStyleSheet({ workspace, dataSetId, styleSheet: sheet }),
          ...(sheet.samples.length > 0 ? [() => actions.takeInStyle({ workspace, dataSetId })] : []),
          ...(alsoApply ? [() => actions.applyStyle({ workspace, dataSetId })] : []),
        ];
        for (const step of steps) {
          const result = await step();
          if (!result.ok) {
            setError(result.error.message);
            return;
          }
        }
        toast.success(alsoApply ? 'Saved; the rules stand in the workspace’s instructions.' : 'Saved.');
        onClose();
      } catch {
        setError('Lorehouse cannot be reached. Check your connection and try again.');
      }
    });
  return (
    <Dialog
      isOpen
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
      title="Style sheet"
      description="Rules become instructions to the model; sample exchanges become rows that are learned under those rules."
      className="max-w-2xl"
    >
      <div className="flex flex-col gap-5">
        <div className="grid gap-5 sm:grid-cols-2">
          <Field label="Do" hint="One rule a line.">
            {(ids) => (
              <Textarea
                {...ids}
                value={wanted}
                onChange={(event) => setWanted(event.target.value)}
                placeholder="Greet by the hour of the day"
              />
            )}
          </Field>
          <Field label="Do not" hint="One rule a line.">
            {(ids) => (
              <Textarea
                {...ids}
                value={unwanted}
                onChange={(event) => setUnwanted(event.target.value)}
                placeholder="Use exclamation marks"
              />
            )}
          </Field>
        </div>
        <fieldset className="flex flex-col gap-3">
          <legend className="mb-2 text-sm font-medium">Samples that sound right</legend>
          {samples.map(({ key, question, answer }, index) => (
            <div key={key} className="flex gap-2 rounded-md border border-line p-3">
              <div className="flex min-w-0 flex-1 flex-col gap-2">
                <Input
                  aria-label={`Question ${index + 1}`}
                  placeholder="Somebody asks"
                  value={question}
                  onChange={(event) => change(key, { question: event.target.value })}
                />
                <Textarea
                  aria-label={`Answer ${index + 1}`}
                  placeholder="You answer"
                  className="min-h-16"
                  value={answer}
                  onChange={(event) => change(key, { answer: event.target.value })}
                />
              </div>
              <Button
                look="quiet"
                size="icon-sm"
                aria-label={`Remove sample ${index + 1}`}
                onClick={() => setSamples(samples.filter((sample) => sample.key !== key))}
              >
                <Trash2 aria-hidden />
              </Button>
            </div>
          ))}
          <Button
            size="sm"
            className="self-start"
            onClick={() =>
              setSamples([
                ...samples,
                { question: '', answer: '', key: Math.max(-1, ...samples.map(({ key }) => key)) + 1 },
              ])
            }
          >
            <Plus aria-hidden />
            Another sample
          </Button>
        </fieldset>
        {error === null ? null : (
          <p role="alert" className="text-sm text-danger">
            {error}
          </p>
        )}
        <div className="flex flex-wrap justify-end gap-2">
          {canConfigure ? (
            <Button isPending={isPending} onClick={() => save(true)}>
              Save and set the instructions
            </Button>
          ) : null}
          <Button look="primary" isPending={isPending} onClick={() => save(false)}>
            {complete.length === 0
              ? 'Save'
              : `Save and add ${complete.length === 1 ? '1 row' : `${complete.length} rows`}`}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
