'use client';

import { FileText } from 'lucide-react';
import { DocumentFacts } from '#app/_components/documents/document-facts.tsx';
import { DocumentState } from '#app/_components/documents/document-state.tsx';
import { addressOf, ListControls, Pagination } from '#app/_components/documents/list-controls.tsx';
import { changeListView, type ListView } from '#app/_components/documents/list-query.ts';
import { Card } from '#app/_components/ui/page.tsx';
import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';
import type { DocumentPage } from '#lib/ingestion/read-documents.ts';

/** The workspace's documents, to read. */
export function DocumentList({
  workspace,
  page,
  view,
}: {
  readonly workspace: string;
  readonly page: DocumentPage;
  readonly view: ListView;
}) {
  useRefreshWhile(page.byGroup.moving > 0);
  const path = `/w/${workspace}/sources`;
  return (
    <section aria-label="Documents">
      <ListControls path={path} view={view} byGroup={page.byGroup} tags={page.tags} deleted={null} />
      {page.documents.length === 0 ? (
        <p className="py-6 text-sm text-ink-soft">No document here matches.</p>
      ) : (
        <Card>
          <ul className="divide-y divide-line">
            {page.documents.map((document) => (
              <li
                key={document.id}
                className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3.5 sm:px-5"
                data-document={document.id}
              >
                <span className="grid size-9 shrink-0 place-items-center rounded-lg bg-sunken text-ink-soft max-sm:hidden">
                  <FileText aria-hidden className="size-4" />
                </span>
                <DocumentFacts
                  document={document}
                  href={`${path}/${document.id}`}
                  hrefOf={(id) => `${path}/${id}`}
                  hrefOfTag={(tag) => addressOf(path, changeListView(view, { tag }))}
                />
                <DocumentState document={document} />
              </li>
            ))}
          </ul>
        </Card>
      )}
      <Pagination total={page.total} page={view.page} hrefOf={(next) => addressOf(path, { ...view, page: next })} />
    </section>
  );
}
