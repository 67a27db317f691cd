import { Globe } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { isInMotion } from '#app/_components/documents/describe-document.ts';
import { DocumentState } from '#app/_components/documents/document-state.tsx';
import { RefreshWhile } from '#app/_components/documents/refresh-while.tsx';
import { Card, EmptyState, Page } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { listWebPageViews } from '#lib/ingestion/read-documents.ts';
import { AddWebPage } from './_components/add-web-page.tsx';
import { FetchAgain } from './_components/fetch-again.tsx';
import { fetchWebPage, fetchWebPageAgain } from './actions.ts';

export const metadata: Metadata = { title: 'Web pages' };

export default async function WebPagesPage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace: slug } = await params;
  const path = `/admin/${slug}/web-pages`;
  const { deps } = await requireWorkspacePage(slug, 'document.write', path);
  const { authorized } = await requireWorkspacePage(slug, 'document.read', path);
  const pages = await listWebPageViews(deps, authorized);
  return (
    <Page
      title="Web pages"
      lead="Public pages become documents like uploaded files, with their address and the time they were fetched. Fetch one again to have a new version when it has changed."
      isNarrow
    >
      <RefreshWhile isMoving={pages.some(({ document }) => isInMotion(document))} />
      <AddWebPage workspace={slug} fetchWebPage={fetchWebPage} />
      {pages.length === 0 ? (
        <EmptyState icon={<Globe aria-hidden />} title="No web pages yet">
          Only pages that anybody on the internet can reach are fetched, one at a time; links on them are not followed.
        </EmptyState>
      ) : (
        <Card>
          <ul className="divide-y divide-line">
            {pages.map(({ document, fetchedAt }) => (
              <li key={document.id} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3.5 sm:px-5">
                <div className="min-w-0 flex-1 basis-64">
                  <Link
                    href={`/w/${slug}/sources/${document.id}`}
                    className="block truncate text-sm font-medium hover:underline"
                  >
                    {document.title}
                  </Link>
                  <p className="truncate text-[0.8125rem] text-ink-faint">{document.sourceUrl}</p>
                  <p className="text-[0.8125rem] text-ink-faint">
                    Version {document.versionOrdinal}, fetched <Time value={fetchedAt} />
                  </p>
                  {document.error === null ? null : (
                    <p className="mt-1 text-[0.8125rem] leading-snug text-danger">{document.error.message}</p>
                  )}
                </div>
                <DocumentState document={document} />
                <FetchAgain workspace={slug} documentId={document.id} fetchWebPageAgain={fetchWebPageAgain} />
              </li>
            ))}
          </ul>
        </Card>
      )}
    </Page>
  );
}
