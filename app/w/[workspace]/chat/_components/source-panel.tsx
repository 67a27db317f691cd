'use client';

import { ChevronLeft, ChevronRight, ExternalLink, X } from 'lucide-react';
import dynamic from 'next/dynamic';
import Link from 'next/link';
import { useEffect, useMemo, useRef, useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Skeleton } from '#app/_components/ui/page.tsx';
import type { Citation, MessageView, SourcePart } from '#lib/domain/chat.ts';
import { describePages, listSourceParts, locateInSource } from '#lib/domain/source-parts.ts';
import { loadSourcePage, originalAddress, type SourcePage } from '../_state/load-source-page.ts';
import { useChat } from './chat-provider.tsx';

type ShownSource = MessageView['sources'][number];

/** PDF rendering needs a browser, and 300 kB of code that a reader without open sources never loads. */
const PdfPage = dynamic(() => import('#app/_components/pdf/pdf-page.tsx').then((module) => module.PdfPage), {
  ssr: false,
  loading: () => <Skeleton className="m-4 h-[60vh]" />,
});

interface Part {
  readonly text: string;
  readonly look: 'plain' | 'passage' | 'quote';
}

type Passage = Pick<SourcePart, 'startOffset' | 'endOffset'>;

/**
 * Cut a page's text into plain text, the passage that was searched and the words that were quoted.
 * Offsets count in the page's text.
 */
function cutPage(text: string, passage: Passage, quotes: readonly { start: number; end: number }[]): Part[] {
  const borders = [
    0,
    passage.startOffset,
    passage.endOffset,
    ...quotes.flatMap(({ start, end }) => [start, end]),
    text.length,
  ]
    .filter((border) => border >= 0 && border <= text.length)
    .sort((a, b) => a - b);
  const parts: Part[] = [];
  for (const [index, start] of borders.entries()) {
    const end = borders[index + 1];
    if (end === undefined || end === start) continue;
    const isQuote = quotes.some((quote) => quote.start <= start && end <= quote.end);
    const isPassage = passage.startOffset <= start && end <= passage.endOffset;
    parts.push({ text: text.slice(start, end), look: isQuote ? 'quote' : isPassage ? 'passage' : 'plain' });
  }
  return parts;
}

function scrollToCentre(element: HTMLElement | null): void {
  element?.scrollIntoView({ block: 'center' });
}

function TextPage({
  text,
  passage,
  quotes,
}: {
  readonly text: string;
  readonly passage: Passage;
  readonly quotes: readonly { start: number; end: number }[];
}) {
  const parts = useMemo(() => cutPage(text, passage, quotes), [text, passage, quotes]);
  const first = Math.max(
    0,
    parts.findIndex((part) => part.look === (quotes.length > 0 ? 'quote' : 'passage')),
  );
  return (
    <div className="whitespace-pre-wrap break-words px-6 py-6 font-serif text-[0.9375rem] leading-[1.7] sm:px-8">
      {parts.map((part, index) => {
        const key = `${index}-${part.look}`;
        const ref = index === first ? scrollToCentre : undefined;
        if (part.look === 'quote') {
          return (
            <mark key={key} ref={ref} className="rounded-[2px] bg-mark-strong text-on-mark">
              {part.text}
            </mark>
          );
        }
        if (part.look === 'passage') {
          return (
            <mark key={key} ref={ref} className="bg-mark/60 text-inherit dark:text-on-mark">
              {part.text}
            </mark>
          );
        }
        return (
          <span key={key} ref={ref} className="text-ink-soft">
            {part.text}
          </span>
        );
      })}
    </div>
  );
}

/** What of a source stands on one of its pages: its piece of the passage, and the cited words, which are the piece where none are. */
function findOnPage(source: ShownSource, cited: readonly Citation[], shownPage: number) {
  const part = listSourceParts(source).find(({ pageNumber }) => pageNumber === shownPage) ?? {
    ...source,
    textStart: 0,
  };
  const passage = source.text.slice(part.textStart, part.textStart + part.endOffset - part.startOffset);
  const places = cited
    .flatMap(({ quoteStart, quoteEnd }) => locateInSource(source, quoteStart, quoteEnd))
    .filter(({ pageNumber }) => pageNumber === shownPage);
  const words = places.map(({ textStart, textEnd }) => source.text.slice(textStart, textEnd));
  return { part, passage, places, quotes: words.length > 0 ? [...new Set(words)] : [passage] };
}

