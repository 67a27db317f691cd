import Link from 'next/link';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import type { ChampionEventView, VersionLabel } from '#lib/registry/read-adapters.ts';

const kinds = {
  promote: { label: 'Promoted', tone: 'accent' },
  override: { label: 'Without a passing evaluation', tone: 'warn' },
  rollback: { label: 'Rolled back', tone: 'neutral' },
} as const;

/** A second later: the move's own moment is finer than the address tells. */
const momentAfter = (at: string) => encodeURIComponent(new Date(Date.parse(at) + 1000).toISOString());

function Version({ workspace, version }: { readonly workspace: string; readonly version: VersionLabel | null }) {
  if (version === null) return <>the base</>;
  if (version.isDeleted) return <>{version.label} (deleted)</>;
  return (
    <Link className="underline underline-offset-4" href={`/admin/${workspace}/adapters/versions/${version.id}`}>
      {version.label}
    </Link>
  );
}

export function ChampionHistory({
  workspace,
  events,
}: {
  readonly workspace: string;
  readonly events: readonly ChampionEventView[];
}) {
  if (events.length === 0) {
    return <p className="text-sm text-ink-soft">Nothing but the base model has ever served this workspace.</p>;
  }
  return (
    <Card>
      <ol className="divide-y divide-line">
        {events.map((event) => (
          <li key={event.id} className="px-4 py-3.5 text-sm sm:px-5">
            <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
              <Badge tone={kinds[event.kind].tone}>{kinds[event.kind].label}</Badge>
              <span>
                <Version workspace={workspace} version={event.from} /> →{' '}
                <strong className="font-semibold">
                  <Version workspace={workspace} version={event.to} />
                </strong>
              </span>
              <span className="text-ink-faint">
                <Time value={event.createdAt} /> · {event.actor} ·{' '}
                <Link
                  className="underline underline-offset-4"
                  href={`/admin/${workspace}/evaluation/history?at=${momentAfter(event.createdAt)}`}
                >
                  what answered then
                </Link>
              </span>
            </p>
            <p className="mt-1 text-ink-soft">“{event.reason}”</p>
          </li>
        ))}
      </ol>
    </Card>
  );
}
