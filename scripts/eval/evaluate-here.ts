import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import type { Database } from '#db/client.ts';
import { findRun } from '#db/repositories/runs.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { type EvaluationReport, readEvaluation } from '#lib/evaluation/read-evaluation.ts';
import type { EvaluationDeps } from '#lib/evaluation/run-evaluation.ts';
import { startEvaluation } from '#lib/evaluation/start-evaluation.ts';
import { createEvaluationHandler } from '#lib/jobs/handlers/evaluation-run.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import { performRun } from '#lib/jobs/perform-run.ts';

/** There is no worker to deliver to: the run is performed by whoever asked for it. */
const noQueue: JobQueue = { open: () => Promise.resolve(), enqueue: () => Promise.resolve() };
const RETRY_PAUSE_MS = 1000;

/** An evaluation as the worker performs it, in this process. */
export async function evaluateHere(
  deps: Omit<EvaluationDeps, 'db'> & { readonly db: Database },
  workspaceId: string,
  input: { readonly versionId: string | null; readonly suiteIds: readonly string[] },
): Promise<EvaluationReport> {
  const access = await authorizeSystem('evaluation script', workspaceId, 'evaluation.run');
  const read = await authorizeSystem('evaluation script', workspaceId, 'evaluation.read');
  const { evaluationId, runId } = await startEvaluation({ db: deps.db, queue: noQueue }, access, input);
  const handler = createEvaluationHandler(deps);
  for (;;) {
    const result = await performRun(
      { db: deps.db, queue: noQueue, logger: pino({ level: 'warn' }, pino.destination(2)) },
      'evaluation.run',
      { workspaceId, runId },
      handler,
      new AbortController().signal,
    );
    if (result === 'succeeded') return readEvaluation({ db: deps.db }, read, evaluationId);
    if (result !== 'retrying') {
      const run = await findRun(deps.db, read, runId);
      throw new Error(`the evaluation ended as ${result}: ${run?.errorMessage ?? 'no reason'}`);
    }
    await delay(RETRY_PAUSE_MS);
  }
}
