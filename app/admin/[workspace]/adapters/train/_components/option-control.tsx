'use client';

import { Field, Input } from '#app/_components/ui/field.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import type { TrainingOption } from '#lib/training/training-options.ts';
import { findProblem, type OptionValue } from './option-values.ts';

const range = (option: Extract<TrainingOption, { kind: 'number' }>) =>
  `${option.min} to ${option.max.toLocaleString('en')}`;

/** One option of the trainer with what it means and what it may be. */
export function OptionControl({
  option,
  value,
  onChange,
}: {
  readonly option: TrainingOption;
  readonly value: OptionValue | undefined;
  readonly onChange: (value: OptionValue) => void;
}) {
  switch (option.kind) {
    case 'number':
      return (
        <Field label={option.label} hint={option.meaning} error={findProblem(option, value) ?? undefined}>
          {(ids) => (
            <span className="flex items-center gap-3">
              <Input
                {...ids}
                name={option.path}
                inputMode={option.isInteger ? 'numeric' : 'decimal'}
                className="max-w-36 tabular-nums"
                value={typeof value === 'string' ? value : ''}
                placeholder={option.emptyMeans ?? ''}
                onChange={(event) => onChange(event.target.value)}
              />
              <span className="text-xs text-ink-faint tabular-nums">
                {range(option)}
                {option.emptyMeans === undefined ? '' : `, or empty: ${option.emptyMeans}`}
              </span>
            </span>
          )}
        </Field>
      );
    case 'switch':
      return (
        <div className="flex gap-3">
          <input
            type="checkbox"
            id={`option-${option.path}`}
            name={option.path}
            aria-describedby={`hint-${option.path}`}
            className="mt-0.5 size-4 shrink-0 accent-accent"
            checked={value === true}
            onChange={(event) => onChange(event.target.checked)}
          />
          <div>
            <label htmlFor={`option-${option.path}`} className="block text-sm font-medium">
              {option.label}
            </label>
            <p id={`hint-${option.path}`} className="mt-1 text-[0.8125rem] leading-snug text-ink-faint">
              {option.meaning}
            </p>
          </div>
        </div>
      );
    case 'choice':
      return (
        <Field label={option.label} hint={option.meaning}>
          {(ids) => (
            <Select
              {...ids}
              name={option.path}
              className="w-full max-w-52"
              value={typeof value === 'string' ? value : ''}
              onChange={(event) => onChange(event.target.value)}
            >
              {option.choices.map((choice) => (
                <option key={choice}>{choice}</option>
              ))}
            </Select>
          )}
        </Field>
      );
    case 'set': {
      const chosen = Array.isArray(value) ? value.map(String) : [];
      const problem = findProblem(option, value);
      return (
        <fieldset className="sm:col-span-2">
          <legend className="text-sm font-medium">{option.label}</legend>
          <div className="mt-2 flex flex-wrap gap-x-5 gap-y-2">
            {option.choices.map((choice) => (
              <label key={choice} className="flex items-center gap-2 text-sm">
                <input
                  type="checkbox"
                  name={option.path}
                  value={choice}
                  className="size-4 accent-accent"
                  checked={chosen.includes(choice)}
                  onChange={(event) =>
                    onChange(
                      option.choices.filter((each) => (each === choice ? event.target.checked : chosen.includes(each))),
                    )
                  }
                />
                <code className="font-mono text-[0.8125rem]">{choice}</code>
              </label>
            ))}
          </div>
          <p className="mt-2 text-[0.8125rem] leading-snug text-ink-faint">{option.meaning}</p>
          {problem === null ? null : <p className="mt-1 text-[0.8125rem] text-danger">{problem}</p>}
        </fieldset>
      );
    }
  }
}
