'use client';

import { Plus, Trash2 } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { type ReactNode, useState } from 'react';
import { toast } from 'sonner';
import { v4 as createUuid } from 'uuid';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Field, Input, Textarea } from '#app/_components/ui/field.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { GatePolicy, MetricRule } from '#lib/evaluation/gate-policy.ts';
import { policyLabels } from '../_state/describe-policy-change.ts';
import { changeGatePolicy } from '../actions.ts';

const MIN_NOTE_CHARACTERS = 10;

type NumberName = { [N in keyof GatePolicy]: GatePolicy[N] extends number ? N : never }[keyof GatePolicy];
type NullableName = { [N in keyof GatePolicy]: null extends GatePolicy[N] ? N : never }[keyof GatePolicy];
type FlagName = { [N in keyof GatePolicy]: GatePolicy[N] extends boolean ? N : never }[keyof GatePolicy];

/** Rates are shown in percent, without the dust of binary fractions. */
const toPercent = (share: number) => Number((share * 100).toFixed(4));
const fromPercent = (percent: number) => Number((percent / 100).toFixed(6));

function NumberInput({
  value,
  onChange,
  isPercent,
  isOptional = false,
  ...rest
}: {
  readonly id?: string;
  readonly 'aria-label'?: string;
  readonly 'aria-describedby'?: string;
  readonly value: number | null;
  readonly onChange: (value: number | null) => void;
  readonly isPercent: boolean;
  /** Empty means that it is not looked at. */
  readonly isOptional?: boolean;
  readonly min?: number;
  readonly max?: number;
}) {
  const [text, setText] = useState(value === null ? '' : String(isPercent ? toPercent(value) : value));
  return (
    <span className="relative block">
      <Input
        {...rest}
        type="number"
        step="any"
        required={!isOptional}
        placeholder={isOptional ? 'no limit' : undefined}
        className={isPercent ? 'pr-8' : undefined}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          const number = event.target.valueAsNumber;
          if (Number.isFinite(number)) onChange(isPercent ? fromPercent(number) : number);
          else if (isOptional) onChange(null);
        }}
      />
      {isPercent ? (
        <span
          aria-hidden
          className="pointer-events-none absolute right-3 top-1/2 -translate-y-1/2 text-sm text-ink-faint"
        >
          %
        </span>
      ) : null}
    </span>
  );
}

function Group({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <fieldset className="border-t border-line px-5 py-5 first:border-t-0 sm:px-6">
      <legend className="sr-only">{title}</legend>
      <h2 className="mb-4 font-serif text-lg font-semibold">{title}</h2>
      <div className="grid gap-x-5 gap-y-4 sm:grid-cols-2">{children}</div>
    </fieldset>
  );
}

