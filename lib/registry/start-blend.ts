import { z } from 'zod';
import type { DatabaseExecutor } from '#db/executor.ts';
import { findAdapterVersion } from '#db/repositories/adapters.ts';
import { insertRun } from '#db/repositories/runs.ts';
import { type Authorized, findUserId } from '#lib/domain/access.ts';
import { invalidInput } from '#lib/domain/errors.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import type { blendMethods } from '#lib/lora/blend/blend-adapters.ts';
import { checkAdapterName } from './register-version.ts';

const MAX_PARTS = 8;
/** A type alone: the web process starts blends and must not load what computes them. */
const methods = ['linear', 'ties', 'dare'] as const satisfies typeof blendMethods;

/** What to blend: kept with the run, so that it can be tried again. */
export const blendSchema = z.object({
  /** Of the adapter that gets the blend as a new version; made when there is none. */
  name: z.string().min(1).max(200),
  parts: z
    .array(z.object({ versionId: z.uuid(), weight: z.number().min(-4).max(4) }))
    .min(2)
    .max(MAX_PARTS),
  method: z.enum(methods),
  /** Null: the sum of the parts' ranks, which loses nothing; for the method `linear` only. */
  rank: z.number().int().min(1).max(256).nullable(),
  /** Share of each update's values that stays; for the methods `ties` and `dare`. */
  keptShare: z.number().gt(0).max(1).default(0.5),
  seed: z.number().int().min(0).default(0),
});
export type BlendRequest = z.infer<typeof blendSchema>;

/**
 * Blend versions as a job; the result is a new version with all of them as parents.
 * @throws AppError `adapter.not-found`, `input.invalid`
 */
export async function startBlend(
  deps: { readonly db: DatabaseExecutor; readonly queue: JobQueue },
  access: Authorized<'adapter.write'>,
  request: BlendRequest,
): Promise<{ readonly runId: string }> {
  const name = checkAdapterName(request.name);
  const { parts, method, rank } = request;
  if (method !== 'linear' && rank === null) throw invalidInput(`the method ${method} needs a rank`);
  if (new Set(parts.map(({ versionId }) => versionId)).size !== parts.length) {
    throw invalidInput('a version stands in the blend twice; give it one weight');
  }
  if (parts.every(({ weight }) => weight === 0)) throw invalidInput('all weights are 0');
  for (const { versionId } of parts) await findAdapterVersion(deps.db, access, versionId);
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    const run = await insertRun(tx, access, {
      kind: 'adapter.blend',
      subjectId: parts[0]?.versionId ?? '',
      title: name,
      createdBy: findUserId(access),
      details: { ...request, name },
    });
    await deps.queue.enqueue(tx, 'adapter.blend', { workspaceId: access.workspaceId, runId: run.id });
    return { runId: run.id };
  });
}
