'use client';

import { CircleSlash, Quote, RotateCcw, SearchX } from 'lucide-react';
import Link from 'next/link';
import { memo, useMemo } from 'react';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { CopyButton } from '#app/_components/ui/copy-button.tsx';
import { formatAnswerForCopy } from '../_state/format-answer.ts';
import type { ShownMessage } from '../_state/live-turn.ts';
import { readDraft } from '../_state/read-draft.ts';
import { AnswerText } from './answer-text.tsx';
import { useChat } from './chat-provider.tsx';
import { FeedbackButtons } from './feedback-buttons.tsx';
import { Passages } from './passages.tsx';
import { ProvenancePopover } from './provenance-popover.tsx';
import { StageLine } from './stage-line.tsx';
import { UnsupportedNote } from './unsupported-text.tsx';

function Refusal({ message }: { readonly message: ShownMessage }) {
  const { slug, canWriteDocuments } = useChat();
  return (
    <div className="rounded-lg border border-line-strong bg-raised p-5">
      <p className="flex items-center gap-2 font-serif text-lg font-semibold">
        <SearchX aria-hidden className="size-5 text-brass" />
        Not in your documents
      </p>
      <p className="mt-2 whitespace-pre-wrap text-[0.96875rem] leading-relaxed">{message.content}</p>
      <p className="mt-3 text-sm leading-relaxed text-ink-soft">
        Lorehouse answers only what a passage supports. Try the words that the manual uses, a part number or a section
        name
        {canWriteDocuments ? (
          <>
            , or{' '}
            <Link href={`/admin/${slug}/documents`} className="text-accent-text underline underline-offset-4">
              add the document
            </Link>{' '}
            that has the answer
          </>
        ) : null}
        .
      </p>
    </div>
  );
}

export const Answer = memo(function Answer({
  message,
  isLast,
  openNumber,
  onOpenSource,
  onRegenerate,
}: {
  readonly message: ShownMessage;
  readonly isLast: boolean;
  /** Number of the source of this message that the panel shows. */
  readonly openNumber: number | null;
  readonly onOpenSource: (messageId: string, sourceNumber: number) => void;
  readonly onRegenerate: (message: ShownMessage) => void;
}) {
  const isStreaming = message.state === 'streaming';
  const isChecked = message.turn?.isChecked ?? true;
  const draft = useMemo(
    () => (isChecked ? null : readDraft(message.content, message.sources)),
    [isChecked, message.content, message.sources],
  );
  const openSource = useMemo(
    () => (sourceNumber: number) => onOpenSource(message.id, sourceNumber),
    [message.id, onOpenSource],
  );
  const text = draft?.text ?? message.content;
  const citations = draft?.citations ?? message.citations;
  const isRefusal = message.answerKind === 'refusal';

  return (
    <article aria-label="Answer" aria-busy={isStreaming} data-message={message.id} className="flex flex-col gap-4">
      {message.answerKind === 'extractive' ? (
        <Badge tone="warn" className="self-start whitespace-normal">
          <Quote aria-hidden />
          Quoted word for word: no language model wrote this answer
        </Badge>
      ) : null}

      {isRefusal ? (
        <Refusal message={message} />
      ) : text === '' ? null : (
        <AnswerText
          messageId={message.id}
          text={text}
          citations={citations}
          unsupportedSpans={message.unsupportedSpans}
          sources={message.sources}
          onOpenSource={openSource}
        />
      )}

      {isStreaming && message.turn !== null ? <StageLine turn={message.turn} /> : null}
      {isStreaming && message.turn === null ? (
        <p className="animate-breathe text-sm text-ink-soft">This answer is still being written …</p>
      ) : null}

      {isStreaming ? null : (
        <UnsupportedNote messageId={message.id} text={message.content} spans={message.unsupportedSpans} />
      )}

      {message.state === 'stopped' ? (
        <p className="flex items-center gap-2 text-sm text-ink-soft">
          <CircleSlash aria-hidden className="size-4" />
          Stopped before the end.
        </p>
      ) : null}

      {message.state === 'failed' ? (
        <Callout
          tone="danger"
          title="The answer could not be finished"
          actions={
            isLast ? (
              <Button size="sm" onClick={() => onRegenerate(message)}>
                <RotateCcw aria-hidden />
                Try again
              </Button>
            ) : null
          }
        >
          {message.error?.message ?? 'The reason is in the server’s log.'}
        </Callout>
      ) : null}

      <Passages
        title={isRefusal ? 'Closest passages' : 'Supporting passages'}
        sources={message.sources}
        citations={citations}
        openNumber={openNumber}
        onOpen={openSource}
      />

      {isStreaming || message.state === 'failed' ? null : (
        <div className="-ml-2 flex flex-wrap items-center gap-0.5">
          <CopyButton look="quiet" size="sm" className="px-2" label="Copy" text={() => formatAnswerForCopy(message)} />
          {isLast ? (
            <Button look="quiet" size="sm" className="px-2" onClick={() => onRegenerate(message)}>
              <RotateCcw aria-hidden />
              Regenerate
            </Button>
          ) : null}
          {message.turn === null ? <FeedbackButtons messageId={message.id} initial={message.feedback} /> : null}
          <span className="ml-auto" />
          <ProvenancePopover message={message} />
        </div>
      )}
    </article>
  );
});
