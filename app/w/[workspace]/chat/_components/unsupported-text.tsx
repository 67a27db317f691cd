'use client';

import { TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { Tooltip } from '#app/_components/ui/popover.tsx';
import type { UnsupportedSpan } from '#lib/domain/chat.ts';

/** More than this is a list that nobody reads; the words themselves stay marked. */
const MAX_NOTES = 4;

const reasons: Readonly<Record<UnsupportedSpan['kind'], string>> = {
  number: 'This number stands in none of the passages behind the answer.',
  code: 'This code stands in none of the passages behind the answer.',
  date: 'This date stands in none of the passages behind the answer.',
  name: 'This name stands in none of the passages behind the answer.',
  sentence: 'No passage says this. The model may have added it.',
};

function explainSpan(span: UnsupportedSpan): string {
  const nearest = span.nearest === undefined ? '' : ` The passages have ${span.nearest}, which looks similar.`;
  return reasons[span.kind] + nearest;
}

const noteId = (messageId: string) => `doubts-${messageId}`;

/**
 * Words of the answer that the documents do not back: marked by more than colour, explained on hover and on focus, and linked
 * to the note below, which touch and screen readers reach.
 */
export function UnsupportedText({
  span,
  messageId,
  children,
}: {
  readonly span: UnsupportedSpan;
  readonly messageId: string;
  readonly children: ReactNode;
}) {
  return (
    <Tooltip content={explainSpan(span)}>
      <a href={`#${noteId(messageId)}`} className="!text-inherit !no-underline">
        <mark className="cursor-help rounded-[3px] bg-warn-soft px-[0.1em] text-ink underline decoration-warn-line decoration-wavy decoration-1 underline-offset-4">
          {children}
        </mark>
      </a>
    </Tooltip>
  );
}

/** What is marked in the answer, and why. */
export function UnsupportedNote({
  messageId,
  text,
  spans,
}: {
  readonly messageId: string;
  readonly text: string;
  readonly spans: readonly UnsupportedSpan[];
}) {
  if (spans.length === 0) return null;
  const notes = [
    ...new Map(spans.map((span) => [text.slice(span.answerStart, span.answerEnd).trim(), explainSpan(span)])),
  ];
  return (
    <div id={noteId(messageId)} className="flex scroll-mt-6 gap-2.5 text-sm leading-relaxed">
      <TriangleAlert aria-hidden className="mt-1 size-4 shrink-0 text-warn" />
      <div className="min-w-0">
        <p className="text-warn">
          {notes.length === 1
            ? 'Underlined words are not in your documents. Check them before you rely on them.'
            : `${notes.length} underlined places are not in your documents. Check them before you rely on them.`}
        </p>
        <ul className="mt-0.5 text-[0.8125rem] leading-snug text-ink-soft">
          {notes.slice(0, MAX_NOTES).map(([words, reason]) => (
            <li key={words}>
              “{words.length > 80 ? `${words.slice(0, 80)}…` : words}”: {reason}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
