'use client';

import { FileUp, Replace, RotateCcw, Tags, Trash2, Undo2 } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { type ReactNode, useRef, useState } from 'react';
import { toast } from 'sonner';
import { isInMotion } from '#app/_components/documents/describe-document.ts';
import { priorityNames } from '#app/_components/documents/document-facts.tsx';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { ConfirmDialog } from '#app/_components/ui/confirm-dialog.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { Progress } from '#app/_components/ui/progress.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import type { ActionResult } from '#app/_server/action.ts';
import { type DocumentPriority, documentPriorities } from '#lib/domain/document-priority.ts';
import { acceptedDocuments } from '#lib/ingestion/formats.ts';
import type { DocumentView } from '#lib/ingestion/read-documents.ts';
import type { DocumentActions } from '../../_components/document-actions.ts';
import { TagDialog } from '../../_components/tag-dialog.tsx';
import { uploadFile } from '../../_upload/upload-file.ts';
import { type Candidate, SuccessorDialog } from './successor-dialog.tsx';

const priorityEffects: Readonly<Record<DocumentPriority, string>> = {
  normal: 'Its passages stand where the search puts them.',
  boosted: 'Its passages stand a little higher than the search alone would put them.',
  always: 'When the search finds any passage of it, the best one is among the sources.',
};

export interface DocumentPanelActions extends DocumentActions {
  readonly supersedeDocument: (input: {
    workspace: string;
    documentId: string;
    successorId: string | null;
  }) => Promise<ActionResult<unknown>>;
  readonly findDocuments: (input: { workspace: string; search: string }) => Promise<ActionResult<readonly Candidate[]>>;
}

function Row({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <div className="flex flex-col gap-1.5 px-5 py-3.5 sm:flex-row sm:items-center sm:gap-4">
      <dt className="w-32 shrink-0 text-[0.8125rem] text-ink-faint">{label}</dt>
      <dd className="flex min-w-0 flex-1 flex-wrap items-center gap-2 text-sm">{children}</dd>
    </div>
  );
}

