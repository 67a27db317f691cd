import type { Metadata } from 'next';
import { parseListView, type SearchParams, toPageQuery } from '#app/_components/documents/list-query.ts';
import { Page } from '#app/_components/ui/page.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { cancelRun, retryRun } from '#app/admin/[workspace]/jobs/actions.ts';
import { listArchives } from '#lib/ingestion/read-archives.ts';
import { readDeletedDocuments, readDocumentPage } from '#lib/ingestion/read-documents.ts';
import { ArchiveList } from '../_components/archive-list.tsx';
import { DeletedList } from '../_components/deleted-list.tsx';
import { DocumentTable } from '../_components/document-table.tsx';
import { UploadArea } from '../_upload/upload-area.tsx';
import {
  cancelDocuments,
  deleteDocuments,
  dismissArchive,
  prioritiseDocuments,
  retryDocuments,
  tagDocuments,
} from '../actions.ts';

export const metadata: Metadata = { title: 'Documents' };

interface Props {
  readonly params: Promise<{ readonly workspace: string }>;
  readonly searchParams: Promise<SearchParams>;
}

export default async function DocumentsPage({ params, searchParams }: Props) {
  const { workspace: slug } = await params;
  const query = await searchParams;
  const view = parseListView(query);
  const showsDeleted = query['state'] === 'deleted';
  const path = `/admin/${slug}/documents`;
  await requireWorkspacePage(slug, 'document.write', path);
  const { deps, authorized } = await requireWorkspacePage(slug, 'document.read', path);
  const pageQuery = toPageQuery(view);
  const [page, archives, deleted] = await Promise.all([
    readDocumentPage(deps, authorized, pageQuery),
    listArchives(deps, authorized),
    readDeletedDocuments(deps, authorized, {
      offset: showsDeleted ? pageQuery.offset : 0,
      limit: showsDeleted ? pageQuery.limit : 1,
    }),
  ]);
  const isEmpty = Object.values(page.byGroup).every((count) => count === 0) && archives.length === 0;
  return (
    <Page
      title="Documents"
      lead="What this workspace answers from: add, watch, sort and replace. Indexing goes on while you close the page."
    >
      <UploadArea workspace={slug} isProminent={isEmpty && deleted.total === 0} />
      <ArchiveList
        workspace={slug}
        archives={archives}
        dismissArchive={dismissArchive}
        cancelRun={cancelRun}
        retryRun={retryRun}
      />
      {isEmpty && deleted.total === 0 ? null : showsDeleted ? (
        <DeletedList workspace={slug} view={view} page={page} deleted={deleted} retryRun={retryRun} />
      ) : (
        <DocumentTable
          workspace={slug}
          page={page}
          view={view}
          deleted={{ total: deleted.total, unfinished: deleted.unfinished }}
          actions={{ cancelDocuments, deleteDocuments, prioritiseDocuments, retryDocuments, tagDocuments }}
        />
      )}
    </Page>
  );
}
