import { ArrowLeft, ChevronLeft, ChevronRight, Download } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { notFound } from 'next/navigation';
import { cache } from 'react';
import { formatSize, isInMotion } from '#app/_components/documents/describe-document.ts';
import { DocumentState } from '#app/_components/documents/document-state.tsx';
import { DocumentViewer } from '#app/_components/documents/document-viewer.tsx';
import { LeftOutNote } from '#app/_components/documents/left-out-note.tsx';
import { RefreshWhile } from '#app/_components/documents/refresh-while.tsx';
import { SupersededNote } from '#app/_components/documents/superseded-note.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Card } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { readAddressed, requireWorkspacePage } from '#app/_server/page.ts';
import { nameFormat } from '#lib/ingestion/formats.ts';
import { readDocument, readPage } from '#lib/ingestion/read-documents.ts';

interface Props {
  readonly params: Promise<{ readonly workspace: string; readonly document: string }>;
  readonly searchParams: Promise<{
    readonly page?: string | string[];
    readonly view?: string | string[];
    readonly version?: string | string[];
  }>;
}

const readDocumentPage = cache(async (slug: string, documentId: string) => {
  const page = await requireWorkspacePage(slug, 'document.read', `/w/${slug}/sources/${documentId}`);
  const document = await readAddressed([documentId], () => readDocument(page.deps, page.authorized, documentId));
  return { page, document };
});

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { workspace, document: id } = await params;
  return { title: (await readDocumentPage(workspace, id)).document.title };
}

