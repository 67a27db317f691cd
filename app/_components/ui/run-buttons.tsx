'use client';

import { RotateCcw } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { toast } from 'sonner';
import type { ActionResult } from '#app/_server/action.ts';
import type { RunView } from '#lib/jobs/manage-runs.ts';
import { Button } from './button.tsx';
import { isMoving } from './run-progress.tsx';

/** Cancel a run that moves; go on with one that stopped. Nothing for one that is over well, or is stopping already. */
export function RunButtons({
  run,
  cancel,
  retry,
}: {
  readonly run: RunView | null;
  readonly cancel: (run: RunView) => Promise<ActionResult<unknown>>;
  readonly retry: (run: RunView) => Promise<ActionResult<unknown>>;
}) {
  const router = useRouter();
  const settle = (result: ActionResult<unknown>) => {
    if (!result.ok) toast.error(result.error.message);
    router.refresh();
  };
  if (run === null) return null;
  if (isMoving(run)) {
    return run.isCancelRequested ? null : (
      <Button size="sm" onClick={() => void cancel(run).then(settle)}>
        Cancel
      </Button>
    );
  }
  return run.state === 'failed' || run.state === 'cancelled' ? (
    <Button size="sm" onClick={() => void retry(run).then(settle)}>
      <RotateCcw aria-hidden />
      {run.state === 'cancelled' ? 'Go on' : 'Try again'}
    </Button>
  ) : null;
}

/** Why a run failed. */
export function RunError({ run }: { readonly run: RunView | null }) {
  return run?.error ? (
    <p role="alert" className="mt-0.5 text-[0.8125rem] leading-snug text-danger">
      {run.error.message}
    </p>
  ) : null;
}
