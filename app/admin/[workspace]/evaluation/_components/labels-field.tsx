'use client';

import { CircleCheck, Scale, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Field, Textarea } from '#app/_components/ui/field.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { MeasuredAgreement } from '#lib/evaluation/judge-labels.ts';
import { findMissingLabels } from '#lib/evaluation/rubric-labels.ts';
import type { DraftAssertion } from '../_state/assertion-looks.ts';
import { readLabels, writeLabels } from '../_state/label-lines.ts';
import { judgeLabels } from '../actions.ts';

/** Answers that people have labelled, one a line, and whether the judge agrees with them: only then does a rubric count. */
export function LabelsField({
  workspace,
  assertion,
  onChange,
}: {
  readonly workspace: string;
  readonly assertion: DraftAssertion;
  readonly onChange: (assertion: DraftAssertion) => void;
}) {
  const [met, setMet] = useState(() => writeLabels(assertion['labels'], true));
  const [unmet, setUnmet] = useState(() => writeLabels(assertion['labels'], false));
  /** What was measured, and of what. */
  const [measured, setMeasured] = useState<{ readonly key: string; readonly result: MeasuredAgreement } | null>(null);
  const { isPending, error, run } = useAction(judgeLabels);
  const labels = readLabels(met, unmet);
  const missing = findMissingLabels(labels);
  const key = JSON.stringify([assertion, labels]);
  const result = measured?.key === key ? measured.result : null;
  const keep = (nextMet: string, nextUnmet: string) => {
    setMet(nextMet);
    setUnmet(nextUnmet);
    onChange({ ...assertion, labels: readLabels(nextMet, nextUnmet) });
  };
  const counts = result?.isEnough === true;
  return (
    <fieldset className="grid gap-3 sm:col-span-2 sm:grid-cols-2" aria-label="Labelled answers">
      <Field label="Answers that meet it" hint="One a line, as people have judged them.">
        {(ids) => (
          <Textarea {...ids} className="min-h-28" value={met} onChange={(event) => keep(event.target.value, unmet)} />
        )}
      </Field>
      <Field label="Answers that do not" hint="One a line.">
        {(ids) => (
          <Textarea {...ids} className="min-h-28" value={unmet} onChange={(event) => keep(met, event.target.value)} />
        )}
      </Field>
      <div
        aria-live="polite"
        data-testid="rubric-state"
        className={classNames(
          'flex items-start gap-2 rounded-md px-3.5 py-2.5 text-[0.8125rem] leading-snug sm:col-span-2',
          counts ? 'bg-accent-soft text-ink' : 'bg-warn-soft text-ink',
        )}
      >
        {counts ? (
          <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-accent-text" />
        ) : (
          <TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-warn" />
        )}
        <p className="min-w-0">{describeState(missing, result, assertion['minAgreement'])}</p>
      </div>
      {missing === null ? (
        <div className="flex flex-wrap items-center gap-3 sm:col-span-2">
          <Button
            size="sm"
            isPending={isPending}
            onClick={() =>
              run({ workspace, rubric: { ...assertion, labels } }, (next) => setMeasured({ key, result: next }))
            }
          >
            <Scale aria-hidden />
            Measure the agreement
          </Button>
          <span className="text-xs text-ink-faint">
            The base judges {labels.length} answers; that takes up to a second or two for each.
          </span>
          {error === null ? null : (
            <p role="alert" className="basis-full text-[0.8125rem] text-danger">
              {error}
            </p>
          )}
        </div>
      ) : null}
    </fieldset>
  );
}

function describeState(missing: string | null, result: MeasuredAgreement | null, asked: unknown): string {
  const level = typeof asked === 'number' ? asked : 'the level that is set';
  if (missing !== null) return `This rubric does not count yet: ${missing}. It cannot be kept before.`;
  if (result === null) {
    return `Whether this rubric counts is not known yet. Each run measures it: the judge must agree with these labels at κ ${level} or more, or the case is errored.`;
  }
  const kappa = result.kappa === null ? 'κ cannot be computed' : `κ ${result.kappa.toFixed(2)}`;
  const shown = `the judge agrees with people on ${result.agreed} of ${result.labels} labelled answers (${kappa}; ${level} is asked)`;
  return result.isEnough
    ? `This rubric counts: ${shown}.`
    : `This rubric does not count: ${shown}. Every run would error this case; use other checks, or a larger base model.`;
}
