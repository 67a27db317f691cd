'use client';

import { Ban, Ellipsis, Pin, RotateCcw, Tags, Trash2, TrendingUp } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { isInMotion } from '#app/_components/documents/describe-document.ts';
import { DocumentFacts, priorityNames } from '#app/_components/documents/document-facts.tsx';
import { DocumentState } from '#app/_components/documents/document-state.tsx';
import { addressOf, ListControls, Pagination } from '#app/_components/documents/list-controls.tsx';
import { changeListView, type ListView } from '#app/_components/documents/list-query.ts';
import { Button } from '#app/_components/ui/button.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { ConfirmDialog } from '#app/_components/ui/confirm-dialog.tsx';
import { Menu, MenuItem, MenuLabel, MenuRadioGroup, MenuRadioItem, MenuSeparator } from '#app/_components/ui/menu.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';
import type { ActionResult } from '#app/_server/action.ts';
import { documentPriorities } from '#lib/domain/document-priority.ts';
import type { ChangedDocuments } from '#lib/ingestion/manage-documents.ts';
import type { DocumentPage, DocumentView } from '#lib/ingestion/read-documents.ts';
import { describeDeletedList } from './describe-deleted-list.ts';
import { countDocuments, type DocumentActions, type Selected } from './document-actions.ts';
import { TagDialog } from './tag-dialog.tsx';
import { useSelection } from './use-selection.ts';

/** What a dialog is open for. */
interface Target {
  readonly selection: Selected;
  readonly count: number;
  readonly documents: readonly DocumentView[];
}

/** More than these take minutes. */
const FEW_MOVING = 20;
const SLOW_REFRESH_MS = 5000;

const checkboxStyles = 'size-4 shrink-0 cursor-pointer accent-accent';

const priorityIcons = { normal: null, boosted: TrendingUp, always: Pin } as const;

function RowMenu({
  document,
  target,
  onAct,
  onTag,
  onDelete,
  actions,
  workspace,
}: {
  readonly document: DocumentView;
  readonly target: Target;
  readonly onAct: (act: Promise<ActionResult<ChangedDocuments>>, done: string) => Promise<boolean>;
  readonly onTag: (target: Target) => void;
  readonly onDelete: (target: Target) => void;
  readonly actions: DocumentActions;
  readonly workspace: string;
}) {
  const { selection } = target;
  const isOver = document.state === 'failed' || document.state === 'cancelled';
  return (
    <Menu
      align="end"
      className="min-w-52"
      trigger={
        <Button look="quiet" size="icon-sm" aria-label={`Actions for ${document.title}`}>
          <Ellipsis aria-hidden />
        </Button>
      }
    >
      {isInMotion(document) ? (
        <MenuItem onSelect={() => void onAct(actions.cancelDocuments({ workspace, selection }), 'Stopping')}>
          <Ban aria-hidden />
          Cancel indexing
        </MenuItem>
      ) : null}
      {isOver ? (
        <MenuItem onSelect={() => void onAct(actions.retryDocuments({ workspace, selection }), 'Queued again')}>
          <RotateCcw aria-hidden />
          Try again
        </MenuItem>
      ) : null}
      <MenuItem onSelect={() => onTag(target)}>
        <Tags aria-hidden />
        Tags…
      </MenuItem>
      <MenuSeparator />
      <MenuLabel>In answers</MenuLabel>
      <MenuRadioGroup
        value={document.priority}
        onValueChange={(value) => {
          const priority = documentPriorities.find((each) => each === value);
          if (priority)
            void onAct(actions.prioritiseDocuments({ workspace, selection, priority }), priorityNames[priority]);
        }}
      >
        {documentPriorities.map((priority) => {
          const Icon = priorityIcons[priority];
          return (
            <MenuRadioItem key={priority} value={priority}>
              {Icon === null ? <span className="size-4" /> : <Icon aria-hidden />}
              {priorityNames[priority]}
            </MenuRadioItem>
          );
        })}
      </MenuRadioGroup>
      <MenuSeparator />
      <MenuItem isDangerous onSelect={() => onDelete(target)}>
        <Trash2 aria-hidden />
        Delete…
      </MenuItem>
    </Menu>
  );
}

