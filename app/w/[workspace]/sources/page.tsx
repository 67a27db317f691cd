import { BookOpenText } from 'lucide-react';
import type { Metadata } from 'next';
import { EmptyState, Page } from '#app/_components/ui/page.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { listDocumentViews } from '#lib/ingestion/read-documents.ts';
import { DocumentList } from './_components/document-list.tsx';
import { UploadArea } from './_components/upload-area.tsx';
import { cancelRun, deleteDocument, retryRun } from './actions.ts';

export const metadata: Metadata = { title: 'Sources' };

export default async function SourcesPage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace: slug } = await params;
  const { deps, authorized, permissions, workspace } = await requireWorkspacePage(
    slug,
    'document.read',
    `/w/${slug}/sources`,
  );
  const documents = await listDocumentViews(deps, authorized);
  const canWrite = permissions.includes('document.write');
  return (
    <Page title="Sources" lead={`The documents that ${workspace.name} answers from. What is not here is in no answer.`}>
      {canWrite ? (
        <UploadArea address={`/api/w/${slug}/documents`} isProminent={documents.length === 0} />
      ) : documents.length === 0 ? (
        <EmptyState icon={<BookOpenText aria-hidden />} title="No documents yet">
          Ask an admin of this workspace to add the first one.
        </EmptyState>
      ) : null}
      {documents.length > 0 ? (
        <div className={canWrite ? 'mt-8' : ''}>
          <DocumentList
            workspace={slug}
            documents={documents}
            canWrite={canWrite}
            canCancel={permissions.includes('run.cancel')}
            actions={{ deleteDocument, cancelRun, retryRun }}
          />
        </div>
      ) : null}
    </Page>
  );
}
