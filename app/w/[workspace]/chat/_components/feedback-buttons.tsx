'use client';

import { FlaskConical, ThumbsDown, ThumbsUp } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState, useTransition } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Field, Textarea } from '#app/_components/ui/field.tsx';
import { Popover } from '#app/_components/ui/popover.tsx';
import { type Feedback, useChat } from './chat-provider.tsx';

function readField(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name);
  return typeof value === 'string' ? value.trim() : '';
}

/** A vote counts at once; the words are optional. What people write here becomes test cases, with one click more, and training data. */
export function FeedbackButtons({
  messageId,
  initial,
}: {
  readonly messageId: string;
  readonly initial: Feedback | null;
}) {
  const { slug, canWriteCases, actions } = useChat();
  const router = useRouter();
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

  const makeCase = (form: HTMLFormElement) => {
    const fix = {
      comment: readField(form, 'comment'),
      correction: readField(form, 'correction'),
      isUnanswerable: readField(form, 'unanswerable') !== '',
    };
    startTransition(async () => {
      const result = await actions.makeCase(messageId, fix);
      if (!result.ok) {
        toast.error(result.error.message);
        return;
      }
      const { suiteId, caseKey } = result.data;
      setSaved({ isHelpful: false, comment: fix.comment, correction: fix.correction });
      setOpenFor(null);
      toast.success('It is a test case now: adapters are asked it before they may serve.', {
        action: {
          label: 'Open',
          onClick: () => router.push(`/admin/${slug}/evaluation/suites/${suiteId}?case=${caseKey}`),
        },
      });
    });
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
                const form = event.currentTarget;
                save(
                  { isHelpful, comment: readField(form, 'comment'), correction: readField(form, 'correction') },
                  true,
                );
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
              {isHelpful || !canWriteCases ? null : (
                <label className="flex items-center gap-2 text-sm">
                  <input type="checkbox" name="unanswerable" value="yes" className="size-4 accent-accent" />
                  The documents do not answer this
                </label>
              )}
              <output className="text-xs text-ink-faint">{isPending ? 'Saving …' : 'Your vote is stored.'}</output>
              <div className="flex flex-wrap justify-end gap-2">
                {isHelpful || !canWriteCases ? null : (
                  <Button
                    size="sm"
                    disabled={isPending}
                    onClick={(event) => {
                      if (event.currentTarget.form !== null) makeCase(event.currentTarget.form);
                    }}
                  >
                    <FlaskConical aria-hidden />
                    Make a test case
                  </Button>
                )}
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
