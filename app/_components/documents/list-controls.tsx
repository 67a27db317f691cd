'use client';

import { ArrowDownWideNarrow, ArrowUpNarrowWide, Search, X } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useEffect, useRef, useState, useTransition } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Input } from '#app/_components/ui/field.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import { type DocumentGroup, type DocumentOrder, documentGroups, documentOrders } from '#lib/domain/document-list.ts';
import { documentFormats } from '#lib/ingestion/formats.ts';
import {
  changeListView,
  DOCUMENTS_PER_PAGE,
  groupNames,
  isFiltered,
  type ListView,
  startsDescending,
  writeListView,
} from './list-query.ts';

/** Typing is over when this has passed. */
const TYPING_PAUSE_MS = 250;

const orderNames: Readonly<Record<DocumentOrder, string>> = {
  added: 'Date added',
  changed: 'Last change',
  name: 'Name',
  size: 'Size',
};

const pillStyles = (isHere: boolean) =>
  classNames(
    'rounded-full px-3.5 py-1.5 text-[0.8125rem] transition-colors',
    isHere ? 'bg-accent-soft font-medium text-accent-text' : 'text-ink-soft hover:bg-sunken',
  );

/** Address of a list under a view; `path` without a query. */
export function addressOf(path: string, view: ListView): string {
  const query = writeListView(view);
  return query === '' ? path : `${path}?${query}`;
}

