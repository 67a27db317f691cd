'use client';

import { Ban, CircleAlert, CircleCheck, Clock, Ellipsis, FileText, RotateCcw, Search, Trash2 } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { ConfirmDialog } from '#app/_components/ui/confirm-dialog.tsx';
import { Input } from '#app/_components/ui/field.tsx';
import { Menu, MenuItem } from '#app/_components/ui/menu.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { Progress } from '#app/_components/ui/progress.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';
import type { ActionResult } from '#app/_server/action.ts';
import { assertNever } from '#lib/domain/errors.ts';
import { nameFormat } from '#lib/ingestion/formats.ts';
import type { DocumentView } from '#lib/ingestion/read-documents.ts';
import { formatSize, isInMotion, nameStage } from './describe-document.ts';

/** From here on, looking for a name by eye takes longer than typing it. */
const SEARCH_FROM = 8;

export interface DocumentActions {
  readonly deleteDocument: (input: { workspace: string; documentId: string }) => Promise<ActionResult<unknown>>;
  readonly cancelRun: (input: { workspace: string; runId: string }) => Promise<ActionResult<unknown>>;
  readonly retryRun: (input: { workspace: string; runId: string }) => Promise<ActionResult<unknown>>;
}

export function DocumentState({ document }: { readonly document: DocumentView }) {
  switch (document.state) {
    case 'ready':
      return (
        <Badge tone="accent">
          <CircleCheck aria-hidden />
          Indexed
        </Badge>
      );
    case 'queued':
      return (
        <Badge>
          <Clock aria-hidden />
          Queued
        </Badge>
      );
    case 'processing':
    case 'updating': {
      const { progress } = document;
      const label = nameStage(progress?.stage ?? null);
      const total = progress?.total ?? 0;
      return (
        <div className="w-40">
          <p className="mb-1 flex justify-between gap-2 text-xs text-ink-soft">
            <span>{label}</span>
            {total > 0 ? (
              <span className="tabular-nums">
                {progress?.done} / {total}
              </span>
            ) : null}
          </p>
          <Progress label={`${label}: ${document.title}`} value={total > 0 ? (progress?.done ?? 0) / total : null} />
        </div>
      );
    }
    case 'failed':
      return (
        <Badge tone="danger">
          <CircleAlert aria-hidden />
          Failed
        </Badge>
      );
    case 'cancelled':
      return (
        <Badge tone="warn">
          <Ban aria-hidden />
          Cancelled
        </Badge>
      );
    default:
      return assertNever(document.state);
  }
}

function Row({
  workspace,
  document,
  canWrite,
  canCancel,
  actions,
}: {
  readonly workspace: string;
  readonly document: DocumentView;
  readonly canWrite: boolean;
  readonly canCancel: boolean;
  readonly actions: DocumentActions;
}) {
  const router = useRouter();
  const [isDeleting, setDeleting] = useState(false);
  const { runId } = document;
  const isMoving = isInMotion(document);
  const canRetry = canCancel && runId !== null && (document.state === 'failed' || document.state === 'cancelled');
  const settle = (result: ActionResult<unknown>): boolean => {
    if (!result.ok) toast.error(result.error.message);
    router.refresh();
    return result.ok;
  };
  const hasMenu = canWrite || (canCancel && isMoving);
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3.5 sm:px-5" data-document={document.id}>
      <span className="grid size-9 shrink-0 place-items-center rounded-lg bg-sunken text-ink-soft max-sm:hidden">
        <FileText aria-hidden className="size-4" />
      </span>
      <div className="min-w-0 flex-1 basis-56">
        <Link
          href={`/w/${workspace}/sources/${document.id}`}
          className="block truncate rounded-sm text-sm font-medium underline-offset-4 hover:underline"
        >
          {document.title}
        </Link>
        <p className="truncate text-[0.8125rem] text-ink-faint">
          {nameFormat(document.mediaType)}
          {document.pageCount === null ? '' : ` · ${document.pageCount} ${document.pageCount === 1 ? 'page' : 'pages'}`}{' '}
          · {formatSize(document.sizeBytes)}
          {document.versionOrdinal > 1 ? ` · version ${document.versionOrdinal}` : ''} ·{' '}
          <Time value={document.updatedAt} />
        </p>
        {document.error === null ? null : (
          <p className="mt-1 text-[0.8125rem] leading-snug text-danger">{document.error.message}</p>
        )}
        {document.currentVersionId !== null && document.state !== 'ready' ? (
          <p className="mt-1 text-[0.8125rem] text-ink-faint">The version before still answers.</p>
        ) : null}
      </div>
      <DocumentState document={document} />
      <div className="flex items-center gap-1">
        {canRetry ? (
          <Button size="sm" onClick={() => void actions.retryRun({ workspace, runId }).then(settle)}>
            <RotateCcw aria-hidden />
            Try again
          </Button>
        ) : null}
        {hasMenu ? (
          <Menu
            align="end"
            className="min-w-44"
            trigger={
              <Button look="quiet" size="icon-sm" aria-label={`Actions for ${document.title}`}>
                <Ellipsis aria-hidden />
              </Button>
            }
          >
            {canCancel && isMoving && runId !== null ? (
              <MenuItem onSelect={() => void actions.cancelRun({ workspace, runId }).then(settle)}>
                <Ban aria-hidden />
                Cancel
              </MenuItem>
            ) : null}
            {canWrite ? (
              <MenuItem isDangerous onSelect={() => setDeleting(true)}>
                <Trash2 aria-hidden />
                Delete…
              </MenuItem>
            ) : null}
          </Menu>
        ) : null}
      </div>
      <ConfirmDialog
        isOpen={isDeleting}
        onOpenChange={setDeleting}
        title={`Delete “${document.title}”?`}
        description="From this moment it is in no answer. Earlier answers keep the passages that they quoted. This cannot be undone."
        confirmLabel="Delete document"
        onConfirm={async () => settle(await actions.deleteDocument({ workspace, documentId: document.id }))}
      />
    </li>
  );
}

export function DocumentList({
  workspace,
  documents,
  canWrite,
  canCancel,
  actions,
}: {
  readonly workspace: string;
  readonly documents: readonly DocumentView[];
  readonly canWrite: boolean;
  readonly canCancel: boolean;
  readonly actions: DocumentActions;
}) {
  useRefreshWhile(documents.some(isInMotion));
  const [query, setQuery] = useState('');
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = documents.filter(({ title, fileName }) => {
    const name = `${title} ${fileName}`.toLowerCase();
    return words.every((word) => name.includes(word));
  });
  return (
    <section aria-label="Documents">
      {documents.length >= SEARCH_FROM ? (
        <div className="relative mb-3 max-w-sm">
          <Search
            aria-hidden
            className="pointer-events-none absolute left-3 top-1/2 size-4 -translate-y-1/2 text-ink-faint"
          />
          <Input
            type="search"
            aria-label="Search documents by name"
            placeholder="Search by name"
            value={query}
            className="pl-9"
            onChange={(event) => setQuery(event.target.value)}
          />
        </div>
      ) : null}
      {shown.length === 0 ? (
        <p className="py-6 text-sm text-ink-soft">No document has “{query.trim()}” in its name.</p>
      ) : (
        <Card>
          <ul className="divide-y divide-line">
            {shown.map((document) => (
              <Row
                key={document.id}
                workspace={workspace}
                document={document}
                canWrite={canWrite}
                canCancel={canCancel}
                actions={actions}
              />
            ))}
          </ul>
        </Card>
      )}
    </section>
  );
}
