import type { WebDeps } from '#app/_server/deps.ts';
import { readAddressed } from '#app/_server/page.ts';
import type { Authorized } from '#lib/domain/access.ts';
import {
  type EvaluationProgress,
  type EvaluationReport,
  readEvaluation,
  readEvaluationProgress,
} from '#lib/evaluation/read-evaluation.ts';

/** A run as a page needs it: little while it moves, because the page asks again and again; everything once it is over. */
export type OpenedRun =
  | { readonly isMoving: true; readonly progress: EvaluationProgress }
  | { readonly isMoving: false; readonly report: EvaluationReport };

/** Another workspace's run, and one that never was, show the page for what does not exist. */
export async function openRun(
  deps: Pick<WebDeps, 'db'>,
  authorized: Authorized<'evaluation.read'>,
  evaluationId: string,
): Promise<OpenedRun> {
  return readAddressed([evaluationId], async () => {
    const progress = await readEvaluationProgress(deps, authorized, evaluationId);
    if (progress.summary.state === 'queued' || progress.summary.state === 'running')
      return { isMoving: true, progress };
    return { isMoving: false, report: await readEvaluation(deps, authorized, evaluationId) };
  });
}
