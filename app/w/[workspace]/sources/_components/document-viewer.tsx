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
}: {
  readonly address: string;
  readonly title: string;
  readonly page: number;
}) {
  return (
    <div className="min-h-[60vh] bg-sunken">
      <PdfPage address={address} title={title} initialPageNumber={page} quotes={NO_QUOTES} passage="" />
    </div>
  );
}
