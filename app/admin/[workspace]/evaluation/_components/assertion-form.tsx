'use client';

import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Field, Input, Textarea } from '#app/_components/ui/field.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import { type AssertionField, type DraftAssertion, findLook } from '../_state/assertion-looks.ts';
import { ChoicesField } from './choices-field.tsx';
import { LabelsField } from './labels-field.tsx';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON that may be unfinished while someone writes it; only what can be read is handed on. */
function JsonField({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: unknown;
  readonly onChange: (value: Readonly<Record<string, unknown>>) => void;
}) {
  const [text, setText] = useState(() => JSON.stringify(value, null, 2));
  const [error, setError] = useState<string | null>(null);
  const read = (next: string) => {
    setText(next);
    try {
      const parsed: unknown = JSON.parse(next);
      if (!isObject(parsed)) throw new Error('expected an object');
      setError(null);
      onChange(parsed);
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : 'not JSON');
    }
  };
  return (
    <Field label={label} error={error ?? undefined} className="sm:col-span-2">
      {(ids) => (
        <Textarea
          {...ids}
          value={text}
          onChange={(event) => read(event.target.value)}
          spellCheck={false}
          className="font-mono text-xs"
        />
      )}
    </Field>
  );
}

function FieldControl({
  workspace,
  field,
  assertion,
  onChange,
}: {
  readonly workspace: string;
  readonly field: AssertionField;
  readonly assertion: DraftAssertion;
  readonly onChange: (assertion: DraftAssertion) => void;
}) {
  const { name, label, kind, hint } = field;
  const value = assertion[name];
  const set = (next: unknown) => onChange({ ...assertion, [name]: next });
  const unset = () => {
    const { [name]: _removed, ...rest } = assertion;
    onChange({ ...rest, type: assertion.type });
  };
  switch (kind) {
    case 'flag':
      return (
        <label className="flex items-center gap-2 self-end pb-2 text-sm">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={value === true}
            onChange={(event) => set(event.target.checked)}
          />
          {label}
        </label>
      );
    case 'choices':
      return <ChoicesField label={label} assertion={assertion} onChange={onChange} />;
    case 'labels':
      return <LabelsField workspace={workspace} assertion={assertion} onChange={onChange} />;
    case 'json':
      return <JsonField label={label} value={value} onChange={set} />;
    case 'scope':
      return (
        <Field label={label}>
          {(ids) => (
            <Select
              {...ids}
              className="w-full"
              value={value === 'all' ? 'all' : 'own'}
              onChange={(event) => set(event.target.value)}
            >
              <option value="all">what the reader sees</option>
              <option value="own">the model’s own words</option>
            </Select>
          )}
        </Field>
      );
    case 'lines':
      return (
        <Field label={label} hint={hint} className="sm:col-span-2">
          {(ids) => (
            <Textarea
              {...ids}
              className="min-h-16"
              defaultValue={Array.isArray(value) ? value.join('\n') : ''}
              onChange={(event) =>
                set(
                  event.target.value
                    .split('\n')
                    .map((line) => line.trim())
                    .filter(Boolean),
                )
              }
            />
          )}
        </Field>
      );
    case 'number':
      return (
        <Field label={label} hint={hint}>
          {(ids) => (
            <Input
              {...ids}
              type="number"
              step="any"
              required={field.isOptional !== true}
              defaultValue={typeof value === 'number' ? value : ''}
              onChange={(event) => {
                const number = event.target.valueAsNumber;
                if (Number.isFinite(number)) set(number);
                else unset();
              }}
            />
          )}
        </Field>
      );
    case 'text':
      return (
        <Field label={label} hint={hint} className="sm:col-span-2">
          {(ids) => (
            <Textarea
              {...ids}
              className="min-h-10"
              rows={1}
              value={typeof value === 'string' ? value : ''}
              onChange={(event) => set(event.target.value)}
            />
          )}
        </Field>
      );
  }
}

export function AssertionForm({
  workspace,
  assertion,
  onChange,
  onRemove,
}: {
  readonly workspace: string;
  readonly assertion: DraftAssertion;
  readonly onChange: (assertion: DraftAssertion) => void;
  readonly onRemove: () => void;
}) {
  const look = findLook(assertion.type);
  const label = look?.label ?? assertion.type;
  return (
    <fieldset className="rounded-lg border border-line px-4 pb-4 pt-3" aria-label={label}>
      <div className="flex items-center justify-between gap-3">
        <p className="text-sm font-medium">{label}</p>
        <Button look="quiet" size="icon-sm" aria-label={`Remove the check “${label}”`} onClick={onRemove}>
          <Trash2 aria-hidden />
        </Button>
      </div>
      <div className="mt-1 grid gap-3 sm:grid-cols-2">
        {look === undefined ? (
          <JsonField
            label="As JSON"
            value={assertion}
            onChange={(value) =>
              onChange({ ...value, type: typeof value['type'] === 'string' ? value['type'] : assertion.type })
            }
          />
        ) : (
          look.fields.map((field) => (
            <FieldControl
              key={field.name}
              workspace={workspace}
              field={field}
              assertion={assertion}
              onChange={onChange}
            />
          ))
        )}
      </div>
    </fieldset>
  );
}