/** What can be done with one document: tags, weight in answers, successor, a new version, deletion. */
export function DocumentPanel({
  workspace,
  document,
  knownTags,
  actions,
}: {
  readonly workspace: string;
  readonly document: DocumentView;
  readonly knownTags: readonly string[];
  readonly actions: DocumentPanelActions;
}) {
  const router = useRouter();
  const inputRef = useRef<HTMLInputElement>(null);
  const [isTagging, setTagging] = useState(false);
  const [isChoosing, setChoosing] = useState(false);
  const [isDeleting, setDeleting] = useState(false);
  const [sent, setSent] = useState<number | null>(null);
  const path = `/admin/${workspace}/documents`;
  const one = { workspace, selection: { documentIds: [document.id] } };

  const settle = async (promise: Promise<ActionResult<unknown>>, done: string): Promise<string | null> => {
    const result = await promise.catch(() => null);
    const error = result === null ? 'Lorehouse cannot be reached.' : result.ok ? null : result.error.message;
    if (error === null) toast.success(done);
    else toast.error(error);
    router.refresh();
    return error;
  };

  const replace = async (file: File) => {
    setSent(0);
    try {
      const result = await uploadFile(
        `/api/w/${workspace}/documents/${document.id}/versions`,
        { path: file.name, file },
        (bytes) => setSent(file.size === 0 ? 0 : bytes / file.size),
        new AbortController().signal,
      );
      if (result.outcome === 'unchanged') toast.info('This is exactly the newest version. Nothing was changed.');
      else toast.success('The new version is being indexed. Until then the one before answers.');
    } catch (error) {
      toast.error(error instanceof Error ? error.message : 'The upload failed.');
    } finally {
      setSent(null);
      router.refresh();
    }
  };

  return (
    <Card>
      <dl className="divide-y divide-line">
        <Row label="Tags">
          {document.tags.map((tag) => (
            <Link key={tag} href={`${path}?tag=${encodeURIComponent(tag)}`} className="rounded-full">
              <Badge className="hover:bg-accent-soft hover:text-accent-text">{tag}</Badge>
            </Link>
          ))}
          <Button size="sm" look="quiet" onClick={() => setTagging(true)}>
            <Tags aria-hidden />
            {document.tags.length === 0 ? 'Add tags' : 'Change'}
          </Button>
        </Row>
        <Row label="In answers">
          <Select
            aria-label="Weight in answers"
            value={document.priority}
            onChange={(event) => {
              const priority = documentPriorities.find((each) => each === event.target.value) ?? 'normal';
              void settle(
                actions.prioritiseDocuments({ ...one, priority }),
                `Now ${priorityNames[priority].toLowerCase()}`,
              );
            }}
          >
            {documentPriorities.map((priority) => (
              <option key={priority} value={priority}>
                {priorityNames[priority]}
              </option>
            ))}
          </Select>
          <span className="text-[0.8125rem] text-ink-faint">{priorityEffects[document.priority]}</span>
        </Row>
        <Row label="Superseded by">
          {document.supersededBy === null ? (
            <>
              <span className="text-ink-soft">Nothing: it answers for itself.</span>
              <Button size="sm" look="quiet" onClick={() => setChoosing(true)}>
                <Replace aria-hidden />
                Choose a successor
              </Button>
            </>
          ) : (
            <>
              <Link
                href={`${path}/${document.supersededBy.id}`}
                className="rounded-sm font-medium underline underline-offset-4"
              >
                {document.supersededBy.title}
              </Link>
              <Button
                size="sm"
                look="quiet"
                onClick={() =>
                  void settle(
                    actions.supersedeDocument({ workspace, documentId: document.id, successorId: null }),
                    'It answers for itself again',
                  )
                }
              >
                <Undo2 aria-hidden />
                Let it answer again
              </Button>
            </>
          )}
        </Row>
        <div className="flex flex-wrap items-center gap-2 px-5 py-3.5">
          <Button size="sm" isPending={sent !== null} onClick={() => inputRef.current?.click()}>
            <FileUp aria-hidden />
            Upload a new version
          </Button>
          {sent === null ? null : <Progress className="w-28" label="Upload of the new version" value={sent} />}
          <input
            ref={inputRef}
            type="file"
            accept={acceptedDocuments}
            aria-label="New version"
            tabIndex={-1}
            className="sr-only"
            onChange={(event) => {
              const [file] = event.target.files ?? [];
              if (file) void replace(file);
              event.target.value = '';
            }}
          />
          {document.state === 'failed' || document.state === 'cancelled' ? (
            <Button size="sm" onClick={() => void settle(actions.retryDocuments(one), 'Queued again')}>
              <RotateCcw aria-hidden />
              Try again
            </Button>
          ) : null}
          {isInMotion(document) ? (
            <Button size="sm" onClick={() => void settle(actions.cancelDocuments(one), 'Stopping')}>
              Cancel indexing
            </Button>
          ) : null}
          <Button size="sm" look="quiet" className="ml-auto text-danger" onClick={() => setDeleting(true)}>
            <Trash2 aria-hidden />
            Delete…
          </Button>
        </div>
      </dl>
      <TagDialog
        isOpen={isTagging}
        onOpenChange={setTagging}
        count={1}
        present={document.tags}
        known={knownTags}
        onSave={async (tags) => (await settle(actions.tagDocuments({ ...one, ...tags }), 'Tags saved')) === null}
      />
      <SuccessorDialog
        isOpen={isChoosing}
        onOpenChange={setChoosing}
        workspace={workspace}
        document={document}
        findDocuments={actions.findDocuments}
        onChoose={async (successorId) => {
          const promise = actions.supersedeDocument({ workspace, documentId: document.id, successorId });
          const error = await settle(promise, 'Superseded: it is in no answer from now on');
          if (error === null) setChoosing(false);
          return error;
        }}
      />
      <ConfirmDialog
        isOpen={isDeleting}
        onOpenChange={setDeleting}
        title={`Delete “${document.title}”?`}
        description="From this moment it is in no answer; text, vectors and files are removed by a job. Earlier answers keep the passages that they quoted. What it superseded answers again. This cannot be undone."
        confirmLabel="Delete document"
        onConfirm={async () => {
          const error = await settle(actions.deleteDocuments(one), 'Deleted');
          if (error === null) router.push(path);
          return error === null;
        }}
      />
    </Card>
  );
}
