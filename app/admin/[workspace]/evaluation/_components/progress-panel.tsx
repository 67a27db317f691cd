'use client';

import { Badge } from '#app/_components/ui/badge.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { formatCount, formatSeconds } from '#app/_components/ui/format-amount.ts';
import { Card } from '#app/_components/ui/page.tsx';
import { Progress } from '#app/_components/ui/progress.tsx';
import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';
import type { EvaluationProgress } from '#lib/evaluation/read-evaluation.ts';
import { stateWords } from '../_state/verdict-words.ts';

function describeStage({ summary, etaSeconds }: EvaluationProgress): string {
  if (summary.isCancelRequested) return 'Stopping. What is answered stays.';
  if (summary.state === 'queued') return 'Waiting for its turn';
  if (summary.stage === 'deciding') return 'The gate decides';
  if (etaSeconds === null) return 'Answering';
  return `Answering, about ${formatSeconds(Math.max(1, etaSeconds))} left`;
}

/** How far a run is. The server keeps it, so a reload or another browser shows the same. */
export function ProgressPanel({ progress }: { readonly progress: EvaluationProgress }) {
  const { summary, latest } = progress;
  useRefreshWhile(summary.state === 'queued' || summary.state === 'running');
  return (
    <Card className="p-5">
      {summary.error === null ? null : (
        <Callout tone="warn" title="It will be tried again" className="mb-4">
          {summary.error}
        </Callout>
      )}
      <div className="flex flex-wrap items-baseline justify-between gap-x-6 gap-y-1">
        <p className="text-sm font-medium" aria-live="polite" data-testid="evaluation-stage">
          {describeStage(progress)}
        </p>
        <p className="text-sm tabular-nums text-ink-soft">
          {formatCount(summary.progressDone)}
          {summary.progressTotal > 0 ? ` of ${formatCount(summary.progressTotal)} answers` : ' answers'}
        </p>
      </div>
      <Progress
        className="mt-3"
        label="Progress of the evaluation"
        value={
          summary.progressTotal > 0
            ? summary.progressDone / summary.progressTotal
            : summary.state === 'queued'
              ? 0
              : null
        }
      />
      {latest.length === 0 ? null : (
        <ul aria-label="Latest answers" className="mt-5 flex flex-col gap-2 border-t border-line pt-4 text-[0.8125rem]">
          {latest.map(({ title, side, state }, index) => (
            <li key={`${title}-${side}-${index}`} className="flex items-center gap-3">
              <Badge tone={stateWords[state].tone} className="w-28 justify-center">
                {stateWords[state].label}
              </Badge>
              <span className="min-w-0 flex-1 truncate">{title}</span>
              <span className="text-ink-faint">{side === 'champion' ? 'serves now' : 'challenger'}</span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