/** Search, state, tag, format and order. All of it stands in the address. */
export function ListControls({
  path,
  view,
  byGroup,
  tags,
  deleted,
}: {
  readonly path: string;
  readonly view: ListView;
  readonly byGroup: Readonly<Record<DocumentGroup, number>>;
  readonly tags: readonly { readonly tag: string; readonly count: number }[];
  /** Where deleted documents are listed, and whether that is here; null: not shown. */
  readonly deleted: { readonly href: string; readonly count: number; readonly isHere: boolean } | null;
}) {
  const router = useRouter();
  const [isPending, startTransition] = useTransition();
  const [search, setSearch] = useState(view.search);
  const [searchOfAddress, setSearchOfAddress] = useState(view.search);
  if (searchOfAddress !== view.search) {
    setSearchOfAddress(view.search);
    setSearch(view.search);
  }
  const show = (change: Partial<Omit<ListView, 'page'>>) => {
    startTransition(() => router.replace(addressOf(path, changeListView(view, change)), { scroll: false }));
  };
  const showRef = useRef(show);
  useEffect(() => {
    showRef.current = show;
  });
  useEffect(() => {
    if (search === view.search) return undefined;
    const timer = setTimeout(() => showRef.current({ search }), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [search, view.search]);
  const all = Object.values(byGroup).reduce((sum, count) => sum + count, 0);
  const filled = documentGroups.filter((group) => byGroup[group] > 0);
  // One group holds everything: there is nothing to choose.
  const hasChoice = filled.length > 1 || view.group !== null || (deleted !== null && deleted.count > 0);
  const Direction = view.isDescending ? ArrowDownWideNarrow : ArrowUpNarrowWide;
  return (
    <div aria-busy={isPending} className="mb-3 flex flex-col gap-3">
      {hasChoice ? (
        <nav aria-label="State" className="-mx-1 flex flex-wrap gap-1">
          <Link
            href={addressOf(path, changeListView(view, { group: null }))}
            aria-current={view.group === null && deleted?.isHere !== true ? 'page' : undefined}
            scroll={false}
            className={pillStyles(view.group === null && deleted?.isHere !== true)}
          >
            All <span className="tabular-nums">{all}</span>
          </Link>
          {documentGroups
            .filter((group) => byGroup[group] > 0 || view.group === group)
            .map((group) => (
              <Link
                key={group}
                href={addressOf(path, changeListView(view, { group }))}
                aria-current={view.group === group ? 'page' : undefined}
                scroll={false}
                className={pillStyles(view.group === group)}
              >
                {groupNames[group]} <span className="tabular-nums">{byGroup[group]}</span>
              </Link>
            ))}
          {deleted !== null && (deleted.count > 0 || deleted.isHere) ? (
            <Link
              href={deleted.href}
              aria-current={deleted.isHere ? 'page' : undefined}
              scroll={false}
              className={pillStyles(deleted.isHere)}
            >
              Deleted <span className="tabular-nums">{deleted.count}</span>
            </Link>
          ) : null}
        </nav>
      ) : null}
      {deleted?.isHere === true ? null : (
        <div className="flex flex-wrap items-center gap-2">
          <div className="relative min-w-48 flex-1 sm:max-w-xs">
            <Search
              aria-hidden
              className="pointer-events-none absolute left-3 top-1/2 size-4 -translate-y-1/2 text-ink-faint"
            />
            <Input
              type="search"
              aria-label="Search documents by name or tag"
              placeholder="Search by name or tag"
              value={search}
              maxLength={200}
              className="pl-9"
              onChange={(event) => setSearch(event.target.value)}
            />
          </div>
          {tags.length > 0 || view.tag !== null ? (
            <Select
              aria-label="Tag"
              value={view.tag ?? ''}
              onChange={(event) => show({ tag: event.target.value || null })}
            >
              <option value="">Every tag</option>
              {view.tag !== null && !tags.some(({ tag }) => tag === view.tag) ? (
                <option value={view.tag}>{view.tag} (0)</option>
              ) : null}
              {tags.map(({ tag, count }) => (
                <option key={tag} value={tag}>
                  {tag} ({count})
                </option>
              ))}
            </Select>
          ) : null}
          <Select
            aria-label="Format"
            value={view.mediaType ?? ''}
            onChange={(event) => show({ mediaType: event.target.value || null })}
          >
            <option value="">Every format</option>
            {documentFormats.map(({ mediaType, name }) => (
              <option key={mediaType} value={mediaType}>
                {name}
              </option>
            ))}
          </Select>
          <div className="flex items-center gap-1 sm:ml-auto">
            <Select
              aria-label="Order"
              value={view.order}
              onChange={(event) => {
                const order = documentOrders.find((each) => each === event.target.value) ?? 'added';
                show({ order, isDescending: startsDescending[order] });
              }}
            >
              {documentOrders.map((order) => (
                <option key={order} value={order}>
                  {orderNames[order]}
                </option>
              ))}
            </Select>
            <Button
              look="quiet"
              size="icon"
              aria-label={view.isDescending ? 'Order upwards' : 'Order downwards'}
              onClick={() => show({ isDescending: !view.isDescending })}
            >
              <Direction aria-hidden />
            </Button>
          </div>
          {isFiltered(view) ? (
            <Button
              look="quiet"
              size="sm"
              onClick={() => show({ search: '', group: null, tag: null, mediaType: null })}
            >
              <X aria-hidden />
              Clear filters
            </Button>
          ) : null}
        </div>
      )}
    </div>
  );
}

/** Which part of a long list is shown, and the way to the other parts; nothing for a short one. */
export function Pagination({
  total,
  page,
  hrefOf,
}: {
  readonly total: number;
  readonly page: number;
  readonly hrefOf: (page: number) => string;
}) {
  const pages = Math.max(1, Math.ceil(total / DOCUMENTS_PER_PAGE));
  if (pages === 1) return null;
  const first = (page - 1) * DOCUMENTS_PER_PAGE + 1;
  return (
    <nav aria-label="Pages of the list" className="mt-4 flex flex-wrap items-center justify-between gap-3 text-sm">
      <p className="tabular-nums text-ink-faint">
        {Math.min(first, total)}–{Math.min(page * DOCUMENTS_PER_PAGE, total)} of {total}
      </p>
      <div className="flex gap-2">
        {page > 1 ? (
          <Button asChild size="sm">
            <Link href={hrefOf(page - 1)}>Previous</Link>
          </Button>
        ) : null}
        {page < pages ? (
          <Button asChild size="sm">
            <Link href={hrefOf(page + 1)}>Next</Link>
          </Button>
        ) : null}
      </div>
    </nav>
  );
}
