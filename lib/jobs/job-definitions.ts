import { z } from 'zod';
import type { RunKind } from '#db/repositories/runs.ts';

/** Ids only: everything else is read from the rows when the job runs, so a delivery can never carry stale facts. */
export const jobPayloadSchema = z.object({ workspaceId: z.uuid(), runId: z.uuid() });
export type JobPayload = z.infer<typeof jobPayloadSchema>;

export interface JobDefinition {
  /** `noun.verb`; also the name of the queue. */
  readonly kind: RunKind;
  /** Deliveries that may fail with a retryable error, or lose their worker, before the run fails for good. */
  readonly maxAttempts: number;
  /** Jobs of this kind that one worker runs side by side. */
  readonly concurrency: number;
  /** Jobs that a worker takes from the queue at once, when it has room for one: for kinds of which there may be hundreds, each over in no time. Default 1. */
  readonly takenAtOnce?: number;
}

/** Every kind of job. Handlers are in `lib/jobs/handlers/` and loaded by the worker only. */
export const jobDefinitions: readonly JobDefinition[] = [
  // While the vectors of one are computed, which is serial, others are extracted, stored, and wait for the model to have them next.
  { kind: 'document.ingest', maxAttempts: 5, concurrency: 4, takenAtOnce: 4 },
  // A deletion may wait for its files to be old enough; the others need not wait for it.
  { kind: 'document.delete', maxAttempts: 10, concurrency: 4 },
  { kind: 'archive.unpack', maxAttempts: 5, concurrency: 1 },
  { kind: 'index.rebuild', maxAttempts: 10, concurrency: 1 },
  // One at a time on a device. Many attempts: each goes on from a checkpoint, and a run of days meets more than one reboot.
  { kind: 'adapter.train', maxAttempts: 20, concurrency: 1 },
  // One at a time: two would measure each other's waiting.
  { kind: 'evaluation.run', maxAttempts: 5, concurrency: 1 },
  { kind: 'adapter.blend', maxAttempts: 3, concurrency: 1 },
  { kind: 'adapter.merge', maxAttempts: 3, concurrency: 1 },
  { kind: 'retrieval.evaluate', maxAttempts: 3, concurrency: 1 },
  // Goes on where it was cut off; writing questions takes hours, and meets more than one restart.
  { kind: 'dataset.import', maxAttempts: 20, concurrency: 1 },
  { kind: 'dataset.freeze', maxAttempts: 5, concurrency: 1 },
  { kind: 'suite.draft', maxAttempts: 20, concurrency: 1 },
];

export function findJobDefinition(kind: RunKind): JobDefinition {
  const definition = jobDefinitions.find((candidate) => candidate.kind === kind);
  if (!definition) throw new Error(`no job definition for runs of kind ${kind}`);
  return definition;
}
