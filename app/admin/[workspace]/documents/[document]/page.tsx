import { ArrowLeft, ChevronLeft, ChevronRight, Download } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { notFound } from 'next/navigation';
import { cache } from 'react';
import { formatSize, isInMotion } from '#app/_components/documents/describe-document.ts';
import { DocumentState } from '#app/_components/documents/document-state.tsx';
import { LeftOutNote } from '#app/_components/documents/left-out-note.tsx';
import { RefreshWhile } from '#app/_components/documents/refresh-while.tsx';
import { SupersededNote } from '#app/_components/documents/superseded-note.tsx';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Card, Section } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { readAddressed, requireWorkspacePage } from '#app/_server/page.ts';
import { nameFormat } from '#lib/ingestion/formats.ts';
import {
  type DocumentVersionView,
  listTags,
  readDocument,
  readPage,
  readPageChunks,
} from '#lib/ingestion/read-documents.ts';
import {
  cancelDocuments,
  deleteDocuments,
  findDocuments,
  prioritiseDocuments,
  retryDocuments,
  supersedeDocument,
  tagDocuments,
} from '../actions.ts';
import { PageWithChunks } from './_components/chunk-view.tsx';
import { DocumentPanel } from './_components/document-panel.tsx';

interface Props {
  readonly params: Promise<{ readonly workspace: string; readonly document: string }>;
  readonly searchParams: Promise<{
    readonly page?: string | string[];
    readonly view?: string | string[];
    readonly version?: string | string[];
  }>;
}

const readAdminDocument = cache(async (slug: string, documentId: string) => {
  const path = `/admin/${slug}/documents/${documentId}`;
  await requireWorkspacePage(slug, 'document.write', path);
  const page = await requireWorkspacePage(slug, 'document.read', path);
  const document = await readAddressed([documentId], () => readDocument(page.deps, page.authorized, documentId));
  return { page, document };
});

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { workspace, document: id } = await params;
  return { title: (await readAdminDocument(workspace, id)).document.title };
}

function describeVersion(version: DocumentVersionView): string {
  if (version.isCurrent) return 'Answers';
  if (version.runState === 'failed') return 'Failed';
  if (version.runState === 'cancelled') return 'Cancelled';
  if (version.runState === 'queued' || version.runState === 'running') return 'Being indexed';
  return 'Kept for answers that cite it';
}

const pillStyles = (isHere: boolean) =>
  classNames(
    'rounded-full px-3.5 py-1.5 text-[0.8125rem] transition-colors',
    isHere ? 'bg-accent-soft font-medium text-accent-text' : 'text-ink-soft hover:bg-sunken',
  );

