'use client';

import { HoverCard } from '#app/_components/ui/popover.tsx';
import type { Citation, Source } from '#lib/domain/chat.ts';
import { describePages, locateInSource } from '#lib/domain/source-parts.ts';

/** Longer quotes are cut in the card; the source panel shows all of it. */
const MAX_CARD_QUOTE_LENGTH = 320;

export function shortenQuote(quote: string, maxLength = MAX_CARD_QUOTE_LENGTH): string {
  const flat = quote.replaceAll(/\s+/g, ' ').trim();
  if (flat.length <= maxLength) return flat;
  const cut = flat.slice(0, maxLength);
  return `${cut.slice(0, Math.max(cut.lastIndexOf(' '), maxLength - 40))} …`;
}

export function CitationChip({
  citation,
  source,
  onOpen,
}: {
  readonly citation: Citation;
  readonly source: Source;
  readonly onOpen: (sourceNumber: number) => void;
}) {
  const places = locateInSource(source, citation.quoteStart, citation.quoteEnd);
  const pages = describePages(places.length > 0 ? places : [source]);
  return (
    <HoverCard
      trigger={
        <button
          type="button"
          data-citation={source.number}
          aria-label={`Source ${source.number}: ${source.documentTitle}, ${pages}`}
          onClick={() => onOpen(source.number)}
          className="relative -top-px mx-[0.15em] inline-grid h-[1.3em] min-w-[1.3em] place-items-center rounded-[5px] bg-accent-soft px-[0.3em] align-baseline text-[0.72em] font-semibold leading-none tabular-nums text-accent-text transition-colors before:absolute before:-inset-1.5 hover:bg-accent hover:text-on-accent"
        >
          {source.number}
        </button>
      }
    >
      <p className="text-xs font-medium text-ink-soft">
        {source.documentTitle} <span className="text-ink-faint">· {pages}</span>
      </p>
      <blockquote className="mt-2 border-l-2 border-mark-strong pl-3 font-serif text-[0.9375rem] leading-snug">
        {shortenQuote(citation.quote)}
      </blockquote>
      <p className="mt-2.5 text-xs text-ink-faint">
        {citation.origin === 'model' ? 'Cited in the answer; quote checked.' : 'Matched to the passage by Lorehouse.'}
      </p>
    </HoverCard>
  );
}
