'use client';

import { ThumbsDown, ThumbsUp } from 'lucide-react';
import { useState, useTransition } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Field, Textarea } from '#app/_components/ui/field.tsx';
import { Popover } from '#app/_components/ui/popover.tsx';
import { type Feedback, useChat } from './chat-provider.tsx';

/** A vote counts at once; the words are optional. What people write here becomes test cases and training data later. */
export function FeedbackButtons({
  messageId,
  initial,
}: {
  readonly messageId: string;
  readonly initial: Feedback | null;
}) {
  const { actions } = useChat();
  const [saved, setSaved] = useState(initial);
  const [openFor, setOpenFor] = useState<boolean | null>(null);
  const [isPending, startTransition] = useTransition();

  const save = (feedback: Feedback, isLast: boolean) => {
    const before = saved;
    setSaved(feedback);
    startTransition(async () => {
      const result = await actions.saveFeedback(messageId, feedback);
      if (!result.ok) {
        setSaved(before);
        toast.error(result.error.message);
        return;
      }
      if (isLast) {
        setOpenFor(null);
        toast.success('Thank you. Your note is stored with the answer.');
      }
    });
  };

  const vote = (isHelpful: boolean) => {
    if (saved?.isHelpful !== isHelpful) {
      save({ isHelpful, comment: saved?.comment ?? '', correction: saved?.correction ?? '' }, false);
    }
  };

  return (
    <>
      {([true, false] as const).map((isHelpful) => {
        const Icon = isHelpful ? ThumbsUp : ThumbsDown;
        const isChosen = saved?.isHelpful === isHelpful;
        return (
          <Popover
            key={String(isHelpful)}
            label={isHelpful ? 'What was good about this answer' : 'What was wrong with this answer'}
            isOpen={openFor === isHelpful}
            onOpenChange={(isOpen) => {
              if (isOpen) vote(isHelpful);
              setOpenFor(isOpen ? isHelpful : null);
            }}
            trigger={
              <Button
                look="quiet"
                size="icon-sm"
                aria-label={isHelpful ? 'Good answer' : 'Bad answer'}
                aria-pressed={isChosen}
                className={classNames(isChosen && (isHelpful ? 'text-accent-text' : 'text-danger'))}
              >
                <Icon aria-hidden fill={isChosen ? 'currentColor' : 'none'} fillOpacity={0.25} />
              </Button>
            }
          >
            <form
              className="flex flex-col gap-4"
              onSubmit={(event) => {
                event.preventDefault();
                const data = new FormData(event.currentTarget);
                const read = (name: string) => {
                  const value = data.get(name);
                  return typeof value === 'string' ? value.trim() : '';
                };
                save({ isHelpful, comment: read('comment'), correction: read('correction') }, true);
              }}
            >
              <Field label={isHelpful ? 'What was good about it?' : 'What is wrong with it?'} hint="Optional.">
                {(ids) => (
                  <Textarea
                    {...ids}
                    name="comment"
                    defaultValue={saved?.comment}
                    maxLength={2000}
                    className="min-h-18"
                  />
                )}
              </Field>
              {isHelpful ? null : (
                <Field
                  label="What should the answer have been?"
                  hint="Optional. Your team can turn it into a test case."
                >
                  {(ids) => (
                    <Textarea
                      {...ids}
                      name="correction"
                      defaultValue={saved?.correction}
                      maxLength={4000}
                      className="min-h-24"
                    />
                  )}
                </Field>
              )}
              <div className="flex items-center justify-between gap-3">
                <output className="text-xs text-ink-faint">{isPending ? 'Saving …' : 'Your vote is stored.'}</output>
                <Button type="submit" look="primary" size="sm" isPending={isPending}>
                  Save note
                </Button>
              </div>
            </form>
          </Popover>
        );
      })}
    </>
  );
}
