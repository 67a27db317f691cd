'use client';

import { X } from 'lucide-react';
import { useState } from 'react';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { countDocuments } from './document-actions.ts';

const splitTags = (text: string) =>
  text
    .split(',')
    .map((tag) => tag.trim())
    .filter(Boolean);

/** Add tags to documents, and take off those that they have. */
export function TagDialog({
  isOpen,
  onOpenChange,
  count,
  present,
  known,
  onSave,
}: {
  readonly isOpen: boolean;
  readonly onOpenChange: (isOpen: boolean) => void;
  /** How many documents are changed. */
  readonly count: number;
  /** Tags that some of them have. */
  readonly present: readonly string[];
  /** Tags in use anywhere, offered while typing. */
  readonly known: readonly string[];
  /** Resolves to true when the dialog may close. */
  readonly onSave: (tags: { add: string[]; remove: string[] }) => Promise<boolean>;
}) {
  const [text, setText] = useState('');
  const [removed, setRemoved] = useState<ReadonlySet<string>>(new Set());
  const [isPending, setPending] = useState(false);
  const close = (open: boolean) => {
    onOpenChange(open);
    if (open) return;
    setText('');
    setRemoved(new Set());
  };
  const save = async () => {
    setPending(true);
    const isDone = await onSave({ add: splitTags(text), remove: [...removed] });
    setPending(false);
    if (isDone) close(false);
  };
  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={close}
      title={`Tags of ${countDocuments(count)}`}
      description="Tags sort and filter the list. They change no answer."
    >
      <form
        className="flex flex-col gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field label="Add" hint="Separate several with commas.">
          {(ids) => (
            <>
              <Input
                {...ids}
                value={text}
                list="known-tags"
                autoComplete="off"
                maxLength={400}
                onChange={(event) => setText(event.target.value)}
              />
              <datalist id="known-tags">
                {known.map((tag) => (
                  <option key={tag} value={tag}>
                    {tag}
                  </option>
                ))}
              </datalist>
            </>
          )}
        </Field>
        {present.length > 0 ? (
          <fieldset>
            <legend className="mb-2 text-sm font-medium">Take off</legend>
            <div className="flex flex-wrap gap-1.5">
              {present.map((tag) => {
                const isRemoved = removed.has(tag);
                return (
                  <button
                    key={tag}
                    type="button"
                    aria-pressed={isRemoved}
                    aria-label={`Take off ${tag}`}
                    className="rounded-full"
                    onClick={() => {
                      const next = new Set(removed);
                      if (isRemoved) next.delete(tag);
                      else next.add(tag);
                      setRemoved(next);
                    }}
                  >
                    <Badge tone={isRemoved ? 'danger' : 'neutral'} className={isRemoved ? 'line-through' : ''}>
                      {tag}
                      <X aria-hidden />
                    </Badge>
                  </button>
                );
              })}
            </div>
          </fieldset>
        ) : null}
        <div className="flex justify-end gap-2">
          <Button onClick={() => close(false)}>Cancel</Button>
          <Button
            type="submit"
            look="primary"
            isPending={isPending}
            disabled={splitTags(text).length === 0 && removed.size === 0}
          >
            Save tags
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
