'use client';

import dynamic from 'next/dynamic';
import { Skeleton } from '#app/_components/ui/page.tsx';

const PdfPage = dynamic(() => import('#app/_components/pdf/pdf-page.tsx').then((module) => module.PdfPage), {
  ssr: false,
  loading: () => <Skeleton className="m-4 h-[60vh]" />,
});

const NO_QUOTES: readonly string[] = [];

/** The PDF as it was uploaded, from one page on. */
export function DocumentViewer({
  address,
  title,
  page,
  quotes = NO_QUOTES,
  onPageChange,
}: {
  readonly address: string;
  readonly title: string;
  readonly page: number;
  /** Words to mark on `page`. Keep the array while they stay the same. */
  readonly quotes?: readonly string[];
  readonly onPageChange?: (pageNumber: number) => void;
}) {
  return (
    <div className="min-h-[60vh] bg-sunken">
      <PdfPage
        address={address}
        title={title}
        initialPageNumber={page}
        quotes={quotes}
        passage=""
        {...(onPageChange ? { onPageChange } : {})}
      />
    </div>
  );
}