export default async function DocumentPage({ params, searchParams }: Props) {
  const { workspace: slug, document: id } = await params;
  const query = await searchParams;
  const { page, document } = await readDocumentPage(slug, id);

  const version =
    document.versions.find((each) => each.id === query.version) ??
    document.versions.find((each) => each.isCurrent) ??
    document.versions.find((each) => each.id === document.latestVersionId);
  if (version === undefined) notFound();
  const pageCount = version.pageCount ?? 0;
  const wanted = typeof query.page === 'string' ? Number.parseInt(query.page, 10) : 1;
  const pageNumber = Math.min(Math.max(1, Number.isFinite(wanted) ? wanted : 1), Math.max(1, pageCount));
  const isPdf = version.mediaType === 'application/pdf';
  const isOriginal = isPdf && query.view !== 'text';
  const file = `/api/w/${slug}/documents/${id}/versions/${version.id}/file`;
  const address = (change: { page?: number; view?: 'text' | 'original'; version?: string }) => {
    const next = new URLSearchParams({ page: String(change.page ?? pageNumber) });
    if ((change.view ?? (isOriginal ? 'original' : 'text')) === 'text' && isPdf) next.set('view', 'text');
    next.set('version', change.version ?? version.id);
    return `/w/${slug}/sources/${id}?${next}`;
  };
  const text =
    isOriginal || pageCount === 0
      ? null
      : await readPage(page.deps, page.authorized, { documentId: id, versionId: version.id, pageNumber });

  return (
    <div className="mx-auto w-full max-w-5xl px-4 pb-16 pt-6 sm:px-8 sm:pt-10">
      <RefreshWhile isMoving={isInMotion(document)} />
      <Link
        href={`/w/${slug}/sources`}
        className="inline-flex items-center gap-1.5 rounded-sm text-sm text-ink-soft hover:text-ink"
      >
        <ArrowLeft aria-hidden className="size-4" />
        Sources
      </Link>
      <header className="mb-6 mt-4 flex flex-wrap items-end justify-between gap-x-6 gap-y-4">
        <div className="min-w-0 flex-1 basis-72">
          <h1 className="break-words font-serif text-[1.75rem] font-semibold leading-tight tracking-[-0.01em]">
            {document.title}
          </h1>
          <p className="mt-1.5 text-sm text-ink-faint">
            {document.fileName} · {nameFormat(version.mediaType)} · {formatSize(version.sizeBytes)}
            {version.pageCount === null ? '' : ` · ${version.pageCount} ${version.pageCount === 1 ? 'page' : 'pages'}`}
          </p>
          {version.fetched === null ? null : (
            <p className="mt-0.5 text-sm text-ink-faint [overflow-wrap:anywhere]">
              Fetched from {version.fetched.url}, <Time value={version.fetched.at} />
            </p>
          )}
        </div>
        <div className="flex items-center gap-3">
          <DocumentState document={document} />
          <Button asChild>
            <a href={file} target="_blank" rel="noopener">
              <Download aria-hidden />
              Original
            </a>
          </Button>
        </div>
      </header>

      {document.error === null ? null : (
        <Callout tone="danger" title="This document could not be indexed" className="mb-5">
          {document.error.message}
        </Callout>
      )}
      {version.isCurrent || document.currentVersionId === null ? null : (
        <Callout tone="warn" className="mb-5">
          This is version {version.ordinal}; it answers no questions any more. It is kept for the answers that cite it.
        </Callout>
      )}

      <SupersededNote document={document} hrefOf={(other) => `/w/${slug}/sources/${other}`} />
      <LeftOutNote version={version} />

      <div className="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
        {isPdf ? (
          <nav aria-label="View" className="flex gap-1">
            {(['original', 'text'] as const).map((view) => {
              const isHere = (view === 'original') === isOriginal;
              return (
                <Link
                  key={view}
                  href={address({ view })}
                  aria-current={isHere ? 'page' : undefined}
                  scroll={false}
                  className={classNames(
                    'rounded-full px-3.5 py-1.5 text-[0.8125rem] transition-colors',
                    isHere ? 'bg-accent-soft font-medium text-accent-text' : 'text-ink-soft hover:bg-sunken',
                  )}
                >
                  {view === 'original' ? 'As uploaded' : 'As Lorehouse reads it'}
                </Link>
              );
            })}
          </nav>
        ) : null}
        {document.versions.length > 1 ? (
          <nav aria-label="Versions" className="flex flex-wrap items-center gap-1 text-[0.8125rem]">
            {document.versions.map((each) => (
              <Link
                key={each.id}
                href={address({ version: each.id, page: 1 })}
                aria-current={each.id === version.id ? 'page' : undefined}
                className={classNames(
                  'rounded-full px-3 py-1.5',
                  each.id === version.id
                    ? 'bg-accent-soft font-medium text-accent-text'
                    : 'text-ink-soft hover:bg-sunken',
                )}
              >
                Version {each.ordinal}
                {each.isCurrent ? ', answers' : ''}
              </Link>
            ))}
          </nav>
        ) : null}
        {!isOriginal && pageCount > 1 ? (
          <nav aria-label="Pages" className="ml-auto flex items-center gap-1 text-[0.8125rem]">
            {pageNumber > 1 ? (
              <Button asChild look="quiet" size="icon-sm" aria-label="Previous page">
                <Link href={address({ page: pageNumber - 1 })} scroll={false}>
                  <ChevronLeft aria-hidden />
                </Link>
              </Button>
            ) : null}
            <span className="tabular-nums text-ink-soft">
              Page {pageNumber} of {pageCount}
            </span>
            {pageNumber < pageCount ? (
              <Button asChild look="quiet" size="icon-sm" aria-label="Next page">
                <Link href={address({ page: pageNumber + 1 })} scroll={false}>
                  <ChevronRight aria-hidden />
                </Link>
              </Button>
            ) : null}
          </nav>
        ) : null}
      </div>

      {isOriginal ? (
        <Card className="overflow-hidden">
          <DocumentViewer key={`${version.id}/${pageNumber}`} address={file} title={document.title} page={pageNumber} />
        </Card>
      ) : text === null ? (
        <Card className="px-6 py-14 text-center text-sm text-ink-soft">
          {isInMotion(document) ? 'The text appears as soon as it is read.' : 'No text was read from this document.'}
        </Card>
      ) : (
        <Card className="px-6 py-7 sm:px-9">
          {text.label === null ? null : <p className="mb-4 text-xs text-ink-faint">{text.label}</p>}
          <div className="max-w-[44rem] whitespace-pre-wrap break-words font-serif text-[1rem] leading-[1.7]">
            {text.text.trim() === '' ? 'This page has no text.' : text.text}
          </div>
        </Card>
      )}
    </div>
  );
}