type Loaded =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'ready'; readonly page: SourcePage };

function useSourcePage(slug: string, source: ShownSource, pageNumber: number): readonly [Loaded, () => void] {
  const [attempt, setAttempt] = useState(0);
  const key = `${source.versionId}/${pageNumber}/${attempt}`;
  const [state, setState] = useState<{ readonly key: string; readonly loaded: Loaded }>({
    key: '',
    loaded: { kind: 'loading' },
  });
  const isGone = source.documentState === 'deleted';
  useEffect(() => {
    if (isGone) return undefined;
    const controller = new AbortController();
    loadSourcePage(slug, { ...source, pageNumber }, controller.signal)
      .then((page) => setState({ key, loaded: { kind: 'ready', page } }))
      .catch((error: unknown) => {
        if (controller.signal.aborted) return;
        const message = error instanceof Error ? error.message : 'The page could not be loaded.';
        setState({ key, loaded: { kind: 'failed', message } });
      });
    return () => controller.abort();
  }, [slug, source, pageNumber, key, isGone]);
  return [state.key === key ? state.loaded : { kind: 'loading' }, () => setAttempt((count) => count + 1)];
}

const stateNotes: Readonly<Record<ShownSource['documentState'], string | null>> = {
  current: null,
  outdated: 'The document has a newer version. You see the version that the answer was written from.',
  superseded:
    'Another document answers in place of this one by now. You see the page that the answer was written from.',
  deleted: 'This document was deleted. The passage is shown as it was when the answer was written.',
};

