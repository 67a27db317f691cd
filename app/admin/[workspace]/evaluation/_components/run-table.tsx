'use client';

import Link from 'next/link';
import { Card } from '#app/_components/ui/page.tsx';
import { Progress } from '#app/_components/ui/progress.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';
import type { EvaluationSummary } from '#lib/evaluation/read-evaluation.ts';
import { VerdictBadge } from './verdict-badge.tsx';

export function RunTable({
  workspace,
  evaluations,
}: {
  readonly workspace: string;
  readonly evaluations: readonly EvaluationSummary[];
}) {
  useRefreshWhile(evaluations.some(({ state }) => state === 'queued' || state === 'running'));
  return (
    <Card>
      <ul className="divide-y divide-line">
        {evaluations.map((evaluation) => (
          <li
            key={evaluation.id}
            className="relative flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-4 hover:bg-sunken/40 sm:px-5"
          >
            <div className="min-w-0 flex-1 basis-60">
              <Link
                href={`/admin/${workspace}/evaluation/runs/${evaluation.id}`}
                className="text-sm font-medium after:absolute after:inset-0"
              >
                {evaluation.title}
              </Link>
              <p className="mt-0.5 text-[0.8125rem] text-ink-faint">
                against {evaluation.champion.name} · <Time value={evaluation.createdAt.toISOString()} />
                {evaluation.createdByName === null ? '' : ` · ${evaluation.createdByName}`}
              </p>
              {evaluation.state === 'failed' && evaluation.error !== null ? (
                <p className="mt-1 line-clamp-2 text-[0.8125rem] leading-snug text-danger">{evaluation.error}</p>
              ) : null}
            </div>
            {evaluation.state === 'running' && evaluation.progressTotal > 0 ? (
              <div className="w-36">
                <p className="mb-1 text-right text-xs tabular-nums text-ink-soft">
                  {evaluation.progressDone} / {evaluation.progressTotal}
                </p>
                <Progress
                  label={`Progress of ${evaluation.title}`}
                  value={evaluation.progressDone / evaluation.progressTotal}
                />
              </div>
            ) : null}
            <VerdictBadge summary={evaluation} />
          </li>
        ))}
      </ul>
    </Card>
  );
}
