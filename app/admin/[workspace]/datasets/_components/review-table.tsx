'use client';

import { Check, Flag, Pencil, Undo2, X } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useEffect, useRef, useState, useTransition } from 'react';
import { toast } from 'sonner';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Card } from '#app/_components/ui/page.tsx';
import type { ActionResult } from '#app/_server/action.ts';
import { isRowReason, rowReasons } from '#lib/training/data-set/row-reasons.ts';
import { ROWS_PER_PAGE, type ShownRows, writeRowAddress } from '../_state/row-filter.ts';
import { EditRowDialog } from './edit-row-dialog.tsx';
import type { RowView } from './row-view.ts';
import { stateLooks } from './state-looks.ts';

type ReviewAction = 'accept' | 'reject' | 'flag';

interface ReviewTableProps {
  readonly workspace: string;
  readonly dataSetId: string;
  readonly address: string;
  readonly filter: ShownRows;
  readonly pageNumber: number;
  /** Rows that the filter finds, on all pages. */
  readonly matching: number;
  readonly canWrite: boolean;
  readonly rows: readonly RowView[];
  readonly reviewRows: (input: {
    workspace: string;
    dataSetId: string;
    action: ReviewAction;
    target: { rowIds: string[] } | { filter: ShownRows };
  }) => Promise<ActionResult<{ readonly changed: number }>>;
  readonly editRow: (input: {
    workspace: string;
    dataSetId: string;
    rowId: string;
    messages: { role: 'system' | 'user' | 'assistant'; content: string }[];
  }) => Promise<ActionResult<unknown>>;
  readonly undoReview: (input: {
    workspace: string;
    dataSetId: string;
  }) => Promise<ActionResult<{ readonly action: string; readonly restored: number }>>;
}

