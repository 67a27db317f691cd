'use client';

import { Play } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { formatCount, formatSeconds } from '#app/_components/ui/format-amount.ts';
import { Card } from '#app/_components/ui/page.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import { startEvaluation } from '../actions.ts';

interface SuiteChoice {
  readonly id: string;
  readonly name: string;
  readonly caseCount: number;
  readonly revisionNumber: number;
}

const MAX_REPEATS = 10;
/** Champion and challenger. */
const SIDES = 2;

export function StartForm({
  workspace,
  versions,
  servingLabel,
  isBaseServing,
  askedVersionId,
  suites,
  minCases,
  secondsPerAnswer,
}: {
  readonly workspace: string;
  /** What may be measured, without what serves. */
  readonly versions: readonly { readonly id: string; readonly label: string }[];
  readonly servingLabel: string;
  readonly isBaseServing: boolean;
  readonly askedVersionId: string | null;
  readonly suites: readonly SuiteChoice[];
  /** Of the gate's policy. */
  readonly minCases: number;
  /** Of earlier runs here; null: there are none. */
  readonly secondsPerAnswer: number | null;
}) {
  const router = useRouter();
  const [versionId, setVersionId] = useState(
    () => versions.find(({ id }) => id === askedVersionId)?.id ?? versions[0]?.id ?? '',
  );
  const [chosen, setChosen] = useState<ReadonlySet<string>>(() => new Set(suites.map(({ id }) => id)));
  const [repeats, setRepeats] = useState(1);
  const [seed, setSeed] = useState(0);
  const [isAlsoAlone, setAlsoAlone] = useState(false);
  const { isPending, error, run } = useAction(startEvaluation);

  const caseCount = suites.filter(({ id }) => chosen.has(id)).reduce((sum, suite) => sum + suite.caseCount, 0);
  const answers = caseCount * SIDES * (repeats + Number(isAlsoAlone));
  const isFew = versionId !== '' && caseCount > 0 && caseCount < minCases;

  return (
    <Card className="p-5 sm:p-6">
      <form
        className="flex flex-col gap-6"
        onSubmit={(event) => {
          event.preventDefault();
          run(
            {
              workspace,
              versionId: versionId === '' ? null : versionId,
              suiteIds: [...chosen],
              settings: { repeats, seed, isAlsoAlone },
            },
            ({ evaluationId }) => router.push(`/admin/${workspace}/evaluation/runs/${evaluationId}`),
          );
        }}
      >
        <Field label="Challenger" hint={`It is compared with what serves now: ${servingLabel}.`}>
          {(ids) => (
            <Select
              {...ids}
              className="w-full"
              value={versionId}
              onChange={(event) => setVersionId(event.target.value)}
            >
              {versions.map(({ id, label }) => (
                <option key={id} value={id}>
                  {label}
                </option>
              ))}
              <option value="">
                {isBaseServing ? 'The base against itself, to see the noise' : 'The base model alone'}
              </option>
            </Select>
          )}
        </Field>
        <fieldset className="flex flex-col gap-2">
          <legend className="mb-2 text-sm font-medium">Suites</legend>
          {suites.map(({ id, name, caseCount: count, revisionNumber }) => (
            <label key={id} className="flex items-center gap-3 rounded-md border border-line px-3 py-2.5 text-sm">
              <input
                type="checkbox"
                className="size-4 accent-accent"
                checked={chosen.has(id)}
                onChange={(event) =>
                  setChosen(new Set(event.target.checked ? [...chosen, id] : [...chosen].filter((each) => each !== id)))
                }
              />
              <span className="min-w-0 flex-1">{name}</span>
              <span className="tabular-nums text-ink-faint">
                {formatCount(count)} {count === 1 ? 'case' : 'cases'}, revision {revisionNumber}
              </span>
            </label>
          ))}
        </fieldset>
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Repeats" hint="Two or more show how far the same model differs from itself.">
            {(ids) => (
              <Input
                {...ids}
                type="number"
                min={1}
                max={MAX_REPEATS}
                required
                value={repeats}
                onChange={(event) => setRepeats(Math.min(MAX_REPEATS, Math.max(1, event.target.valueAsNumber || 1)))}
              />
            )}
          </Field>
          <Field label="Seed" hint="Another one gives other answers, and asks everything anew.">
            {(ids) => (
              <Input
                {...ids}
                type="number"
                min={0}
                max={2_147_483_647}
                required
                value={seed}
                onChange={(event) => setSeed(Math.max(0, event.target.valueAsNumber || 0))}
              />
            )}
          </Field>
        </div>
        <label className="flex items-start gap-2 text-sm leading-snug">
          <input
            type="checkbox"
            className="mt-0.5 size-4 accent-accent"
            checked={isAlsoAlone}
            onChange={(event) => setAlsoAlone(event.target.checked)}
          />
          Ask without sources as well: what it knows by heart shows an adapter that no longer reads them
        </label>
        {isFew ? (
          <Callout tone="warn">
            The policy asks for at least {minCases} cases. With {caseCount} the verdict can be “fail”, but never “pass”.
          </Callout>
        ) : null}
        {versionId === '' ? <Callout>Measured, but not judged: the base needs no promotion.</Callout> : null}
        {error === null ? null : <Callout tone="danger">{error}</Callout>}
        <div className="flex flex-wrap items-center justify-between gap-3">
          <p className="text-sm tabular-nums text-ink-soft" aria-live="polite">
            {formatCount(answers)} answers
            {secondsPerAnswer === null
              ? ''
              : `, about ${formatSeconds(answers * secondsPerAnswer)} at the pace of late`}
          </p>
          <Button type="submit" look="primary" isPending={isPending} disabled={chosen.size === 0}>
            <Play aria-hidden />
            Start
          </Button>
        </div>
      </form>
    </Card>
  );
}
