'use client';

import { Search } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Input } from '#app/_components/ui/field.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import { readField } from '../_state/read-field.ts';
import { rowStates, type ShownRows, writeRowAddress } from '../_state/row-filter.ts';
import { stateLooks } from './state-looks.ts';

/** Which rows the table shows. All of it stands in the address, so that a link shows the same. */
export function RowFilters({
  address,
  filter,
  counts,
  reasons,
  imports,
}: {
  readonly address: string;
  readonly filter: ShownRows;
  readonly counts: {
    readonly total: number;
    readonly byState: Readonly<Record<(typeof rowStates)[number], number>>;
    readonly byReason: Readonly<Record<string, number>>;
    readonly byIntent: readonly { readonly intent: string; readonly count: number }[];
  };
  readonly reasons: readonly { readonly code: string; readonly label: string }[];
  readonly imports: readonly { readonly id: string; readonly title: string }[];
}) {
  const router = useRouter();
  const show = (changes: ShownRows) =>
    router.push(writeRowAddress(address, { ...filter, ...changes }), { scroll: false });
  const foundReasons = reasons.filter(({ code }) => (counts.byReason[code] ?? 0) > 0 || code === filter.reason);
  const tabs = [undefined, ...rowStates] as const;
  return (
    <div className="mb-3 flex flex-col gap-3">
      <nav aria-label="State" className="flex flex-wrap gap-1">
        {tabs.map((state) => (
          <Link
            key={state ?? 'all'}
            href={writeRowAddress(address, { ...filter, state })}
            scroll={false}
            aria-current={filter.state === state ? 'true' : undefined}
            className={classNames(
              'rounded-full px-3.5 py-1.5 text-[0.8125rem] transition-colors',
              filter.state === state ? 'bg-accent-soft font-medium text-accent-text' : 'text-ink-soft hover:bg-sunken',
            )}
          >
            {state === undefined ? 'All' : stateLooks[state].label}{' '}
            <span className="tabular-nums">
              {(state === undefined ? counts.total : counts.byState[state]).toLocaleString('en')}
            </span>
          </Link>
        ))}
      </nav>
      <div className="grid grid-cols-2 gap-2 lg:grid-cols-4">
        <form
          className="relative col-span-2 lg:col-span-1"
          onSubmit={(event) => {
            event.preventDefault();
            show({ search: readField(new FormData(event.currentTarget), 'q').trim() || undefined });
          }}
        >
          <Search aria-hidden className="pointer-events-none absolute left-3 top-3 size-4 text-ink-faint" />
          <Input
            name="q"
            type="search"
            aria-label="Search rows"
            placeholder="Search rows"
            defaultValue={filter.search ?? ''}
            className="pl-9"
          />
        </form>
        <Select
          aria-label="Reason"
          className="w-full"
          value={filter.reason ?? ''}
          onChange={(event) => show({ reason: event.target.value || undefined })}
        >
          <option value="">Any reason</option>
          {foundReasons.map(({ code, label }) => (
            <option key={code} value={code}>
              {label} ({counts.byReason[code] ?? 0})
            </option>
          ))}
        </Select>
        <Select
          aria-label="Intent"
          className="w-full"
          value={filter.intent ?? ''}
          onChange={(event) => show({ intent: event.target.value || undefined })}
        >
          <option value="">Any intent</option>
          {counts.byIntent.map(({ intent, count }) => (
            <option key={intent} value={intent}>
              {intent} ({count})
            </option>
          ))}
        </Select>
        <Select
          aria-label="Source"
          className="col-span-2 w-full lg:col-span-1"
          value={filter.importId ?? ''}
          onChange={(event) => show({ importId: event.target.value || undefined })}
        >
          <option value="">Any source</option>
          {imports.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </Select>
      </div>
    </div>
  );
}