/** The whole policy. Who lowers the bar lets adapters through, so it takes the right to override and a reason. */
export function PolicyForm({
  workspace,
  number,
  initial,
  canChange,
}: {
  readonly workspace: string;
  readonly number: number;
  readonly initial: GatePolicy;
  readonly canChange: boolean;
}) {
  const router = useRouter();
  const [policy, setPolicy] = useState(initial);
  const [rules, setRules] = useState(() => initial.metrics.map((rule) => ({ id: createUuid(), rule })));
  const [note, setNote] = useState('');
  const { isPending, error, run } = useAction(changeGatePolicy);

  const share = (name: NumberName, hint: string, bounds: { min?: number; max?: number } = { min: 0, max: 100 }) => (
    <Field label={policyLabels[name]} hint={hint}>
      {(ids) => (
        <NumberInput
          {...ids}
          {...bounds}
          isPercent
          value={policy[name]}
          onChange={(value) => {
            if (value !== null) setPolicy({ ...policy, [name]: value });
          }}
        />
      )}
    </Field>
  );
  const amount = (name: NumberName, hint: string, bounds: { min: number; max: number }) => (
    <Field label={policyLabels[name]} hint={hint}>
      {(ids) => (
        <NumberInput
          {...ids}
          {...bounds}
          isPercent={false}
          value={policy[name]}
          onChange={(value) => {
            if (value !== null) setPolicy({ ...policy, [name]: value });
          }}
        />
      )}
    </Field>
  );
  const optional = (name: NullableName, hint: string, isPercent: boolean, bounds: { min: number; max: number }) => (
    <Field label={policyLabels[name]} hint={hint}>
      {(ids) => (
        <NumberInput
          {...ids}
          {...bounds}
          isPercent={isPercent}
          isOptional
          value={policy[name]}
          onChange={(value) => setPolicy({ ...policy, [name]: value })}
        />
      )}
    </Field>
  );
  const flag = (name: FlagName) => (
    <label className="flex items-start gap-2 self-center text-sm leading-snug sm:col-span-2">
      <input
        type="checkbox"
        className="mt-0.5 size-4 accent-accent"
        checked={policy[name]}
        onChange={(event) => setPolicy({ ...policy, [name]: event.target.checked })}
      />
      {policyLabels[name]}
    </label>
  );
  const setRule = (id: string, change: Partial<MetricRule>) =>
    setRules(rules.map((each) => (each.id === id ? { id, rule: { ...each.rule, ...change } } : each)));

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        run({ workspace, note, policy: { ...policy, metrics: rules.map(({ rule }) => rule) } }, (saved) => {
          toast.success(`Version ${saved.number} decides from now on.`);
          router.refresh();
        });
      }}
    >
      <fieldset disabled={!canChange} className="contents">
        <Card>
          <Group title="Better, or just as good">
            {flag('isImprovementRequired')}
            <Field label={policyLabels.primaryMetric} hint="“overall”, or an area of the suites.">
              {(ids) => (
                <Input
                  {...ids}
                  required
                  value={policy.primaryMetric}
                  onChange={(event) => setPolicy({ ...policy, primaryMetric: event.target.value })}
                />
              )}
            </Field>
            {share('minImprovement', 'Measured; that there is one at all must be proven.')}
          </Group>
          <Group title="What may not get worse">
            <div className="flex flex-col gap-3 sm:col-span-2">
              {rules.map(({ id, rule }) => (
                <div
                  key={id}
                  className="grid grid-cols-2 items-end gap-x-3 gap-y-2 rounded-lg border border-line p-3 sm:grid-cols-[1.2fr_1fr_1fr_auto_auto]"
                >
                  <Field label="Area" className="col-span-2 sm:col-span-1">
                    {(ids) => (
                      <Input
                        {...ids}
                        required
                        value={rule.metric}
                        onChange={(event) => setRule(id, { metric: event.target.value })}
                      />
                    )}
                  </Field>
                  <Field label="At least">
                    {(ids) => (
                      <NumberInput
                        {...ids}
                        min={0}
                        max={100}
                        isPercent
                        isOptional
                        value={rule.minimum}
                        onChange={(minimum) => setRule(id, { minimum })}
                      />
                    )}
                  </Field>
                  <Field label="Largest fall">
                    {(ids) => (
                      <NumberInput
                        {...ids}
                        min={0}
                        max={100}
                        isPercent
                        isOptional
                        value={rule.maxRegression}
                        onChange={(maxRegression) => setRule(id, { maxRegression })}
                      />
                    )}
                  </Field>
                  <label
                    className="flex h-10 items-center gap-2 text-sm"
                    title="A pass needs proof that it fell no further, which takes many cases."
                  >
                    <input
                      type="checkbox"
                      className="size-4 accent-accent"
                      checked={rule.isProofRequired}
                      onChange={(event) => setRule(id, { isProofRequired: event.target.checked })}
                    />
                    proven
                  </label>
                  {canChange ? (
                    <Button
                      look="quiet"
                      size="icon"
                      aria-label={`Remove the rule for ${rule.metric}`}
                      onClick={() => setRules(rules.filter((each) => each.id !== id))}
                    >
                      <Trash2 aria-hidden />
                    </Button>
                  ) : null}
                </div>
              ))}
              {canChange ? (
                <Button
                  size="sm"
                  className="self-start"
                  onClick={() =>
                    setRules([
                      ...rules,
                      {
                        id: createUuid(),
                        rule: { metric: '', minimum: null, maxRegression: 0.05, isProofRequired: false },
                      },
                    ])
                  }
                >
                  <Plus aria-hidden />
                  Add a rule
                </Button>
              ) : null}
            </div>
            {optional('maxRegressionElsewhere', 'In areas that have no rule above.', true, { min: 0, max: 100 })}
            {optional('maxSliceRegression', 'By tag, document or suite; only a proven one counts.', true, {
              min: 0,
              max: 100,
            })}
            {amount('minSliceCases', 'Smaller ones are not looked at.', { min: 3, max: 1000 })}
            {optional('maxSlowdown', '1.5: half as long again.', false, { min: 1, max: 100 })}
          </Group>
          <Group title="How sure">
            {share('error', 'In either direction: to pass one that is no better, or to fail one that is no worse.', {
              min: 0.1,
              max: 20,
            })}
            {amount('minCases', 'With fewer, nothing passes.', { min: 1, max: 100_000 })}
            {share('maxErrorRate', 'They count against the adapter.')}
            {amount('passExpiresAfterDays', 'Then it has to be evaluated again.', { min: 1, max: 365 })}
            {flag('isFourEyesRequired')}
          </Group>
        </Card>
      </fieldset>
      {canChange ? (
        <Card className="mt-4 p-5 sm:p-6">
          {error === null ? null : (
            <Callout tone="danger" className="mb-4">
              {error}
            </Callout>
          )}
          <Field label="Reason for the change" hint="Kept with your name. At least ten characters.">
            {(ids) => (
              <Textarea
                {...ids}
                required
                maxLength={500}
                className="min-h-16"
                value={note}
                onChange={(event) => setNote(event.target.value)}
              />
            )}
          </Field>
          <div className="mt-4 flex justify-end">
            <Button
              type="submit"
              look="primary"
              isPending={isPending}
              disabled={note.trim().length < MIN_NOTE_CHARACTERS}
            >
              Save as version {number + 1}
            </Button>
          </div>
        </Card>
      ) : (
        <p className="mt-4 text-sm text-ink-soft">Owners and admins can change it.</p>
      )}
    </form>
  );
}
