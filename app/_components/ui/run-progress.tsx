import { CircleAlert, Clock, LoaderCircle } from 'lucide-react';
import type { RunView } from '#lib/jobs/manage-runs.ts';
import { Progress } from './progress.tsx';

export const isMoving = (run: RunView | null) => run?.state === 'queued' || run?.state === 'running';

/** How far a run is; nothing for one that is over well. */
export function RunProgress({ run }: { readonly run: RunView | null }) {
  if (run === null || run.state === 'succeeded') return null;
  if (run.state === 'queued') {
    return (
      <span className="inline-flex items-center gap-1.5 text-xs text-ink-soft">
        <Clock aria-hidden className="size-3.5" />
        Waiting
      </span>
    );
  }
  if (run.state !== 'running') {
    return run.state === 'failed' ? <CircleAlert aria-label="Failed" className="size-4 text-danger" /> : null;
  }
  return (
    <div className="w-44">
      <p className="mb-1 flex justify-between gap-2 text-xs text-ink-soft">
        <span className="inline-flex items-center gap-1.5 first-letter:uppercase">
          <LoaderCircle aria-hidden className="size-3.5 animate-spin" />
          {run.isCancelRequested ? 'stopping' : (run.stage ?? 'starting')}
        </span>
        <span className="tabular-nums">
          {run.progressTotal > 0 ? `${run.progressDone} / ${run.progressTotal}` : run.progressDone || ''}
        </span>
      </p>
      <Progress
        label={`Progress of ${run.title}`}
        value={run.progressTotal > 0 ? run.progressDone / run.progressTotal : null}
      />
    </div>
  );
}