const done: Readonly<Record<ReviewAction, string>> = { accept: 'accepted', reject: 'rejected', flag: 'flagged' };
const countRows = (count: number) => (count === 1 ? '1 row' : `${count.toLocaleString('en')} rows`);
const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Rows under review, worked through by keyboard or by mouse. */
export function ReviewTable(props: ReviewTableProps) {
  const { workspace, dataSetId, address, filter, pageNumber, matching, canWrite, rows } = props;
  const router = useRouter();
  const [isPending, startTransition] = useTransition();
  const [current, setCurrent] = useState(0);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [edited, setEdited] = useState<RowView | null>(null);
  const items = useRef<(HTMLTableRowElement | null)[]>([]);
  const at = Math.min(current, Math.max(0, rows.length - 1));

  const move = (to: number) => {
    const next = Math.min(Math.max(0, to), rows.length - 1);
    setCurrent(next);
    items.current[next]?.focus();
  };
  const act = (work: () => Promise<ActionResult<unknown>>, message: (data: unknown) => string) => {
    startTransition(async () => {
      try {
        const result = await work();
        if (result.ok) toast.success(message(result.data));
        else toast.error(result.error.message);
      } catch {
        toast.error('Lorehouse cannot be reached. Nothing was changed.');
      }
      router.refresh();
    });
  };
  const review = (action: ReviewAction, target: { rowIds: string[] } | { filter: ShownRows }, count: number) => {
    act(
      () => props.reviewRows({ workspace, dataSetId, action, target }),
      () => `${countRows(count)} ${done[action]}. Press u to undo.`,
    );
    setSelected(new Set());
  };
  const reviewChosen = (action: ReviewAction) => {
    const row = rows[at];
    const ids = selected.size > 0 ? [...selected] : row ? [row.id] : [];
    if (ids.length === 0) return;
    review(action, { rowIds: ids }, ids.length);
    // A row that the filter no longer shows makes room for the next one; else the next one is gone to.
    const staysShown = filter.state === undefined && filter.reason === undefined;
    if (selected.size === 0 && staysShown) move(at + 1);
  };
  const undo = () =>
    act(
      () => props.undoReview({ workspace, dataSetId }),
      () => 'Undone.',
    );

  const toggle = (id: string) =>
    setSelected((before) =>
      before.has(id) ? new Set([...before].filter((other) => other !== id)) : new Set([...before, id]),
    );

  const onKey = (event: KeyboardEvent) => {
    if (!canWrite || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (edited !== null || document.querySelector('[role="dialog"], [role="alertdialog"], [role="menu"]')) return;
    const row = rows[at];
    const keys: Readonly<Record<string, () => void>> = {
      j: () => move(at + 1),
      k: () => move(at - 1),
      a: () => reviewChosen('accept'),
      r: () => reviewChosen('reject'),
      f: () => reviewChosen('flag'),
      e: () => setEdited(row ?? null),
      u: undo,
      x: () => row && toggle(row.id),
    };
    const handle = keys[event.key];
    if (!handle) return;
    event.preventDefault();
    handle();
  };
  const latestOnKey = useRef(onKey);
  useEffect(() => {
    latestOnKey.current = onKey;
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => latestOnKey.current(event);
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, []);

  const lastPage = Math.max(1, Math.ceil(matching / ROWS_PER_PAGE));
  const isAllSelected = rows.length > 0 && rows.every(({ id }) => selected.has(id));
  return (
    <section aria-label="Rows" aria-busy={isPending}>
      <div className="mb-2 flex min-h-9 flex-wrap items-center gap-x-3 gap-y-2 text-[0.8125rem] text-ink-soft">
        <p aria-live="polite" className="mr-auto">
          {selected.size > 0 ? `${countRows(selected.size)} selected` : `${countRows(matching)} shown`}
        </p>
        {canWrite && rows.length > 0 ? (
          <>
            <label className="inline-flex items-center gap-2">
              <input
                type="checkbox"
                className="size-4 accent-accent"
                checked={isAllSelected}
                onChange={() => setSelected(isAllSelected ? new Set() : new Set(rows.map(({ id }) => id)))}
              />
              This page
            </label>
            {selected.size > 0 ? (
              <>
                <Button size="sm" onClick={() => reviewChosen('accept')}>
                  <Check aria-hidden />
                  Accept
                </Button>
                <Button size="sm" onClick={() => reviewChosen('reject')}>
                  <X aria-hidden />
                  Reject
                </Button>
              </>
            ) : (
              <>
                <Button size="sm" onClick={() => review('accept', { filter }, matching)}>
                  <Check aria-hidden />
                  Accept all {matching.toLocaleString('en')}
                </Button>
                <Button size="sm" onClick={() => review('reject', { filter }, matching)}>
                  <X aria-hidden />
                  Reject all
                </Button>
              </>
            )}
            <Button size="sm" look="quiet" onClick={undo}>
              <Undo2 aria-hidden />
              Undo
            </Button>
          </>
        ) : null}
      </div>
      {rows.length === 0 ? (
        <Card className="px-5 py-10 text-center text-sm text-ink-soft">No row is like that.</Card>
      ) : (
        <Card>
          <table className="block w-full">
            <caption className="sr-only">Rows under review</caption>
            <tbody className="block divide-y divide-line">
              {rows.map((row, index) => (
                <RowItem
                  key={row.id}
                  row={row}
                  canWrite={canWrite}
                  isCurrent={index === at}
                  isSelected={selected.has(row.id)}
                  setItem={(item) => {
                    items.current[index] = item;
                  }}
                  onFocus={() => setCurrent(index)}
                  onToggle={() => toggle(row.id)}
                  onEdit={() => setEdited(row)}
                  onReview={(action) => review(action, { rowIds: [row.id] }, 1)}
                />
              ))}
            </tbody>
          </table>
        </Card>
      )}
      <div className="mt-3 flex flex-wrap items-center justify-between gap-3 text-[0.8125rem] text-ink-faint">
        {canWrite && rows.length > 0 ? (
          <p className="hidden sm:block">
            <Key>j</Key> <Key>k</Key> move · <Key>a</Key> accept · <Key>r</Key> reject · <Key>f</Key> flag ·{' '}
            <Key>e</Key> edit · <Key>x</Key> select · <Key>u</Key> undo
          </p>
        ) : (
          <span />
        )}
        {lastPage > 1 ? (
          <nav aria-label="Pages" className="flex items-center gap-2">
            {pageNumber > 1 ? (
              <Button asChild size="sm">
                <Link href={writeRowAddress(address, filter, pageNumber - 1)}>Previous</Link>
              </Button>
            ) : null}
            <span className="tabular-nums">
              Page {pageNumber} of {lastPage}
            </span>
            {pageNumber < lastPage ? (
              <Button asChild size="sm">
                <Link href={writeRowAddress(address, filter, pageNumber + 1)}>Next</Link>
              </Button>
            ) : null}
          </nav>
        ) : null}
      </div>
      {edited === null ? null : (
        <EditRowDialog
          key={edited.id}
          row={edited}
          onClose={() => {
            setEdited(null);
            items.current[at]?.focus();
          }}
          onSave={async (messages) => {
            const result = await props.editRow({ workspace, dataSetId, rowId: edited.id, messages });
            if (result.ok) {
              toast.success('Saved and accepted. Press u to undo.');
              setEdited(null);
              router.refresh();
              return null;
            }
            return result.error.message;
          }}
        />
      )}
    </section>
  );
}

function Key({ children }: { readonly children: string }) {
  return (
    <kbd className="rounded-sm border border-line-strong bg-raised px-1.5 py-0.5 font-mono text-2xs text-ink-soft">
      {children}
    </kbd>
  );
}

function RowItem({
  row,
  canWrite,
  isCurrent,
  isSelected,
  setItem,
  onFocus,
  onToggle,
  onEdit,
  onReview,
}: {
  readonly row: RowView;
  readonly canWrite: boolean;
  readonly isCurrent: boolean;
  readonly isSelected: boolean;
  readonly setItem: (item: HTMLTableRowElement | null) => void;
  readonly onFocus: () => void;
  readonly onToggle: () => void;
  readonly onEdit: () => void;
  readonly onReview: (action: ReviewAction) => void;
}) {
  const { tone, label, Icon } = stateLooks[row.state];
  const question = row.messages.findLast(({ role }) => role === 'user')?.content ?? '';
  const answer = row.messages.findLast(({ role }) => role === 'assistant')?.content ?? '';
  const turns = row.messages.filter(({ role }) => role === 'assistant').length;
  const earlier = row.messages.filter(({ role }) => role !== 'system').slice(0, -2);
  // A prompt with passages ends in a paragraph with the question; people read that first.
  const asked =
    question
      .trim()
      .split(/\n{2,}/)
      .at(-1) ?? '';
  const isShown = question.length <= 400 && row.documentAddress === null;
  const shownQuestion = isShown ? question : asked.length <= 400 ? asked : `… ${asked.slice(-260)}`;
  return (
    <tr
      ref={setItem}
      tabIndex={isCurrent ? 0 : -1}
      aria-label={`${label}: ${shownQuestion.slice(0, 120)}`}
      aria-current={isCurrent ? 'true' : undefined}
      onFocus={onFocus}
      className={classNames(
        'relative flex scroll-mt-24 gap-3 px-4 py-3.5 outline-none first:rounded-t-xl last:rounded-b-xl focus-visible:outline-2 focus-visible:-outline-offset-2 sm:px-5',
        isCurrent &&
          canWrite &&
          'bg-paper before:absolute before:inset-y-2 before:left-0 before:w-[3px] before:rounded-r-full before:bg-accent',
        isSelected && 'bg-accent-soft/50',
      )}
    >
      {canWrite ? (
        <td className="block shrink-0">
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label="Select this row"
            checked={isSelected}
            onChange={onToggle}
            className="mt-1 size-4 accent-accent"
          />
        </td>
      ) : null}
      <td className="block min-w-0 flex-1">
        <p className="line-clamp-3 whitespace-pre-line text-sm font-medium [overflow-wrap:anywhere]">{shownQuestion}</p>
        <p className="mt-1 line-clamp-4 whitespace-pre-line text-sm leading-relaxed text-ink-soft [overflow-wrap:anywhere]">
          {answer}
        </p>
        {earlier.length === 0 ? null : (
          <details className="mt-1.5 text-[0.8125rem] leading-snug text-ink-soft">
            <summary className="w-fit text-ink-faint">
              {turns === 2 ? 'The turn before' : `The ${turns - 1} turns before`}
            </summary>
            <ul className="mt-1 flex flex-col gap-1 border-l-2 border-line pl-2.5 [overflow-wrap:anywhere]">
              {earlier.map(({ role, content }, index) => (
                <li key={`${index} ${role}`} className={classNames(role === 'user' && 'font-medium text-ink')}>
                  {content}
                </li>
              ))}
            </ul>
          </details>
        )}
        {row.quote === null ? null : (
          <p className="mt-1.5 line-clamp-2 border-l-2 border-line-strong pl-2.5 font-serif text-[0.8125rem] text-ink-faint">
            {row.quote}
          </p>
        )}
        <p className="mt-2 flex flex-wrap items-center gap-x-2 gap-y-1.5 text-xs text-ink-faint">
          <Badge tone={tone}>
            <Icon aria-hidden />
            {label}
          </Badge>
          {row.findings.map(({ reason, detail }) => (
            <Badge
              key={reason}
              tone={reason === 'personal-data' ? 'neutral' : 'warn'}
              title={detail}
              className="max-w-full"
            >
              <span className="truncate">{isRowReason(reason) ? rowReasons[reason].label : reason}</span>
            </Badge>
          ))}
          {row.isEdited ? <Badge>edited</Badge> : null}
          {row.documentAddress === null ? (
            <span>{row.origin}</span>
          ) : (
            <Link href={row.documentAddress} className="text-accent-text underline underline-offset-2">
              {row.origin}
            </Link>
          )}
          {row.intent === '' ? null : <span className="max-w-64 truncate">· {row.intent}</span>}
          {turns > 1 ? <span>· {turns} turns</span> : null}
          {row.tokenCount === null ? null : <span className="tabular-nums">· {row.tokenCount} tokens</span>}
        </p>
        {row.findings.some(({ reason }) => reason !== 'personal-data') ? (
          <p className="mt-1 text-xs leading-snug text-ink-faint">
            {row.findings
              .filter(({ reason }) => reason !== 'personal-data')
              .map(({ detail }) => detail)
              .join('; ')}
          </p>
        ) : null}
      </td>
      {canWrite ? (
        <td className="flex shrink-0 flex-col gap-1 sm:flex-row">
          <Button look="quiet" size="icon-sm" tabIndex={-1} aria-label="Accept" onClick={() => onReview('accept')}>
            <Check aria-hidden />
          </Button>
          <Button look="quiet" size="icon-sm" tabIndex={-1} aria-label="Reject" onClick={() => onReview('reject')}>
            <X aria-hidden />
          </Button>
          <Button look="quiet" size="icon-sm" tabIndex={-1} aria-label="Edit" onClick={onEdit}>
            <Pencil aria-hidden />
          </Button>
          <Button
            look="quiet"
            size="icon-sm"
            tabIndex={-1}
            aria-label="Flag"
            className="hidden sm:inline-flex"
            onClick={() => onReview('flag')}
          >
            <Flag aria-hidden />
          </Button>
        </td>
      ) : null}
    </tr>
  );
}
