import { BookOpenText, FolderCog } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { isFiltered, parseListView, type SearchParams, toPageQuery } from '#app/_components/documents/list-query.ts';
import { Button } from '#app/_components/ui/button.tsx';
import { EmptyState, Page } from '#app/_components/ui/page.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { readDocumentPage } from '#lib/ingestion/read-documents.ts';
import { DocumentList } from '../_components/document-list.tsx';

export const metadata: Metadata = { title: 'Sources' };

interface Props {
  readonly params: Promise<{ readonly workspace: string }>;
  readonly searchParams: Promise<SearchParams>;
}

export default async function SourcesPage({ params, searchParams }: Props) {
  const { workspace: slug } = await params;
  const view = parseListView(await searchParams);
  const { deps, authorized, permissions, workspace } = await requireWorkspacePage(
    slug,
    'document.read',
    `/w/${slug}/sources`,
  );
  const page = await readDocumentPage(deps, authorized, toPageQuery(view));
  const canWrite = permissions.includes('document.write');
  const isEmpty = page.total === 0 && !isFiltered(view);
  const manage = (
    <Button asChild look={isEmpty ? 'primary' : 'secondary'}>
      <Link href={`/admin/${slug}/documents`}>
        <FolderCog aria-hidden />
        {isEmpty ? 'Add documents' : 'Manage documents'}
      </Link>
    </Button>
  );
  return (
    <Page
      title="Sources"
      lead={`The documents that ${workspace.name} answers from. What is not here is in no answer.`}
      actions={canWrite && !isEmpty ? manage : null}
    >
      {isEmpty ? (
        <EmptyState icon={<BookOpenText aria-hidden />} title="No documents yet" actions={canWrite ? manage : null}>
          {canWrite
            ? 'Add manuals, policies, notes: files, whole folders or ZIP archives.'
            : 'Ask an admin of this workspace to add the first one.'}
        </EmptyState>
      ) : (
        <DocumentList workspace={slug} page={page} view={view} />
      )}
    </Page>
  );
}
