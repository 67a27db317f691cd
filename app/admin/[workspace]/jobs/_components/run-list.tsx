'use client';

import { Ban, CircleAlert, CircleCheck, Clock, ListChecks, LoaderCircle, RotateCcw } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Card, EmptyState } from '#app/_components/ui/page.tsx';
import { Progress } from '#app/_components/ui/progress.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';
import type { ActionResult } from '#app/_server/action.ts';
import type { RunView } from '#lib/jobs/manage-runs.ts';

const kindNames: Readonly<Record<string, string>> = {
  'document.ingest': 'Index a document',
  'document.delete': 'Remove a document',
  'adapter.blend': 'Blend adapters',
  'adapter.merge': 'Merge an adapter into its base',
  'index.rebuild': 'Re-index all documents',
  'retrieval.evaluate': 'Measure retrieval',
  'adapter.train': 'Train an adapter',
  'evaluation.run': 'Evaluate an adapter',
  'archive.unpack': 'Unpack an archive',
  'dataset.import': 'Take in rows',
  'suite.draft': 'Write test cases',
  'dataset.freeze': 'Freeze a data set',
};

const looks = {
  queued: { tone: 'neutral', Icon: Clock, label: 'Queued' },
  running: { tone: 'accent', Icon: LoaderCircle, label: 'Running' },
  succeeded: { tone: 'accent', Icon: CircleCheck, label: 'Done' },
  failed: { tone: 'danger', Icon: CircleAlert, label: 'Failed' },
  cancelled: { tone: 'warn', Icon: Ban, label: 'Cancelled' },
} as const;

const isMoving = (run: RunView) => run.state === 'queued' || run.state === 'running';

const filters = {
  all: { label: 'All', test: () => true },
  moving: { label: 'In progress', test: isMoving },
  failed: { label: 'Failed', test: (run: RunView) => run.state === 'failed' },
} as const;
type Filter = keyof typeof filters;
const filterKeys = ['all', 'moving', 'failed'] as const satisfies readonly Filter[];

function formatDuration(run: RunView): string | null {
  if (run.startedAt === null || run.finishedAt === null) return null;
  const seconds = (Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 1000;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export function RunList({
  workspace,
  runs,
  canCancel,
  cancelRun,
  retryRun,
}: {
  readonly workspace: string;
  readonly runs: readonly RunView[];
  readonly canCancel: boolean;
  readonly cancelRun: (input: { workspace: string; runId: string }) => Promise<ActionResult<unknown>>;
  readonly retryRun: (input: { workspace: string; runId: string }) => Promise<ActionResult<unknown>>;
}) {
  const router = useRouter();
  const [filter, setFilter] = useState<Filter>('all');
  useRefreshWhile(runs.some(isMoving));
  const settle = (result: ActionResult<unknown>) => {
    if (!result.ok) toast.error(result.error.message);
    router.refresh();
  };
  if (runs.length === 0) {
    return (
      <EmptyState icon={<ListChecks aria-hidden />} title="Nothing has run yet">
        Every upload and every deletion becomes a job that shows its progress, its outcome and, if it fails, the reason.
      </EmptyState>
    );
  }
  const shown = runs.filter(filters[filter].test);
  return (
    <>
      <fieldset className="mb-3 flex flex-wrap gap-1">
        <legend className="sr-only">Show</legend>
        {filterKeys.map((key) => {
          const count = runs.filter(filters[key].test).length;
          return (
            <button
              key={key}
              type="button"
              aria-pressed={filter === key}
              onClick={() => setFilter(key)}
              className={classNames(
                'rounded-full px-3.5 py-1.5 text-[0.8125rem] transition-colors',
                filter === key ? 'bg-accent-soft font-medium text-accent-text' : 'text-ink-soft hover:bg-sunken',
              )}
            >
              {filters[key].label} <span className="tabular-nums">{count}</span>
            </button>
          );
        })}
      </fieldset>
      {shown.length === 0 ? <p className="py-6 text-sm text-ink-soft">None.</p> : null}
      <Card className={shown.length === 0 ? 'hidden' : ''}>
        <ul className="divide-y divide-line">
          {shown.map((run) => {
            const { tone, Icon, label } = looks[run.state];
            const duration = formatDuration(run);
            return (
              <li key={run.id} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3.5 sm:px-5">
                <div className="min-w-0 flex-1 basis-56">
                  <p className="truncate text-sm font-medium">{run.title}</p>
                  <p className="text-[0.8125rem] text-ink-faint">
                    {kindNames[run.kind] ?? run.kind} · <Time value={run.createdAt} />
                    {duration === null ? '' : ` · took ${duration}`}
                    {run.attempt > 1 ? ` · attempt ${run.attempt}` : ''}
                  </p>
                  {run.error === null ? null : (
                    <p className="mt-1 text-[0.8125rem] leading-snug text-danger">
                      {run.error.message} <code className="font-mono text-xs text-ink-faint">{run.error.code}</code>
                    </p>
                  )}
                </div>
                {run.state === 'running' ? (
                  <div className="w-40">
                    <p className="mb-1 flex justify-between gap-2 text-xs text-ink-soft">
                      <span>{run.isCancelRequested ? 'Stopping' : (run.stage ?? 'Starting')}</span>
                      {run.progressTotal > 0 ? (
                        <span className="tabular-nums">
                          {run.progressDone} / {run.progressTotal}
                        </span>
                      ) : null}
                    </p>
                    <Progress
                      label={`Progress of ${run.title}`}
                      value={run.progressTotal > 0 ? run.progressDone / run.progressTotal : null}
                    />
                  </div>
                ) : (
                  <Badge tone={tone}>
                    <Icon aria-hidden />
                    {label}
                  </Badge>
                )}
                {canCancel && isMoving(run) && !run.isCancelRequested ? (
                  <Button size="sm" onClick={() => void cancelRun({ workspace, runId: run.id }).then(settle)}>
                    Cancel
                  </Button>
                ) : null}
                {canCancel && (run.state === 'failed' || run.state === 'cancelled') ? (
                  <Button size="sm" onClick={() => void retryRun({ workspace, runId: run.id }).then(settle)}>
                    <RotateCcw aria-hidden />
                    Try again
                  </Button>
                ) : null}
              </li>
            );
          })}
        </ul>
      </Card>
    </>
  );
}
