'use client';

import type { ReactNode } from 'react';
import { Tooltip } from '#app/_components/ui/popover.tsx';
import type { UnsupportedSpan } from '#lib/domain/chat.ts';

const reasons: Readonly<Record<UnsupportedSpan['kind'], string>> = {
  number: 'This number stands in none of the passages behind the answer. Check it before you rely on it.',
  code: 'This code stands in none of the passages behind the answer. Check it before you rely on it.',
  date: 'This date stands in none of the passages behind the answer. Check it before you rely on it.',
  name: 'This name stands in none of the passages behind the answer. Check it before you rely on it.',
  sentence: 'No passage says this. The model may have added it.',
};

export function explainSpan(span: UnsupportedSpan): string {
  const nearest = span.nearest === undefined ? '' : ` The passages have ${span.nearest}, which looks similar.`;
  return reasons[span.kind] + nearest;
}

/** Words of the answer that the documents do not back: marked by more than colour, explained on hover and on focus. */
export function UnsupportedText({ span, children }: { readonly span: UnsupportedSpan; readonly children: ReactNode }) {
  return (
    <Tooltip content={explainSpan(span)}>
      <mark
        // A plain mark cannot be reached by keyboard, and the explanation must be.
        tabIndex={0}
        className="cursor-help rounded-[3px] bg-warn-soft px-[0.1em] text-ink underline decoration-warn-line decoration-wavy decoration-1 underline-offset-4"
      >
        {children}
      </mark>
    </Tooltip>
  );
}
