'use client';

import 'react-pdf/dist/Page/TextLayer.css';
import { ChevronLeft, ChevronRight, Minus, Plus } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Document, Page, pdfjs } from 'react-pdf';
import { Button } from '../ui/button.tsx';
import { Callout } from '../ui/callout.tsx';
import { Skeleton } from '../ui/page.tsx';
import { type ItemRange, locateQuote } from './locate-quote.ts';

// From our own origin: the page's policy allows no other, and the worker must be of the very version of the library.
pdfjs.GlobalWorkerOptions.workerSrc = new URL('pdfjs-dist/build/pdf.worker.min.mjs', import.meta.url).toString();

const ZOOM_STEPS = [0.75, 1, 1.25, 1.5, 2, 3] as const;
/** Sharper than this costs memory and no eye sees it. */
const MAX_PIXEL_RATIO = 2;
const PAGE_MARGIN_PX = 16;
/** Narrower than this, a whole page would be too small to read: it starts larger, at the marked words. */
const NARROW_WIDTH_PX = 520;
const FIT_STEP = 1;
const NARROW_STEP = 3;

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function renderItem(text: string, ranges: readonly ItemRange[]): string {
  let html = '';
  let position = 0;
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    if (start < position) continue;
    html += `${escapeHtml(text.slice(position, start))}<mark>${escapeHtml(text.slice(start, end))}</mark>`;
    position = end;
  }
  return html + escapeHtml(text.slice(position));
}

interface Found {
  readonly pageNumber: number;
  readonly quotes: readonly string[];
  readonly rangesByItem: ReadonlyMap<number, readonly ItemRange[]>;
}

