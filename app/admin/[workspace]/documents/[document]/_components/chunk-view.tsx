'use client';

import { Hash } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useEffect, useMemo, useRef, useState } from 'react';
import { DocumentViewer } from '#app/_components/documents/document-viewer.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Card } from '#app/_components/ui/page.tsx';
import type { ChunkView, PageChunks } from '#lib/ingestion/read-documents.ts';

/** The nearest ones tell chunks apart; all of them stand in the tooltip. */
const HEADINGS_SHOWN = 2;

const NO_QUOTES: readonly string[] = [];

/** The page's text, a chunk marked in it. */
function TextWithMark({ text, chunk }: { readonly text: string; readonly chunk: ChunkView | null }) {
  const markRef = useRef<HTMLElement>(null);
  useEffect(() => {
    if (chunk !== null) markRef.current?.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  }, [chunk]);
  if (text.trim() === '') return 'This page has no text.';
  if (chunk === null) return text;
  return (
    <>
      {text.slice(0, chunk.startOffset)}
      <mark ref={markRef} className="rounded-sm bg-mark text-on-mark">
        {text.slice(chunk.startOffset, chunk.endOffset)}
      </mark>
      {text.slice(chunk.endOffset)}
    </>
  );
}

/** A page beside the chunks that the index made of it. Choosing a chunk marks its words on the page. */
export function PageWithChunks({
  file,
  title,
  pageNumber,
  pageText,
  chunks,
  isPdf,
  pageAddress,
  emptyNote,
}: {
  /** Address of the original. */
  readonly file: string;
  readonly title: string;
  readonly pageNumber: number;
  /** Null: the page is not read. */
  readonly pageText: { readonly label: string | null; readonly text: string } | null;
  readonly chunks: PageChunks;
  /** Show the original's page instead of the text. */
  readonly isPdf: boolean;
  /** Address of this view without its page number, ending so that the number can be put behind it. */
  readonly pageAddress: string;
  readonly emptyNote: string;
}) {
  const router = useRouter();
  const [chosenId, setChosenId] = useState<string | null>(null);
  const chosen = chunks.chunks.find((chunk) => chunk.id === chosenId) ?? null;
  const quotes = useMemo(() => (chosen === null ? NO_QUOTES : [chosen.text]), [chosen]);
  return (
    <div className="grid grid-cols-1 gap-5 lg:grid-cols-[minmax(0,1fr)_22rem]">
      {isPdf ? (
        <Card className="overflow-hidden">
          <DocumentViewer
            address={file}
            title={title}
            page={pageNumber}
            quotes={quotes}
            onPageChange={(next) => router.push(`${pageAddress}${next}`, { scroll: false })}
          />
        </Card>
      ) : (
        <Card className="px-6 py-7 sm:px-9">
          {pageText === null ? (
            <p className="py-8 text-center text-sm text-ink-soft">{emptyNote}</p>
          ) : (
            <>
              {pageText.label === null ? null : <p className="mb-4 text-xs text-ink-faint">{pageText.label}</p>}
              <div className="max-w-[44rem] whitespace-pre-wrap break-words font-serif text-[1rem] leading-[1.7]">
                <TextWithMark text={pageText.text} chunk={chosen} />
              </div>
            </>
          )}
        </Card>
      )}
      <section
        aria-label={`Chunks of page ${pageNumber}`}
        className="lg:sticky lg:top-6 lg:max-h-[calc(100dvh-3rem)] lg:self-start lg:overflow-y-auto"
      >
        <h2 className="font-serif text-lg font-semibold">Chunks of this page</h2>
        <p className="mb-3 mt-0.5 text-[0.8125rem] text-ink-faint">
          {chunks.chunkCount === 0
            ? 'The index holds nothing of this version.'
            : `${chunks.chunks.length} of ${chunks.chunkCount} in the document, which has ${chunks.tokenCount.toLocaleString('en-GB')} tokens in all. Choose one to see where it stands.`}
        </p>
        <ol className="flex flex-col gap-2">
          {chunks.chunks.map((chunk) => {
            const isChosen = chunk.id === chosenId;
            return (
              <li key={chunk.id}>
                <button
                  type="button"
                  aria-pressed={isChosen}
                  data-chunk={chunk.ordinal}
                  onClick={() => setChosenId(isChosen ? null : chunk.id)}
                  className={classNames(
                    'block w-full rounded-lg border px-3.5 py-2.5 text-left transition-colors',
                    isChosen ? 'border-accent bg-accent-soft' : 'border-line bg-raised hover:border-control',
                  )}
                >
                  <span className="flex items-baseline justify-between gap-3 text-xs text-ink-faint">
                    <span className="inline-flex items-center gap-1 font-medium tabular-nums text-ink-soft">
                      <Hash aria-hidden className="size-3" />
                      {chunk.ordinal + 1}
                    </span>
                    <span className="tabular-nums">{chunk.tokenCount} tokens</span>
                  </span>
                  {chunk.headings.length > 0 ? (
                    <span className="mt-1 block truncate text-xs text-brass" title={chunk.headings.join(' › ')}>
                      {chunk.headings.slice(-HEADINGS_SHOWN).join(' › ')}
                    </span>
                  ) : null}
                  <span
                    className={classNames(
                      'mt-1 block whitespace-pre-wrap break-words text-[0.8125rem] leading-relaxed',
                      !isChosen && 'line-clamp-4',
                    )}
                  >
                    {chunk.text}
                  </span>
                </button>
              </li>
            );
          })}
        </ol>
      </section>
    </div>
  );
}
