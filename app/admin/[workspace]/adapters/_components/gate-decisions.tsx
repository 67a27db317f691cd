import Link from 'next/link';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import type { VersionStandings } from '#lib/registry/read-standings.ts';
import { verdictWords } from '../../evaluation/_state/verdict-words.ts';

/** Every decision on a version, and whether it still allows a promotion. */
export function GateDecisions({
  workspace,
  decisions,
  isServing,
}: {
  readonly workspace: string;
  readonly decisions: VersionStandings['decisions'];
  readonly isServing: boolean;
}) {
  if (decisions.length === 0) {
    return <p className="text-sm text-ink-soft">Nothing yet. It may serve once an evaluation has passed.</p>;
  }
  return (
    <Card>
      <ol className="divide-y divide-line">
        {decisions.map(({ evaluationId, verdict, obstacle, createdAt }) => (
          <li
            key={`${evaluationId}-${createdAt}`}
            className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3 text-sm sm:px-5"
          >
            <Badge tone={verdictWords[verdict].tone}>{verdictWords[verdict].badge}</Badge>
            <span className="min-w-0 flex-1 basis-48 text-ink-soft">
              {isServing && verdict === 'pass' ? 'It serves.' : (obstacle ?? 'It allows a promotion.')}
            </span>
            <span className="text-[0.8125rem] text-ink-faint">
              <Time value={createdAt} /> ·{' '}
              <Link
                className="underline underline-offset-4"
                href={`/admin/${workspace}/evaluation/runs/${evaluationId}`}
              >
                report
              </Link>
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}