export default async function AdminDocumentPage({ params, searchParams }: Props) {
  const { workspace: slug, document: id } = await params;
  const query = await searchParams;
  const { page, document } = await readAdminDocument(slug, id);
  const { deps, authorized } = page;

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
  const file = (versionId: string) => `/api/w/${slug}/documents/${id}/versions/${versionId}/file`;
  // The page number stands last, so that turning pages only puts another one behind it.
  const addressUpToPage = (change: { view?: 'text' | 'original'; version?: string }) => {
    const next = new URLSearchParams({ version: change.version ?? version.id });
    if ((change.view ?? (isOriginal ? 'original' : 'text')) === 'text' && isPdf) next.set('view', 'text');
    return `/admin/${slug}/documents/${id}?${next}&page=`;
  };
  const here = { documentId: id, versionId: version.id, pageNumber };
  const [text, chunks, tags] = await Promise.all([
    isOriginal || pageCount === 0 ? null : readPage(deps, authorized, here),
    readPageChunks(deps, authorized, here),
    listTags(deps, authorized),
  ]);

  return (
    <div className="mx-auto w-full max-w-[84rem] px-4 pb-16 pt-6 sm:px-8 sm:pt-10">
      <RefreshWhile isMoving={isInMotion(document)} />
      <Link
        href={`/admin/${slug}/documents`}
        className="inline-flex items-center gap-1.5 rounded-sm text-sm text-ink-soft hover:text-ink"
      >
        <ArrowLeft aria-hidden className="size-4" />
        Documents
      </Link>
      <header className="mb-6 mt-4 flex flex-wrap items-end justify-between gap-x-6 gap-y-4">
        <div className="min-w-0 flex-1 basis-72">
          <h1 className="break-words font-serif text-[1.75rem] font-semibold leading-tight tracking-[-0.01em]">
            {document.title}
          </h1>
          <p className="mt-1.5 break-words text-sm text-ink-faint">
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
            <a href={file(version.id)} target="_blank" rel="noopener">
              <Download aria-hidden />
              Original
            </a>
          </Button>
        </div>
      </header>

      {document.error === null ? null : (
        <Callout tone="danger" title="The newest version could not be indexed" className="mb-5">
          {document.error.message}
          {document.currentVersionId === null ? '' : ' The version before still answers.'}
        </Callout>
      )}
      <SupersededNote document={document} hrefOf={(other) => `/admin/${slug}/documents/${other}`} />
      <div className="grid grid-cols-1 items-start gap-5 lg:grid-cols-2">
        <DocumentPanel
          workspace={slug}
          document={document}
          knownTags={tags.map(({ tag }) => tag)}
          actions={{
            cancelDocuments,
            deleteDocuments,
            findDocuments,
            prioritiseDocuments,
            retryDocuments,
            supersedeDocument,
            tagDocuments,
          }}
        />
        <Card>
          <section aria-label="Versions">
            <h2 className="px-5 pb-1 pt-4 font-serif text-lg font-semibold">Versions</h2>
            <ol className="max-h-64 divide-y divide-line overflow-y-auto">
              {document.versions.map((each) => (
                <li key={each.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-5 py-2.5 text-sm">
                  <div className="min-w-0 flex-1 basis-40">
                    <Link
                      href={`${addressUpToPage({ version: each.id })}1`}
                      aria-current={each.id === version.id ? 'page' : undefined}
                      className={classNames(
                        'rounded-sm underline-offset-4 hover:underline',
                        each.id === version.id && 'font-semibold',
                      )}
                    >
                      Version {each.ordinal}
                    </Link>
                    <p className="truncate text-[0.8125rem] text-ink-faint" title={each.fileName}>
                      {each.fileName.split('/').at(-1)} · {formatSize(each.sizeBytes)} · <Time value={each.createdAt} />
                    </p>
                    {each.error === null || each.isCurrent ? null : (
                      <p className="text-[0.8125rem] leading-snug text-danger">{each.error}</p>
                    )}
                  </div>
                  <Badge tone={each.isCurrent ? 'accent' : each.runState === 'failed' ? 'danger' : 'neutral'}>
                    {describeVersion(each)}
                  </Badge>
                  <Button asChild look="quiet" size="icon-sm" aria-label={`Download version ${each.ordinal}`}>
                    <a href={file(each.id)} target="_blank" rel="noopener">
                      <Download aria-hidden />
                    </a>
                  </Button>
                </li>
              ))}
            </ol>
          </section>
        </Card>
      </div>

      <Section title="Pages and chunks" className="mt-10">
        {version.isCurrent || document.currentVersionId === null ? null : (
          <Callout tone="warn" className="mb-5">
            This is version {version.ordinal}; it answers no questions. It is kept for the answers that cite it.
          </Callout>
        )}
        <LeftOutNote version={version} />
        <div className="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
          {isPdf ? (
            <nav aria-label="View" className="flex gap-1">
              {(['original', 'text'] as const).map((view) => (
                <Link
                  key={view}
                  href={`${addressUpToPage({ view })}${pageNumber}`}
                  aria-current={(view === 'original') === isOriginal ? 'page' : undefined}
                  scroll={false}
                  className={pillStyles((view === 'original') === isOriginal)}
                >
                  {view === 'original' ? 'As uploaded' : 'As Lorehouse reads it'}
                </Link>
              ))}
            </nav>
          ) : null}
          {!isOriginal && pageCount > 1 ? (
            <nav aria-label="Pages" className="ml-auto flex items-center gap-1 text-[0.8125rem]">
              {pageNumber > 1 ? (
                <Button asChild look="quiet" size="icon-sm" aria-label="Previous page">
                  <Link href={`${addressUpToPage({})}${pageNumber - 1}`} scroll={false}>
                    <ChevronLeft aria-hidden />
                  </Link>
                </Button>
              ) : null}
              <span className="tabular-nums text-ink-soft">
                Page {pageNumber} of {pageCount}
              </span>
              {pageNumber < pageCount ? (
                <Button asChild look="quiet" size="icon-sm" aria-label="Next page">
                  <Link href={`${addressUpToPage({})}${pageNumber + 1}`} scroll={false}>
                    <ChevronRight aria-hidden />
                  </Link>
                </Button>
              ) : null}
            </nav>
          ) : null}
        </div>
        <PageWithChunks
          key={version.id}
          file={file(version.id)}
          title={document.title}
          pageNumber={pageNumber}
          pageText={text === null ? null : { label: text.label, text: text.text }}
          chunks={chunks}
          isPdf={isOriginal}
          pageAddress={addressUpToPage({})}
          emptyNote={
            isInMotion(document) ? 'The text appears as soon as it is read.' : 'No text was read from this document.'
          }
        />
      </Section>
    </div>
  );
}
