'use client';

import { Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { v4 as createUuid } from 'uuid';
import { Button } from '#app/_components/ui/button.tsx';
import { Field, Input, Textarea } from '#app/_components/ui/field.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import { assertionLooks, type DraftAssertion, findLook } from '../_state/assertion-looks.ts';
import { type DraftCase, findGap, finishCase } from '../_state/draft-case.ts';
import { AssertionForm } from './assertion-form.tsx';

const modes = [
  ['retrieval', 'As in chat, over the documents'],
  ['context', 'From passages given here'],
  ['alone', 'The model alone, without documents'],
  ['score', 'Not written: likelihoods are compared'],
] as const;

/** Lists that are edited need names that stay when an entry goes. */
interface Named<T> {
  readonly id: string;
  readonly value: T;
}
const named = <T,>(values: readonly T[]): Named<T>[] => values.map((value) => ({ id: createUuid(), value }));
const replaceIn = <T,>(list: readonly Named<T>[], id: string, value: T) =>
  list.map((each) => (each.id === id ? { id, value } : each));

export function CaseForm({
  workspace,
  initial,
  saveLabel,
  isPending = false,
  error,
  documentTitles,
  areas,
  onSave,
}: {
  readonly workspace: string;
  readonly initial: DraftCase;
  readonly saveLabel: string;
  readonly isPending?: boolean;
  readonly error?: string | null;
  readonly documentTitles: readonly string[];
  readonly areas: readonly string[];
  readonly onSave: (testCase: DraftCase) => void;
}) {
  const [draft, setDraft] = useState(initial);
  const [checks, setChecks] = useState(() => named(initial.assertions));
  const [turns, setTurns] = useState(() => named(initial.history));
  const [passages, setPassages] = useState(() => named(initial.context));
  const [tags, setTags] = useState(initial.tags.join(', '));
  const [gap, setGap] = useState<string | null>(null);
  const set = (change: Partial<DraftCase>) => setDraft({ ...draft, ...change });
  const addCheck = (assertion: DraftAssertion) => setChecks([...checks, ...named([assertion])]);

  const save = () => {
    const whole = finishCase({
      ...draft,
      assertions: checks.map(({ value }) => value),
      history: turns.map(({ value }) => value),
      context: passages.map(({ value }) => value),
      tags: tags.split(','),
    });
    const missing = findGap(whole);
    setGap(missing);
    if (missing === null) onSave(whole);
  };

  return (
    <form
      className="flex flex-col gap-5"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      {turns.length === 0 ? null : (
        <fieldset className="flex flex-col gap-2" aria-label="Earlier turns">
          <p className="text-sm font-medium">Earlier turns</p>
          {turns.map(({ id, value }, index) => (
            <div key={id} className="flex items-start gap-2">
              <Select
                aria-label={`Who speaks in turn ${index + 1}`}
                className="w-32 shrink-0"
                value={value.role}
                onChange={(event) =>
                  setTurns(
                    replaceIn(turns, id, { ...value, role: event.target.value === 'user' ? 'user' : 'assistant' }),
                  )
                }
              >
                <option value="user">Person</option>
                <option value="assistant">Assistant</option>
              </Select>
              <Textarea
                aria-label={`Turn ${index + 1}`}
                className="min-h-10"
                rows={1}
                value={value.content}
                onChange={(event) => setTurns(replaceIn(turns, id, { ...value, content: event.target.value }))}
              />
              <Button
                look="quiet"
                size="icon-sm"
                aria-label={`Remove turn ${index + 1}`}
                onClick={() => setTurns(turns.filter((turn) => turn.id !== id))}
              >
                <Trash2 aria-hidden />
              </Button>
            </div>
          ))}
        </fieldset>
      )}
      <Field label="Question">
        {(ids) => (
          <Textarea
            {...ids}
            className="min-h-16"
            maxLength={8000}
            value={draft.question}
            onChange={(event) => set({ question: event.target.value })}
          />
        )}
      </Field>
      <Button
        look="link"
        size="none"
        className="self-start text-sm"
        onClick={() =>
          setTurns([
            ...turns,
            ...named([{ role: turns.length % 2 === 0 ? ('user' as const) : ('assistant' as const), content: '' }]),
          ])
        }
      >
        Add an earlier turn
      </Button>

      <div className="flex flex-col gap-3">
        <p className="text-sm font-medium">What a right answer holds</p>
        {checks.map(({ id, value }) => (
          <AssertionForm
            key={id}
            workspace={workspace}
            assertion={value}
            onChange={(next) => setChecks(replaceIn(checks, id, next))}
            onRemove={() => setChecks(checks.filter((each) => each.id !== id))}
          />
        ))}
        <div className="flex flex-wrap gap-2">
          <Select
            aria-label="Add a check"
            className="w-56"
            value=""
            onChange={(event) => {
              const look = findLook(event.target.value);
              if (look !== undefined) addCheck(look.initial);
            }}
          >
            <option value="">Add a check …</option>
            {Object.entries(assertionLooks).map(([type, { label }]) => (
              <option key={type} value={type}>
                {label}
              </option>
            ))}
          </Select>
          {documentTitles.length === 0 ? null : (
            <Select
              aria-label="Expect a document"
              className="w-56"
              value=""
              onChange={(event) => addCheck({ type: 'cites-document', title: event.target.value })}
            >
              <option value="">Expect a document …</option>
              {documentTitles.map((title) => (
                <option key={title} value={title}>
                  {title}
                </option>
              ))}
            </Select>
          )}
        </div>
      </div>

      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Asked" hint="The first is what people get.">
          {(ids) => (
            <Select
              {...ids}
              className="w-full"
              value={draft.mode}
              onChange={(event) => {
                const mode = modes.find(([name]) => name === event.target.value)?.[0] ?? 'retrieval';
                set({ mode });
                if (mode === 'context' && passages.length === 0) setPassages(named([{ title: '', text: '', page: 1 }]));
              }}
            >
              {modes.map(([mode, label]) => (
                <option key={mode} value={mode}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="Area" hint="What it measures: a metric of the report.">
          {(ids) => (
            <>
              <Input
                {...ids}
                list="case-areas"
                value={draft.area}
                onChange={(event) => set({ area: event.target.value })}
              />
              <datalist id="case-areas">
                {areas.map((area) => (
                  <option key={area} value={area}>
                    {area}
                  </option>
                ))}
              </datalist>
            </>
          )}
        </Field>
        <Field label="Tags" hint="Slices of the report, with commas between them.">
          {(ids) => <Input {...ids} value={tags} onChange={(event) => setTags(event.target.value)} />}
        </Field>
        <Field label="Weight" hint="2 counts twice.">
          {(ids) => (
            <Input
              {...ids}
              type="number"
              min={0}
              step="any"
              defaultValue={draft.weight ?? ''}
              onChange={(event) =>
                set({ weight: Number.isFinite(event.target.valueAsNumber) ? event.target.valueAsNumber : null })
              }
            />
          )}
        </Field>
      </div>
      {draft.mode === 'context' ? (
        <fieldset className="flex flex-col gap-3" aria-label="Passages">
          <p className="text-sm font-medium">Passages</p>
          {passages.map(({ id, value }, index) => (
            <div key={id} className="grid gap-2 rounded-lg border border-line p-3 sm:grid-cols-[1fr_6rem_auto]">
              <Input
                aria-label={`Title of passage ${index + 1}`}
                placeholder="Title"
                value={value.title}
                onChange={(event) => setPassages(replaceIn(passages, id, { ...value, title: event.target.value }))}
              />
              <Input
                aria-label={`Page of passage ${index + 1}`}
                type="number"
                min={1}
                value={value.page}
                onChange={(event) =>
                  setPassages(replaceIn(passages, id, { ...value, page: event.target.valueAsNumber || 1 }))
                }
              />
              <Button
                look="quiet"
                size="icon-sm"
                aria-label={`Remove passage ${index + 1}`}
                onClick={() => setPassages(passages.filter((each) => each.id !== id))}
              >
                <Trash2 aria-hidden />
              </Button>
              <Textarea
                aria-label={`Text of passage ${index + 1}`}
                className="min-h-16 sm:col-span-3"
                value={value.text}
                onChange={(event) => setPassages(replaceIn(passages, id, { ...value, text: event.target.value }))}
              />
            </div>
          ))}
          <Button
            size="sm"
            className="self-start"
            onClick={() => setPassages([...passages, ...named([{ title: '', text: '', page: 1 }])])}
          >
            <Plus aria-hidden />
            Add a passage
          </Button>
        </fieldset>
      ) : null}
      <Field label="Instructions" hint="Instead of the workspace’s. Empty: those.">
        {(ids) => (
          <Textarea
            {...ids}
            className="min-h-10"
            rows={1}
            maxLength={2000}
            defaultValue={draft.instructions ?? ''}
            onChange={(event) => {
              const { instructions: _removed, ...rest } = draft;
              setDraft(event.target.value === '' ? rest : { ...rest, instructions: event.target.value });
            }}
          />
        )}
      </Field>
      <label className="flex items-center gap-2 text-sm">
        <input
          type="checkbox"
          className="size-4 accent-accent"
          checked={draft.isMustPass}
          onChange={(event) => set({ isMustPass: event.target.checked })}
        />
        Must pass: an adapter that fails it fails the gate, whatever else it does well
      </label>
      {gap === null && !error ? null : (
        <p role="alert" className="text-sm text-danger">
          {gap ?? error}
        </p>
      )}
      <div className="flex justify-end">
        <Button type="submit" look="primary" isPending={isPending}>
          {saveLabel}
        </Button>
      </div>
    </form>
  );
}
