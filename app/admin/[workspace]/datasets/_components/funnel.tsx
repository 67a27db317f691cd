import Link from 'next/link';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Card } from '#app/_components/ui/page.tsx';
import { rowReasons } from '#lib/training/data-set/row-reasons.ts';
import { writeRowAddress } from '../_state/row-filter.ts';

interface Step {
  readonly label: string;
  readonly count: number;
  readonly href: string | null;
  readonly tone: 'plain' | 'info' | 'stopped' | 'good';
}

const fills = { plain: 'bg-control', info: 'bg-brass', stopped: 'bg-danger', good: 'bg-accent' } as const;

/** From what was read to what is accepted: what each step found, as counts that lead to their rows. */
export function Funnel({
  address,
  counts,
  read,
  malformed,
  empty,
}: {
  readonly address: string;
  readonly counts: {
    readonly total: number;
    readonly byState: Readonly<Record<'accepted' | 'flagged' | 'quarantined' | 'rejected', number>>;
    readonly byReason: Readonly<Record<string, number>>;
  };
  readonly read: number;
  readonly malformed: number;
  readonly empty: number;
}) {
  const found: Step[] = Object.entries(rowReasons).map(([reason, { label, state }]) => ({
    label,
    count: counts.byReason[reason] ?? 0,
    href: writeRowAddress(address, { reason }),
    tone: state === 'accepted' ? 'info' : 'stopped',
  }));
  const steps: Step[] = [
    { label: 'Read', count: read, href: null, tone: 'plain' },
    ...[
      { label: 'Malformed', count: malformed, href: null, tone: 'stopped' as const },
      { label: 'Empty', count: empty, href: null, tone: 'stopped' as const },
      ...found,
    ].filter(({ count }) => count > 0),
    {
      label: 'Accepted',
      count: counts.byState.accepted,
      href: writeRowAddress(address, { state: 'accepted' }),
      tone: 'good',
    },
  ];
  const most = Math.max(1, ...steps.map(({ count }) => count));
  return (
    <Card className="mb-8 px-4 py-4 sm:px-5">
      <h2 className="sr-only">From what was read to what is accepted</h2>
      <ol className="grid grid-cols-2 gap-x-5 gap-y-4 sm:grid-cols-3 lg:grid-cols-5">
        {steps.map(({ label, count, href, tone }) => (
          <li key={label} className="relative min-w-0">
            <p
              className={classNames(
                'text-2xl font-semibold tabular-nums leading-none tracking-tight',
                tone === 'good' && 'text-accent-text',
              )}
            >
              {count.toLocaleString('en')}
            </p>
            <span aria-hidden className="mt-2 block h-1 overflow-hidden rounded-full bg-line">
              <span
                className={classNames('block h-full rounded-full', fills[tone])}
                style={{ width: `${Math.max(2, (100 * count) / most)}%` }}
              />
            </span>
            {href === null ? (
              <p className="mt-1.5 text-[0.8125rem] leading-snug text-ink-soft">{label}</p>
            ) : (
              <Link
                href={href}
                className="mt-1.5 block text-[0.8125rem] leading-snug text-ink-soft after:absolute after:inset-0 hover:underline"
              >
                {label}
              </Link>
            )}
          </li>
        ))}
      </ol>
    </Card>
  );
}