/** A PDF as it was uploaded, one page at a time, with the cited words marked on it. */
export function PdfPage({
  address,
  title,
  initialPageNumber,
  quotes,
  passage,
  onPageChange,
}: {
  readonly address: string;
  readonly title: string;
  readonly initialPageNumber: number;
  /** Words to mark on the page that is shown first. */
  readonly quotes: readonly string[];
  /** Text around them, which tells equal words apart. */
  readonly passage: string;
  /** Told when someone turns the page. */
  readonly onPageChange?: (pageNumber: number) => void;
}) {
  const [pageCount, setPageCount] = useState<number | null>(null);
  const [pageNumber, setPageNumber] = useState(initialPageNumber);
  const [openedAt, setOpenedAt] = useState(initialPageNumber);
  if (openedAt !== initialPageNumber) {
    setOpenedAt(initialPageNumber);
    setPageNumber(initialPageNumber);
  }
  const turnTo = (next: number) => {
    setPageNumber(next);
    onPageChange?.(next);
  };
  const [chosenStep, setZoomStep] = useState<number | null>(null);
  const [width, setWidth] = useState<number | null>(null);
  const [found, setFound] = useState<Found | null>(null);
  const frameRef = useRef<HTMLDivElement>(null);
  const pageRef = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const frame = frameRef.current;
    if (frame === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.floor(entry.contentRect.width));
    });
    observer.observe(frame);
    return () => observer.disconnect();
  }, []);

  const current = found?.pageNumber === pageNumber && found.quotes === quotes ? found : null;
  const ranges = current?.rangesByItem;
  const renderText = useCallback(
    ({ str, itemIndex }: { readonly str: string; readonly itemIndex: number }) =>
      renderItem(str, ranges?.get(itemIndex) ?? []),
    [ranges],
  );
  const file = useMemo(() => ({ url: address }), [address]);
  const zoomStep = chosenStep ?? (width !== null && width < NARROW_WIDTH_PX ? NARROW_STEP : FIT_STEP);
  const zoom = ZOOM_STEPS[zoomStep] ?? 1;
  const isSearched = pageNumber === initialPageNumber && quotes.length > 0;
  const isMissing = isSearched && current?.rangesByItem.size === 0;

  return (
    <div className="flex min-h-full flex-col">
      <div className="sticky left-0 top-0 z-10 flex items-center gap-1 border-b border-line bg-raised px-3 py-1.5 text-[0.8125rem]">
        <Button
          look="quiet"
          size="icon-sm"
          aria-label="Previous page"
          disabled={pageNumber <= 1}
          onClick={() => turnTo(pageNumber - 1)}
        >
          <ChevronLeft aria-hidden />
        </Button>
        <output className="tabular-nums text-ink-soft">
          <span className="sr-only">Page </span>
          {pageNumber}
          {pageCount === null ? '' : ` / ${pageCount}`}
        </output>
        <Button
          look="quiet"
          size="icon-sm"
          aria-label="Next page"
          disabled={pageCount === null || pageNumber >= pageCount}
          onClick={() => turnTo(pageNumber + 1)}
        >
          <ChevronRight aria-hidden />
        </Button>
        {pageNumber === initialPageNumber ? null : (
          <Button look="link" size="none" className="ml-1" onClick={() => turnTo(initialPageNumber)}>
            {quotes.length > 0 ? 'Back to the passage' : `Back to page ${initialPageNumber}`}
          </Button>
        )}
        <span className="ml-auto" />
        <Button
          look="quiet"
          size="icon-sm"
          aria-label="Smaller"
          disabled={zoomStep === 0}
          onClick={() => setZoomStep(zoomStep - 1)}
        >
          <Minus aria-hidden />
        </Button>
        <span className="w-11 text-center tabular-nums text-ink-soft">{Math.round(zoom * 100)} %</span>
        <Button
          look="quiet"
          size="icon-sm"
          aria-label="Larger"
          disabled={zoomStep === ZOOM_STEPS.length - 1}
          onClick={() => setZoomStep(zoomStep + 1)}
        >
          <Plus aria-hidden />
        </Button>
        <a
          href={address}
          target="_blank"
          rel="noopener"
          className="ml-2 rounded-sm text-accent-text underline underline-offset-4"
        >
          Original
        </a>
      </div>
      {isMissing ? (
        <Callout className="mx-4 mt-4">
          The passage could not be marked on this page: its words have no unique place in the layout. It reads: “
          {quotes[0]?.slice(0, 280)}”
        </Callout>
      ) : null}
      <div ref={frameRef} className="flex-1">
        {width === null ? null : (
          <Document
            file={file}
            onLoadSuccess={(pdf) => setPageCount(pdf.numPages)}
            loading={<Skeleton className="m-4 h-[60vh] bg-line" />}
            error={
              <Callout tone="danger" className="m-4" title="The PDF could not be displayed">
                Open the original instead; the link stands above.
              </Callout>
            }
          >
            <Page
              // Other words to mark: the text layer is searched and drawn anew.
              key={`${pageNumber}/${quotes.join('\n')}`}
              inputRef={pageRef}
              pageNumber={pageNumber}
              width={Math.max(240, width - 2 * PAGE_MARGIN_PX) * zoom}
              devicePixelRatio={Math.min(MAX_PIXEL_RATIO, window.devicePixelRatio)}
              className="mx-auto my-4 w-fit shadow-raised"
              canvasBackground="white"
              renderAnnotationLayer={false}
              customTextRenderer={renderText}
              onGetTextSuccess={({ items }) => {
                if (!isSearched) return;
                const strings = items.map((item) => ('str' in item ? item.str : ''));
                const rangesByItem = new Map<number, ItemRange[]>();
                for (const range of quotes.flatMap((quote) => locateQuote(strings, quote, passage))) {
                  rangesByItem.set(range.itemIndex, [...(rangesByItem.get(range.itemIndex) ?? []), range]);
                }
                setFound({ pageNumber, quotes, rangesByItem });
              }}
              onRenderTextLayerSuccess={() => {
                pageRef.current?.querySelector('mark')?.scrollIntoView({ block: 'center', inline: 'nearest' });
              }}
              loading={<Skeleton className="m-4 h-[60vh] bg-line" />}
              aria-label={`Page ${pageNumber} of ${title}`}
            />
          </Document>
        )}
      </div>
    </div>
  );
}