/** The workspace's documents, to look after: one by one, or many at once. */
export function DocumentTable({
  workspace,
  page,
  view,
  deleted,
  actions,
}: {
  readonly workspace: string;
  readonly page: DocumentPage;
  readonly view: ListView;
  readonly deleted: { readonly total: number; readonly unfinished: number };
  readonly actions: DocumentActions;
}) {
  const router = useRouter();
  // What takes many minutes need not be looked at every second: the looking would slow the work down.
  useRefreshWhile(
    page.byGroup.moving > 0 || deleted.unfinished > 0,
    page.byGroup.moving > FEW_MOVING ? SLOW_REFRESH_MS : undefined,
  );
  const { documents } = page;
  const selection = useSelection(documents.map((document) => document.id));
  const [tagging, setTagging] = useState<Target | null>(null);
  const [deleting, setDeleting] = useState<Target | null>(null);
  const path = `/admin/${workspace}/documents`;
  const chosen = documents.filter((document) => selection.ids.has(document.id));
  const isWholePage = documents.length > 0 && chosen.length === documents.length;
  const { order: _order, isDescending: _direction, page: _page, ...filter } = view;
  const bulk: Target = selection.isEverything
    ? { selection: { matching: filter }, count: page.total, documents: chosen }
    : { selection: { documentIds: chosen.map((document) => document.id) }, count: chosen.length, documents: chosen };

  const act = async (promise: Promise<ActionResult<ChangedDocuments>>, done: string): Promise<boolean> => {
    const result = await promise.catch(() => null);
    if (result === null) toast.error('Lorehouse cannot be reached. Check your connection and look at the list again.');
    else if (!result.ok) toast.error(result.error.message);
    else if (result.data.changed === 0) toast.info('There was nothing to change.');
    else toast.success(`${done}: ${countDocuments(result.data.changed)}`);
    router.refresh();
    return result?.ok === true;
  };
  const all = { workspace, selection: bulk.selection };

  return (
    <section aria-label="Documents" className="mt-8">
      <ListControls
        path={path}
        view={view}
        byGroup={page.byGroup}
        tags={page.tags}
        deleted={{ ...describeDeletedList(workspace), count: deleted.total, isHere: false }}
      />
      {documents.length === 0 ? (
        <p className="py-6 text-sm text-ink-soft">No document here matches.</p>
      ) : (
        <Card>
          <div className="sticky top-0 z-10 flex min-h-12 flex-wrap items-center gap-x-3 gap-y-2 rounded-t-xl border-b border-line bg-raised px-4 py-2 max-lg:top-14 sm:px-5">
            <label className="flex cursor-pointer items-center gap-3 text-[0.8125rem] text-ink-soft">
              <input
                type="checkbox"
                className={checkboxStyles}
                checked={isWholePage}
                ref={(box) => {
                  if (box) box.indeterminate = chosen.length > 0 && !isWholePage;
                }}
                onChange={(event) => selection.selectPage(event.target.checked)}
                aria-label="Select all documents on this page"
              />
              <span aria-live="polite">
                {chosen.length === 0 ? 'Select' : `${selection.isEverything ? page.total : chosen.length} selected`}
              </span>
            </label>
            {isWholePage && page.total > documents.length && !selection.isEverything ? (
              <Button look="link" size="none" className="text-[0.8125rem]" onClick={selection.selectEverything}>
                Select all {page.total}
              </Button>
            ) : null}
            {chosen.length > 0 ? (
              <div role="toolbar" aria-label="With the selected documents" className="ml-auto flex flex-wrap gap-1.5">
                <Button size="sm" onClick={() => void act(actions.retryDocuments(all), 'Queued again')}>
                  <RotateCcw aria-hidden />
                  Try again
                </Button>
                <Button size="sm" onClick={() => void act(actions.cancelDocuments(all), 'Stopping')}>
                  <Ban aria-hidden />
                  Cancel
                </Button>
                <Button size="sm" onClick={() => setTagging(bulk)}>
                  <Tags aria-hidden />
                  Tags…
                </Button>
                <Button size="sm" className="text-danger" onClick={() => setDeleting(bulk)}>
                  <Trash2 aria-hidden />
                  Delete…
                </Button>
              </div>
            ) : null}
          </div>
          <ul className="divide-y divide-line">
            {documents.map((document) => {
              const isSelected = selection.ids.has(document.id);
              const target: Target = {
                selection: { documentIds: [document.id] },
                count: 1,
                documents: [document],
              };
              return (
                <li
                  key={document.id}
                  className={classNames(
                    'flex items-start gap-x-3 px-4 py-3 sm:px-5',
                    isSelected && 'bg-accent-soft/50',
                  )}
                  data-document={document.id}
                >
                  <input
                    type="checkbox"
                    className={classNames(checkboxStyles, 'mt-1')}
                    checked={isSelected}
                    data-select={document.id}
                    onKeyDown={selection.onKeyDown}
                    aria-label={`Select ${document.title}`}
                    onChange={(event) =>
                      selection.toggle(
                        document.id,
                        event.nativeEvent instanceof MouseEvent && event.nativeEvent.shiftKey,
                      )
                    }
                  />
                  <div className="flex min-w-0 flex-1 flex-wrap items-center gap-x-4 gap-y-2">
                    <DocumentFacts
                      document={document}
                      href={`${path}/${document.id}`}
                      hrefOf={(id) => `${path}/${id}`}
                      hrefOfTag={(tag) => addressOf(path, changeListView(view, { tag }))}
                    />
                    <DocumentState document={document} />
                  </div>
                  <RowMenu
                    document={document}
                    target={target}
                    workspace={workspace}
                    actions={actions}
                    onAct={act}
                    onTag={setTagging}
                    onDelete={setDeleting}
                  />
                </li>
              );
            })}
          </ul>
        </Card>
      )}
      <Pagination total={page.total} page={view.page} hrefOf={(next) => addressOf(path, { ...view, page: next })} />

      <TagDialog
        isOpen={tagging !== null}
        onOpenChange={(isOpen) => (isOpen ? undefined : setTagging(null))}
        count={tagging?.count ?? 0}
        present={[...new Set(tagging?.documents.flatMap((document) => document.tags))].sort()}
        known={page.tags.map(({ tag }) => tag)}
        onSave={async (tags) =>
          tagging !== null &&
          (await act(actions.tagDocuments({ workspace, selection: tagging.selection, ...tags }), 'Tagged'))
        }
      />
      <ConfirmDialog
        isOpen={deleting !== null}
        onOpenChange={(isOpen) => (isOpen ? undefined : setDeleting(null))}
        title={
          deleting?.count === 1
            ? `Delete “${deleting.documents[0]?.title ?? 'the document'}”?`
            : `Delete ${countDocuments(deleting?.count ?? 0)}?`
        }
        description="From this moment they are in no answer; text, vectors and files are removed by a job, which you can watch under Deleted. Earlier answers keep the passages that they quoted. What a deleted document superseded answers again. This cannot be undone."
        confirmLabel={deleting?.count === 1 ? 'Delete document' : 'Delete documents'}
        onConfirm={async () => {
          if (deleting === null) return true;
          const isDone = await act(actions.deleteDocuments({ workspace, selection: deleting.selection }), 'Deleted');
          if (isDone) selection.clear();
          return isDone;
        }}
      />
    </section>
  );
}
