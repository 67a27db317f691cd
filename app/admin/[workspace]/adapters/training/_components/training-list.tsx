'use client';

import Link from 'next/link';
import { Card } from '#app/_components/ui/page.tsx';
import { Progress } from '#app/_components/ui/progress.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';
import type { TrainingSummary } from '#lib/training/view-training.ts';
import { describeQueue } from '../_state/describe-queue.ts';
import { StateBadge } from './state-badge.tsx';

function describeResult({ outcome, run, queue }: TrainingSummary): string {
  if (queue !== null) return ` · ${describeQueue(queue)}`;
  if (run.state === 'failed' || outcome === null) return '';
  const { baseLoss, bestLoss, steps } = outcome.result;
  return baseLoss === null || bestLoss === null
    ? ` · ${steps} steps`
    : ` · loss ${baseLoss.toFixed(2)} → ${bestLoss.toFixed(2)}`;
}

export function TrainingList({
  workspace,
  trainings,
}: {
  readonly workspace: string;
  readonly trainings: readonly TrainingSummary[];
}) {
  useRefreshWhile(trainings.some(({ run }) => run.state === 'queued' || run.state === 'running'));
  return (
    <Card>
      <ul className="divide-y divide-line">
        {trainings.map((training) => {
          const { id, run, preset, baseModel } = training;
          return (
            <li
              key={id}
              className="relative flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-4 hover:bg-sunken/40 sm:px-5"
            >
              <div className="min-w-0 flex-1 basis-60">
                <Link
                  href={`/admin/${workspace}/adapters/training/${id}`}
                  className="text-sm font-medium after:absolute after:inset-0"
                >
                  {run.title}
                </Link>
                <p className="mt-0.5 text-[0.8125rem] text-ink-faint">
                  <Time value={run.createdAt} /> · {preset} · {baseModel}
                  {describeResult(training)}
                </p>
                {run.error === null ? null : (
                  <p className="mt-1 line-clamp-2 text-[0.8125rem] leading-snug text-danger">{run.error.message}</p>
                )}
              </div>
              {run.state === 'running' && run.progressTotal > 0 ? (
                <div className="w-36">
                  <p className="mb-1 text-right text-xs text-ink-soft tabular-nums">
                    {run.progressDone} / {run.progressTotal}
                  </p>
                  <Progress label={`Progress of ${run.title}`} value={run.progressDone / run.progressTotal} />
                </div>
              ) : null}
              <StateBadge state={run.state} />
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
