import Link from 'next/link';
import { Badge } from '#app/_components/ui/badge.tsx';
import { countOf } from '#app/_components/ui/format-amount.ts';
import { Card } from '#app/_components/ui/page.tsx';
import { isMoving } from '#app/_components/ui/run-progress.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import type { DraftSetSummary } from '#lib/evaluation/draft-cases.ts';
import { viewRun } from '#lib/jobs/manage-runs.ts';

function describeWait({ counts, run }: DraftSetSummary): string {
  const waiting = counts.open + counts.accepted;
  if (run !== null && isMoving(viewRun(run))) return `being written, ${countOf(waiting, 'draft')} so far`;
  return waiting === 0 ? 'stopped before the first draft' : `${countOf(waiting, 'draft')} to look at`;
}

/** Cases from documents that nobody has taken in yet; nothing where there are none. */
export function WaitingDrafts({
  workspace,
  sets,
}: {
  readonly workspace: string;
  readonly sets: readonly DraftSetSummary[];
}) {
  if (sets.length === 0) return null;
  return (
    <section aria-label="Drafts" className="mb-6">
      <Card>
        <ul className="divide-y divide-line">
          {sets.map((set) => (
            <li
              key={set.id}
              className="relative flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-3.5 text-sm hover:bg-sunken/40 sm:px-5"
            >
              <Badge tone="accent">Drafts</Badge>
              <Link
                href={`/admin/${workspace}/evaluation/suites/drafts/${set.id}`}
                className="min-w-0 font-medium after:absolute after:inset-0"
              >
                {set.suiteName}: cases from documents
              </Link>
              <span className="text-[0.8125rem] text-ink-soft">{describeWait(set)}</span>
              <span className="ml-auto text-[0.8125rem] text-ink-faint">
                <Time value={set.createdAt.toISOString()} />
              </span>
            </li>
          ))}
        </ul>
      </Card>
    </section>
  );
}
