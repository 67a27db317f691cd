import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { DatabaseExecutor } from '#db/executor.ts';
import { findAdapterVersion } from '#db/repositories/adapters.ts';
import { insertRun, listRunsOfSubjects } from '#db/repositories/runs.ts';
import { type Authorized, findUserId } from '#lib/domain/access.ts';
import { AppError } from '#lib/domain/errors.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import { writtenTypes } from '#lib/lora/gguf/quantise.ts';
import type { ArtifactStore } from './artifact-store.ts';

/** Merged models are big and can be made again: they go after that long without being made or fetched. */
export const MERGED_KEPT_MS = 24 * 3600_000;

export const mergeSchema = z.object({ type: z.enum(writtenTypes) });
export const mergeTypes = writtenTypes;
export type MergeType = (typeof writtenTypes)[number];

/** Names come from a hash and a list of ours. */
export const locateMerged = (artifacts: ArtifactStore, sha256: string, type: MergeType) =>
  path.join(artifacts.directory, 'merged', `${path.basename(artifacts.locate(sha256), '.gguf')}-${type}.gguf`);

/** Make one model out of base and adapter, as a job. @throws AppError `adapter.not-found` */
export async function startMerge(
  deps: { readonly db: DatabaseExecutor; readonly queue: JobQueue },
  access: Authorized<'adapter.write'>,
  input: { readonly versionId: string; readonly type: MergeType },
): Promise<{ readonly runId: string }> {
  const version = await findAdapterVersion(deps.db, access, input.versionId);
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    const run = await insertRun(tx, access, {
      kind: 'adapter.merge',
      subjectId: version.id,
      title: `${version.adapterName}, version ${version.number}, merged as ${input.type}`,
      createdBy: findUserId(access),
      details: { type: input.type },
    });
    await deps.queue.enqueue(tx, 'adapter.merge', { workspaceId: access.workspaceId, runId: run.id });
    return { runId: run.id };
  });
}

export interface MergedModel {
  readonly type: MergeType;
  readonly sizeBytes: number;
}

/** Merged models of a version that lie ready. */
export async function listMerged(artifacts: ArtifactStore, sha256: string): Promise<MergedModel[]> {
  const found = await Promise.all(
    mergeTypes.map(async (type) => {
      const file = await stat(locateMerged(artifacts, sha256, type)).catch(() => null);
      return file === null ? [] : [{ type, sizeBytes: file.size }];
    }),
  );
  return found.flat();
}

/** @throws AppError `adapter.not-found`, `adapter.not-merged` */
export async function findMerged(
  deps: { readonly db: DatabaseExecutor; readonly artifacts: ArtifactStore },
  access: Authorized<'adapter.read'>,
  input: { readonly versionId: string; readonly type: MergeType },
): Promise<{ readonly path: string; readonly sizeBytes: number; readonly fileName: string }> {
  const version = await findAdapterVersion(deps.db, access, input.versionId);
  const file = locateMerged(deps.artifacts, version.sha256, input.type);
  const found = await stat(file).catch(() => null);
  if (found === null) {
    throw new AppError({
      code: 'adapter.not-merged',
      message: `no merged model of version ${version.id} as ${input.type}`,
      userMessage: 'There is no merged model of this version. Make one first.',
    });
  }
  return {
    path: file,
    sizeBytes: found.size,
    fileName: `${version.adapterName} v${version.number} ${version.baseModel.split('/').at(-1) ?? ''} ${input.type}.gguf`,
  };
}

/** Newest first. */
export async function listMergeRuns(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'adapter.read'>,
  versionId: string,
): Promise<
  { readonly id: string; readonly state: string; readonly progress: number | null; readonly error: string | null }[]
> {
  const runs = await listRunsOfSubjects(deps.db, access, [versionId]);
  return runs
    .filter(({ kind }) => kind === 'adapter.merge')
    .map((run) => ({
      id: run.id,
      state: run.state,
      progress: run.progressTotal === 0 ? null : run.progressDone / run.progressTotal,
      error: run.errorMessage,
    }));
}

/** Worker only: remove merged models that are older than {@link MERGED_KEPT_MS}, and what killed imports left. */
export async function removeOldMerged(artifacts: ArtifactStore): Promise<void> {
  const directory = path.join(artifacts.directory, 'merged');
  for (const name of await readdir(directory).catch(() => [])) await removeOlder(path.join(directory, name));
  for (const name of await readdir(artifacts.directory).catch(() => [])) {
    if (name.startsWith('.incoming-')) await removeOlder(path.join(artifacts.directory, name));
  }
}

async function removeOlder(target: string): Promise<void> {
  const found = await stat(target).catch(() => null);
  if (found !== null && found.mtimeMs < Date.now() - MERGED_KEPT_MS) await rm(target, { recursive: true, force: true });
}