/** The page behind a citation, with the cited words marked: the proof that an answer stands on. */
export function SourcePanel({
  message,
  source,
  onSelect,
  onClose,
}: {
  readonly message: MessageView;
  readonly source: ShownSource;
  readonly onSelect: (sourceNumber: number) => void;
  readonly onClose: () => void;
}) {
  const { slug } = useChat();
  const headingRef = useRef<HTMLHeadingElement>(null);
  useEffect(() => headingRef.current?.focus({ preventScroll: true }), []);

  const cited = useMemo(
    () => message.citations.filter((citation) => citation.sourceNumber === source.number),
    [message.citations, source.number],
  );
  const parts = listSourceParts(source);
  const pages = describePages(parts);
  const firstPlace = cited.flatMap(({ quoteStart, quoteEnd }) => locateInSource(source, quoteStart, quoteEnd))[0];
  const [chosen, setChosen] = useState<{ readonly number: number; readonly pageNumber: number } | null>(null);
  const shownPage =
    chosen?.number === source.number ? chosen.pageNumber : (firstPlace?.pageNumber ?? source.pageNumber);
  const [loaded, retry] = useSourcePage(slug, source, shownPage);
  const { part, passage, places, quotes } = useMemo(
    () => findOnPage(source, cited, shownPage),
    [source, cited, shownPage],
  );

  const position = message.sources.findIndex((each) => each.number === source.number);
  const before = message.sources[position - 1];
  const after = message.sources[position + 1];
  const isGone = source.documentState === 'deleted';
  const isPdf = loaded.kind === 'ready' && loaded.page.mediaType === 'application/pdf';

  return (
    <section aria-label={`Source ${source.number}`} className="flex h-full min-h-0 flex-col">
      <header className="flex shrink-0 items-start gap-3 border-b border-line px-4 py-3">
        <span className="mt-0.5 grid size-6 shrink-0 place-items-center rounded-[5px] bg-accent text-xs font-semibold tabular-nums text-on-accent">
          {source.number}
        </span>
        <div className="min-w-0 flex-1">
          <h2
            ref={headingRef}
            tabIndex={-1}
            className="truncate text-sm font-semibold leading-7 outline-none"
            title={source.documentTitle}
          >
            {source.documentTitle}
          </h2>
          <p className="truncate text-xs text-ink-faint" title={source.headings.join(' › ')}>
            {pages.charAt(0).toUpperCase() + pages.slice(1)}
            {loaded.kind === 'ready' && loaded.page.pageCount !== null ? ` of ${loaded.page.pageCount}` : ''}
            {source.headings.length > 0 ? ` · ${source.headings.at(-1)}` : ''}
          </p>
        </div>
        <div className="-mr-1.5 flex shrink-0 items-center">
          {message.sources.length > 1 ? (
            <>
              <Button
                look="quiet"
                size="icon-sm"
                aria-label="Previous source"
                disabled={before === undefined}
                onClick={() => before && onSelect(before.number)}
              >
                <ChevronLeft aria-hidden />
              </Button>
              <Button
                look="quiet"
                size="icon-sm"
                aria-label="Next source"
                disabled={after === undefined}
                onClick={() => after && onSelect(after.number)}
              >
                <ChevronRight aria-hidden />
              </Button>
            </>
          ) : null}
          {isGone ? null : (
            <Button asChild look="quiet" size="icon-sm" aria-label="Open the document">
              <Link href={`/w/${slug}/sources/${source.documentId}?page=${shownPage}`}>
                <ExternalLink aria-hidden />
              </Link>
            </Button>
          )}
          <Button look="quiet" size="icon-sm" aria-label="Close the source" onClick={onClose}>
            <X aria-hidden />
          </Button>
        </div>
      </header>

      {stateNotes[source.documentState] === null ? null : (
        <Callout tone="warn" className="m-4 mb-0 shrink-0">
          {stateNotes[source.documentState]}
        </Callout>
      )}

      {parts.length > 1 && !isGone ? (
        <nav
          aria-label="Pages of the passage"
          className="flex shrink-0 items-center gap-1 border-b border-line px-4 py-1.5 text-xs text-ink-soft"
        >
          <span className="min-w-0 flex-1">Goes on over the page break</span>
          {parts.map(({ pageNumber }) => (
            <Button
              key={pageNumber}
              look={pageNumber === shownPage ? 'secondary' : 'quiet'}
              size="sm"
              aria-current={pageNumber === shownPage ? 'page' : undefined}
              onClick={() => setChosen({ number: source.number, pageNumber })}
            >
              Page {pageNumber}
            </Button>
          ))}
        </nav>
      ) : null}

      <div className="min-h-0 flex-1 overflow-auto bg-sunken">
        {isGone ? (
          <div className="bg-raised">
            <TextPage
              text={source.text}
              passage={{ startOffset: 0, endOffset: source.text.length }}
              quotes={cited.map((citation) => ({ start: citation.quoteStart, end: citation.quoteEnd }))}
            />
          </div>
        ) : loaded.kind === 'loading' ? (
          <div className="space-y-3 p-6">
            <p className="sr-only">Loading the page</p>
            <Skeleton className="h-5 w-2/3 bg-line" />
            <Skeleton className="h-4 w-full bg-line" />
            <Skeleton className="h-4 w-11/12 bg-line" />
            <Skeleton className="h-4 w-4/5 bg-line" />
          </div>
        ) : loaded.kind === 'failed' ? (
          <Callout
            tone="danger"
            className="m-4"
            title="The page could not be opened"
            actions={
              <Button size="sm" onClick={retry}>
                Try again
              </Button>
            }
          >
            {loaded.message}
          </Callout>
        ) : isPdf ? (
          <PdfPage
            key={`${source.versionId}/${shownPage}`}
            address={originalAddress(slug, source)}
            title={source.documentTitle}
            initialPageNumber={shownPage}
            quotes={quotes}
            passage={passage}
          />
        ) : (
          <div className="min-h-full bg-raised">
            <TextPage key={`${source.number}/${shownPage}`} text={loaded.page.text} passage={part} quotes={places} />
          </div>
        )}
      </div>
    </section>
  );
}
