'use client';

import { Pencil } from 'lucide-react';
import { useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Textarea } from '#app/_components/ui/field.tsx';
import { MAX_QUESTION_LENGTH } from './composer.tsx';

/** A question stands over its answer like a heading over a section. */
export function Question({
  text,
  canEdit,
  onEdit,
}: {
  readonly text: string;
  readonly canEdit: boolean;
  readonly onEdit: (text: string) => void;
}) {
  const [draft, setDraft] = useState<string | null>(null);
  if (draft !== null) {
    const submit = () => {
      if (draft.trim() === '') return;
      setDraft(null);
      onEdit(draft.trim());
    };
    return (
      <form
        className="flex flex-col gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Textarea
          aria-label="Edit this question"
          // The reader has just pressed “Edit”: the field is what they asked for.
          ref={(element) => element?.focus()}
          value={draft}
          maxLength={MAX_QUESTION_LENGTH}
          className="field-sizing-content min-h-12 font-serif text-lg"
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={(event) => {
            if (event.nativeEvent.isComposing) return;
            if (event.key === 'Escape') setDraft(null);
            if (event.key === 'Enter' && !event.shiftKey) {
              event.preventDefault();
              submit();
            }
          }}
        />
        <div className="flex gap-2">
          <Button type="submit" look="primary" size="sm">
            Ask again
          </Button>
          <Button size="sm" look="quiet" onClick={() => setDraft(null)}>
            Cancel
          </Button>
        </div>
      </form>
    );
  }
  return (
    <div className="group flex items-start gap-2">
      <h2 className="min-w-0 flex-1 whitespace-pre-wrap text-pretty break-words font-serif text-[1.375rem] font-semibold leading-snug tracking-[-0.005em]">
        {text}
      </h2>
      {canEdit ? (
        <Button
          look="quiet"
          size="icon-sm"
          aria-label="Edit the question"
          className="opacity-0 focus-visible:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100"
          onClick={() => setDraft(text)}
        >
          <Pencil aria-hidden />
        </Button>
      ) : null}
    </div>
  );
}
