'use client';

import { useEffect, useRef, useState, useTransition } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Textarea } from '#app/_components/ui/field.tsx';
import type { RowView } from './row-view.ts';

type Message = RowView['messages'][number];

const speakers = { system: 'Rules', user: 'Person', assistant: 'Assistant' } as const;

export function EditRowDialog({
  row,
  onClose,
  onSave,
}: {
  readonly row: RowView;
  readonly onClose: () => void;
  /** Resolves to what went wrong, in words; null when it is saved. */
  readonly onSave: (messages: Message[]) => Promise<string | null>;
}) {
  const [turns, setTurns] = useState(row.messages.map((message, key) => ({ ...message, key })));
  const [error, setError] = useState<string | null>(null);
  const [isPending, startTransition] = useTransition();
  const last = turns.findLast(({ role }) => role === 'assistant')?.key ?? -1;
  const write = (key: number, content: string) =>
    setTurns(turns.map((turn) => (turn.key === key ? { ...turn, content } : turn)));
  const answer = useRef<HTMLTextAreaElement>(null);
  // Before the dialog looks for something to focus: it leaves alone what has the focus inside.
  useEffect(() => answer.current?.focus(), []);
  const save = () =>
    startTransition(async () => {
      const messages = turns.map(({ role, content }) => ({ role, content }));
      setError(await onSave(messages).catch(() => 'Lorehouse cannot be reached. Nothing was changed.'));
    });
  return (
    <Dialog
      isOpen
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
      title="Edit the row"
      description="It is accepted with the words you leave here. Personal data in them is replaced."
      className="max-w-2xl"
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        {turns.map(({ key, role, content }) => (
          <Field key={key} label={speakers[role]}>
            {(ids) => (
              <Textarea
                {...ids}
                ref={key === last ? answer : undefined}
                onKeyDown={(event) => {
                  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) save();
                }}
                rows={Math.min(10, Math.max(2, Math.ceil(content.length / 80)))}
                value={content}
                onChange={(event) => write(key, event.target.value)}
              />
            )}
          </Field>
        ))}
        {row.quote === null || last === -1 ? null : (
          <div className="rounded-md border border-line bg-paper p-3 text-sm">
            <p className="font-serif text-ink-soft">{row.quote}</p>
            <Button size="sm" className="mt-2" onClick={() => write(last, row.quote ?? '')}>
              Answer with this quote
            </Button>
          </div>
        )}
        {error === null ? null : (
          <p role="alert" className="text-sm text-danger">
            {error}
          </p>
        )}
        <div className="flex items-center justify-end gap-3">
          <span className="text-xs text-ink-faint">Ctrl Enter saves</span>
          <Button look="primary" type="submit" isPending={isPending}>
            Save and accept
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
