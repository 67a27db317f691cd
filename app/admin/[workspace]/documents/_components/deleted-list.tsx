'use client';

import { CircleAlert, CircleCheck, Clock, RotateCcw, Trash2 } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { toast } from 'sonner';
import { ListControls, Pagination } from '#app/_components/documents/list-controls.tsx';
import type { ListView } from '#app/_components/documents/list-query.ts';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';
import type { ActionResult } from '#app/_server/action.ts';
import type { DeletedDocumentView, DocumentPage } from '#lib/ingestion/read-documents.ts';
import { describeDeletedList } from './describe-deleted-list.ts';

const looks = {
  removing: { tone: 'neutral', Icon: Trash2, label: 'Being removed' },
  waiting: { tone: 'neutral', Icon: Clock, label: 'Being removed' },
  gone: { tone: 'accent', Icon: CircleCheck, label: 'Gone' },
  failed: { tone: 'danger', Icon: CircleAlert, label: 'Not removed' },
} as const;

function explain(document: DeletedDocumentView): string {
  switch (document.state) {
    case 'removing':
      return 'In no answer any more. Its text, vectors and files are being removed.';
    case 'waiting':
      return 'In no answer any more. Its file is very new and is removed within a minute.';
    case 'failed':
      return document.error ?? 'In no answer any more, but its removal was stopped.';
    case 'gone':
      return document.removedFiles === 0
        ? 'Text and vectors are gone. The file stays: another document has the same bytes.'
        : 'Text, vectors and files are gone.';
  }
}

/** What was deleted: listed until nothing is left of it, and after that as gone. */
export function DeletedList({
  workspace,
  view,
  page,
  deleted,
  retryRun,
}: {
  readonly workspace: string;
  readonly view: ListView;
  readonly page: DocumentPage;
  readonly deleted: {
    readonly documents: readonly DeletedDocumentView[];
    readonly total: number;
    readonly unfinished: number;
  };
  readonly retryRun: (input: { workspace: string; runId: string }) => Promise<ActionResult<unknown>>;
}) {
  const router = useRouter();
  useRefreshWhile(deleted.unfinished > 0);
  const path = `/admin/${workspace}/documents`;
  const retry = async (runId: string) => {
    const result = await retryRun({ workspace, runId });
    if (!result.ok) toast.error(result.error.message);
    router.refresh();
  };
  return (
    <section aria-label="Deleted documents" className="mt-8">
      <ListControls
        path={path}
        view={view}
        byGroup={page.byGroup}
        tags={page.tags}
        deleted={{ ...describeDeletedList(workspace), count: deleted.total, isHere: true }}
      />
      {deleted.documents.length === 0 ? (
        <p className="py-6 text-sm text-ink-soft">Nothing was deleted here.</p>
      ) : (
        <Card>
          <ul className="divide-y divide-line">
            {deleted.documents.map((document) => {
              const { tone, Icon, label } = looks[document.state];
              return (
                <li key={document.runId} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3.5 sm:px-5">
                  <div className="min-w-0 flex-1 basis-56">
                    <p className="truncate text-sm font-medium" title={document.fileName}>
                      {document.fileName}
                    </p>
                    <p className="text-[0.8125rem] text-ink-faint">
                      {explain(document)} Deleted <Time value={document.deletedAt} />.
                    </p>
                  </div>
                  <Badge tone={tone}>
                    <Icon aria-hidden />
                    {label}
                  </Badge>
                  {document.state === 'failed' ? (
                    <Button size="sm" onClick={() => void retry(document.runId)}>
                      <RotateCcw aria-hidden />
                      Try again
                    </Button>
                  ) : null}
                </li>
              );
            })}
          </ul>
        </Card>
      )}
      <Pagination
        total={deleted.total}
        page={view.page}
        hrefOf={(next) => `${describeDeletedList(workspace).href}&page=${next}`}
      />
    </section>
  );
}
