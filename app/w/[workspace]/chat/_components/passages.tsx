'use client';

import { FileText } from 'lucide-react';
import { classNames } from '#app/_components/ui/class-names.ts';
import type { Citation, MessageView } from '#lib/domain/chat.ts';
import { describePages, listSourceParts } from '#lib/domain/source-parts.ts';
import { shortenQuote } from './citation-chip.tsx';

type ShownSource = MessageView['sources'][number];

const stateNotes: Readonly<Record<ShownSource['documentState'], string | null>> = {
  current: null,
  outdated: 'from an earlier version',
  superseded: 'superseded by another document',
  deleted: 'document deleted since',
};

/** Whole sentences around the first cited words; the start of the passage when nothing in it was cited. */
function excerptOf(
  source: ShownSource,
  citations: readonly Citation[],
): { before: string; quote: string; after: string } {
  const first = citations.find((citation) => citation.sourceNumber === source.number);
  if (first === undefined || first.quote.length > 240) {
    return { before: shortenQuote(source.text, 200), quote: '', after: '' };
  }
  const before = source.text.slice(Math.max(0, first.quoteStart - 70), first.quoteStart).replaceAll(/\s+/g, ' ');
  const after = source.text.slice(first.quoteEnd, first.quoteEnd + 90).replaceAll(/\s+/g, ' ');
  return {
    before: first.quoteStart > 70 ? `… ${before.slice(before.indexOf(' ') + 1)}` : before,
    quote: first.quote.replaceAll(/\s+/g, ' '),
    after: first.quoteEnd + 90 < source.text.length ? `${after.slice(0, after.lastIndexOf(' '))} …` : after,
  };
}

/** The passages behind an answer, best first. They stand under every answer, also when the model wrote poorly. */
export function Passages({
  title,
  sources,
  citations,
  openNumber,
  onOpen,
}: {
  readonly title: string;
  readonly sources: readonly ShownSource[];
  readonly citations: readonly Citation[];
  readonly openNumber: number | null;
  readonly onOpen: (sourceNumber: number) => void;
}) {
  if (sources.length === 0) return null;
  return (
    <section aria-label={title} className="animate-appear">
      <h3 className="mb-2 text-xs font-medium text-ink-faint">{title}</h3>
      <ol className="divide-y divide-line overflow-hidden rounded-lg border border-line bg-raised">
        {sources.map((source) => {
          const excerpt = excerptOf(source, citations);
          const note = stateNotes[source.documentState];
          const pages = describePages(listSourceParts(source));
          const isCited = citations.some((citation) => citation.sourceNumber === source.number);
          return (
            <li key={source.number}>
              <button
                type="button"
                onClick={() => onOpen(source.number)}
                aria-label={`Open source ${source.number}: ${source.documentTitle}, ${pages}`}
                aria-expanded={openNumber === source.number}
                data-source={source.number}
                className={classNames(
                  'flex w-full gap-3 px-3.5 py-3 text-left transition-colors hover:bg-paper focus-visible:-outline-offset-2',
                  openNumber === source.number && 'bg-accent-soft hover:bg-accent-soft',
                )}
              >
                <span
                  className={classNames(
                    'mt-0.5 grid size-[1.375rem] shrink-0 place-items-center rounded-[5px] text-xs font-semibold tabular-nums',
                    isCited ? 'bg-accent-soft text-accent-text' : 'bg-sunken text-ink-soft',
                    openNumber === source.number && 'bg-accent text-on-accent',
                  )}
                >
                  {source.number}
                </span>
                <span className="min-w-0 flex-1">
                  <span className="flex flex-wrap items-center gap-x-2 text-[0.8125rem] leading-5">
                    <span className="inline-flex min-w-0 items-center gap-1.5 font-medium">
                      <FileText aria-hidden className="size-3.5 shrink-0 text-ink-faint" />
                      <span className="truncate">{source.documentTitle}</span>
                    </span>
                    <span className="text-ink-faint">{pages}</span>
                    {note ? <span className="text-warn">{note}</span> : null}
                  </span>
                  <span className="mt-1 line-clamp-2 text-[0.8125rem] leading-snug text-ink-soft">
                    {excerpt.before}
                    {excerpt.quote ? (
                      <mark className="rounded-[2px] bg-mark px-0.5 text-on-mark">{excerpt.quote}</mark>
                    ) : null}
                    {excerpt.after}
                  </span>
                </span>
              </button>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
