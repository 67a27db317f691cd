'use client';

import { ArrowUp, Square } from 'lucide-react';
import { type RefObject, useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';

/** The longest question that the server takes. */
export const MAX_QUESTION_LENGTH = 4_000;

export function Composer({
  inputRef,
  placeholder,
  isRunning,
  isDisabled,
  onSend,
  onStop,
}: {
  readonly inputRef: RefObject<HTMLTextAreaElement | null>;
  readonly placeholder: string;
  readonly isRunning: boolean;
  readonly isDisabled: boolean;
  readonly onSend: (question: string) => void;
  readonly onStop: () => void;
}) {
  const [text, setText] = useState('');
  const canSend = text.trim() !== '' && !isRunning && !isDisabled;
  const send = () => {
    if (!canSend) return;
    onSend(text.trim());
    setText('');
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      className="rounded-xl border border-control bg-raised shadow-raised transition-colors focus-within:border-accent focus-within:outline-3 focus-within:outline-accent/25"
    >
      <label htmlFor="question" className="sr-only">
        Ask a question
      </label>
      <div className="flex items-end gap-2 p-2 pl-4">
        <textarea
          id="question"
          ref={inputRef}
          value={text}
          rows={1}
          maxLength={MAX_QUESTION_LENGTH}
          placeholder={placeholder}
          disabled={isDisabled}
          aria-describedby="question-hint"
          enterKeyHint="send"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            // An Enter that ends a composition (Japanese, Chinese, accents) belongs to the input method.
            if (event.nativeEvent.isComposing) return;
            if (event.key === 'Enter' && !event.shiftKey) {
              event.preventDefault();
              send();
            } else if (event.key === 'Escape' && isRunning) {
              event.preventDefault();
              onStop();
            }
          }}
          className="field-sizing-content max-h-[38vh] min-h-9 flex-1 resize-none bg-transparent py-1.5 text-[0.96875rem] leading-6 outline-none disabled:opacity-60"
        />
        {isRunning ? (
          <Button look="secondary" size="icon" aria-label="Stop the answer" onClick={onStop}>
            <Square aria-hidden fill="currentColor" className="!size-3.5" />
          </Button>
        ) : (
          <Button type="submit" look="primary" size="icon" aria-label="Send" disabled={!canSend}>
            <ArrowUp aria-hidden />
          </Button>
        )}
      </div>
      <p id="question-hint" className="sr-only">
        Enter sends, Shift and Enter starts a new line{isRunning ? ', Escape stops the answer' : ''}.
      </p>
    </form>
  );
}
