'use client';

import { Plus, Trash2 } from 'lucide-react';
import { useId, useState } from 'react';
import { v4 as createUuid } from 'uuid';
import { Button } from '#app/_components/ui/button.tsx';
import { Input } from '#app/_components/ui/field.tsx';
import type { DraftAssertion } from '../_state/assertion-looks.ts';

/** Bounds of the schema. */
const MIN_CHOICES = 2;
const MAX_CHOICES = 10;

interface Choice {
  /** A name that stays when another entry goes. */
  readonly id: string;
  readonly text: string;
  readonly prefix: string;
}

const asTexts = (value: unknown): string[] =>
  Array.isArray(value) ? value.map((each) => (typeof each === 'string' ? each : '')) : [];

/** Continuations of which the model should find one likeliest. Nothing is trimmed: a blank at the beginning counts. */
export function ChoicesField({
  label,
  assertion,
  onChange,
}: {
  readonly label: string;
  readonly assertion: DraftAssertion;
  readonly onChange: (assertion: DraftAssertion) => void;
}) {
  const group = useId();
  const prefixes = asTexts(assertion['prefixes']);
  const [hasPrefixes, setHasPrefixes] = useState(prefixes.length > 0);
  const [choices, setChoices] = useState<readonly Choice[]>(() =>
    asTexts(assertion['choices']).map((text, index) => ({ id: createUuid(), text, prefix: prefixes[index] ?? '' })),
  );
  const [correct, setCorrect] = useState(
    () => choices[typeof assertion['correct'] === 'number' ? assertion['correct'] : 0]?.id ?? '',
  );
  const keep = (next: readonly Choice[], right: string, withPrefixes: boolean) => {
    setChoices(next);
    setCorrect(right);
    setHasPrefixes(withPrefixes);
    const { prefixes: _before, ...rest } = assertion;
    onChange({
      ...rest,
      type: assertion.type,
      choices: next.map(({ text }) => text),
      correct: Math.max(
        0,
        next.findIndex(({ id }) => id === right),
      ),
      ...(withPrefixes ? { prefixes: next.map(({ prefix }) => prefix) } : {}),
    });
  };
  const change = (id: string, part: Partial<Choice>) =>
    keep(
      choices.map((choice) => (choice.id === id ? { ...choice, ...part } : choice)),
      correct,
      hasPrefixes,
    );
  return (
    <fieldset className="flex flex-col gap-2 sm:col-span-2" aria-label={label}>
      <p className="text-[0.8125rem] leading-snug text-ink-faint">
        Each as it would go on after the question; most begin with a blank. Mark the right one.
      </p>
      {choices.map(({ id, text, prefix }, index) => (
        <div key={id} className="flex items-center gap-2">
          <input
            type="radio"
            name={group}
            className="size-4 shrink-0 accent-accent"
            aria-label={`Continuation ${index + 1} is the right one`}
            checked={id === correct}
            onChange={() => keep(choices, id, hasPrefixes)}
          />
          {hasPrefixes ? (
            <Input
              aria-label={`Beginning of continuation ${index + 1}`}
              placeholder="Beginning"
              className="font-mono text-[0.8125rem]"
              value={prefix}
              onChange={(event) => change(id, { prefix: event.target.value })}
            />
          ) : null}
          <Input
            aria-label={`Continuation ${index + 1}`}
            placeholder="Continuation"
            className="font-mono text-[0.8125rem]"
            value={text}
            onChange={(event) => change(id, { text: event.target.value })}
          />
          <Button
            look="quiet"
            size="icon-sm"
            aria-label={`Remove continuation ${index + 1}`}
            disabled={choices.length <= MIN_CHOICES}
            onClick={() => {
              const left = choices.filter((choice) => choice.id !== id);
              keep(left, id === correct ? (left[0]?.id ?? '') : correct, hasPrefixes);
            }}
          >
            <Trash2 aria-hidden />
          </Button>
        </div>
      ))}
      <div className="flex flex-wrap items-center justify-between gap-3">
        <Button
          size="sm"
          disabled={choices.length >= MAX_CHOICES}
          onClick={() => keep([...choices, { id: createUuid(), text: ' ', prefix: '' }], correct, hasPrefixes)}
        >
          <Plus aria-hidden />
          Add a continuation
        </Button>
        <label className="flex items-center gap-2 text-[0.8125rem]">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={hasPrefixes}
            onChange={(event) => keep(choices, correct, event.target.checked)}
          />
          Each has a beginning of its own, in place of the question
        </label>
      </div>
    </fieldset>
  );
}
