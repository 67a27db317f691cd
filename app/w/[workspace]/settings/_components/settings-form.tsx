'use client';

import { ArrowDown, ArrowUp, Plus, X } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Field, Input, Textarea } from '#app/_components/ui/field.tsx';
import { Card, Section } from '#app/_components/ui/page.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';

/** As many as the server takes. */
const MAX_QUESTIONS = 6;

export type ConfigureWorkspace = (input: {
  workspace: string;
  name: string;
  instructions: string;
  suggestedQuestions: string[];
}) => Promise<ActionResult<unknown>>;

interface Line {
  readonly id: number;
  readonly text: string;
}

export function SettingsForm({
  workspace,
  initial,
  configure,
}: {
  readonly workspace: string;
  readonly initial: {
    readonly name: string;
    readonly instructions: string;
    readonly suggestedQuestions: readonly string[];
  };
  readonly configure: ConfigureWorkspace;
}) {
  const router = useRouter();
  const { run, isPending, error } = useAction(configure);
  const [lines, setLines] = useState<readonly Line[]>(() =>
    initial.suggestedQuestions.map((text, id) => ({ id, text })),
  );
  const move = (index: number, by: number) =>
    setLines((all) => {
      const next = [...all];
      const [line] = next.splice(index, 1);
      if (line !== undefined) next.splice(index + by, 0, line);
      return next;
    });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const data = new FormData(event.currentTarget);
        const read = (name: string) => {
          const value = data.get(name);
          return typeof value === 'string' ? value.trim() : '';
        };
        run(
          {
            workspace,
            name: read('name'),
            instructions: read('instructions'),
            suggestedQuestions: lines.map((line) => line.text.trim()).filter((text) => text !== ''),
          },
          () => {
            toast.success('Settings saved.');
            router.refresh();
          },
        );
      }}
    >
      <Section title="Workspace">
        <Card className="p-5">
          <Field label="Name" hint={`The address stays /w/${workspace}.`}>
            {(ids) => <Input {...ids} name="name" required maxLength={80} defaultValue={initial.name} />}
          </Field>
        </Card>
      </Section>

      <Section
        title="Instructions"
        lead="Tell the assistant who it writes for and in which voice. Instructions shape the wording; what an answer may say is decided by the documents."
      >
        <Card className="p-5">
          <Field
            label="Instructions for the assistant"
            isLabelHidden
            hint="Short is better: small models follow two sentences more faithfully than twenty."
          >
            {(ids) => (
              <Textarea
                {...ids}
                name="instructions"
                maxLength={2000}
                defaultValue={initial.instructions}
                placeholder="You help technicians in the laboratory. Be brief, name part numbers, repeat warnings in full."
                className="field-sizing-content min-h-32"
              />
            )}
          </Field>
        </Card>
      </Section>

      <Section title="Suggested questions" lead="They stand on the empty chat and show newcomers what can be asked.">
        <Card className="p-5">
          <ol className="flex flex-col gap-2">
            {lines.map((line, index) => (
              <li key={line.id} className="flex items-center gap-1">
                <Input
                  aria-label={`Suggested question ${index + 1}`}
                  value={line.text}
                  maxLength={200}
                  onChange={(event) =>
                    setLines((all) =>
                      all.map((each) => (each.id === line.id ? { ...each, text: event.target.value } : each)),
                    )
                  }
                />
                <Button
                  look="quiet"
                  size="icon-sm"
                  aria-label={`Move question ${index + 1} up`}
                  disabled={index === 0}
                  onClick={() => move(index, -1)}
                >
                  <ArrowUp aria-hidden />
                </Button>
                <Button
                  look="quiet"
                  size="icon-sm"
                  aria-label={`Move question ${index + 1} down`}
                  disabled={index === lines.length - 1}
                  onClick={() => move(index, 1)}
                >
                  <ArrowDown aria-hidden />
                </Button>
                <Button
                  look="quiet"
                  size="icon-sm"
                  aria-label={`Remove question ${index + 1}`}
                  onClick={() => setLines((all) => all.filter((each) => each.id !== line.id))}
                >
                  <X aria-hidden />
                </Button>
              </li>
            ))}
          </ol>
          {lines.length < MAX_QUESTIONS ? (
            <Button
              size="sm"
              className={lines.length > 0 ? 'mt-3' : ''}
              onClick={() =>
                setLines((all) => [...all, { id: Math.max(-1, ...all.map((line) => line.id)) + 1, text: '' }])
              }
            >
              <Plus aria-hidden />
              Add a question
            </Button>
          ) : null}
        </Card>
      </Section>

      {error === null ? null : (
        <Callout tone="danger" className="mt-6">
          {error}
        </Callout>
      )}
      <div className="mt-8 flex justify-end">
        <Button type="submit" look="primary" isPending={isPending}>
          Save settings
        </Button>
      </div>
    </form>
  );
}
