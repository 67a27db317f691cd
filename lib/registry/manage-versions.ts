import type { DatabaseExecutor } from '#db/executor.ts';
import {
  filterReferencedArtifacts,
  findAdapterByName,
  findAdapterVersion,
  listAdapterVersions,
  markAdapterDeleted,
  markVersionDeleted,
  renameAdapter as writeAdapterName,
  writeVersionNotes as writeNotes,
} from '#db/repositories/adapters.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import { lockChampion } from '#db/repositories/champions.ts';
import { lockWorkspace } from '#db/repositories/workspace-lock.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError, invalidInput } from '#lib/domain/errors.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { checkAdapterName } from './register-version.ts';

/**
 * Unnamed artifacts younger than this stay: registration stores the bytes first and names them in a transaction after. A sweep
 * takes them later.
 */
const ARTIFACT_GRACE_MS = 60_000;

/** For a sweep over all: training tries its checkpoints for a while before one of them becomes a version. */
export const UNNAMED_KEPT_MS = 24 * 3600_000;

const MAX_NOTES_CHARACTERS = 10_000;

/** @throws AppError `adapter.not-found`, `input.invalid` */
export async function writeVersionNotes(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'adapter.write'>,
  input: { readonly versionId: string; readonly notes: string },
): Promise<void> {
  const notes = input.notes.trim();
  if (notes.length > MAX_NOTES_CHARACTERS) {
    throw invalidInput(`the notes have ${notes.length} characters; at most ${MAX_NOTES_CHARACTERS} are kept`);
  }
  await writeNotes(deps.db, access, input.versionId, notes);
}

/** @throws AppError `adapter.not-found`, `adapter.name-taken`, `input.invalid` */
export async function renameAdapter(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'adapter.write'>,
  input: { readonly adapterId: string; readonly name: string },
): Promise<void> {
  const name = checkAdapterName(input.name);
  await deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const namesake = await findAdapterByName(tx, access, name);
    if (namesake !== undefined && namesake.id !== input.adapterId) {
      throw new AppError({
        code: 'adapter.name-taken',
        message: `another adapter of the workspace is called ${name}`,
        userMessage: `Another adapter is called “${name}”.`,
      });
    }
    await writeAdapterName(tx, access, input.adapterId, name);
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'adapter.rename',
      targetId: input.adapterId,
      details: { name },
    });
  });
}

/**
 * Delete a version and its file. The row stays without its bytes, because messages and history name it; an adapter without
 * versions leaves the list. Equal bytes that another workspace has stay on disk.
 * @throws AppError `adapter.in-use` while it serves, `adapter.not-found`
 */
export async function deleteVersion(
  deps: { readonly db: DatabaseExecutor; readonly artifacts: ArtifactStore },
  access: Authorized<'adapter.write'>,
  versionId: string,
): Promise<void> {
  const sha256 = await deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const version = await findAdapterVersion(tx, access, versionId);
    // The lock keeps a promotion from passing by.
    if ((await lockChampion(tx, access)) === versionId) {
      throw new AppError({
        code: 'adapter.in-use',
        message: `version ${versionId} serves the workspace`,
        userMessage: 'This version serves the workspace. Let another one serve, or roll back, before you delete it.',
      });
    }
    await markVersionDeleted(tx, access, versionId);
    const left = await listAdapterVersions(tx, access, version.adapterId);
    if (left.length === 0) await markAdapterDeleted(tx, access, version.adapterId);
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'adapter.delete',
      targetId: versionId,
      details: { name: version.adapterName, number: version.number, sha256: version.sha256 },
    });
    return version.sha256;
  });
  await removeUnreferencedArtifacts(deps, ARTIFACT_GRACE_MS, new Set([sha256]));
}

/**
 * Remove artifacts that no version of any workspace names: after a deletion its own, and by the worker from time to time all,
 * which also takes what a killed registration left behind.
 * @param among only these; default all
 * @returns how many were removed
 */
export async function removeUnreferencedArtifacts(
  deps: { readonly db: DatabaseExecutor; readonly artifacts: ArtifactStore },
  graceMs: number,
  among?: ReadonlySet<string>,
): Promise<number> {
  const old = (await deps.artifacts.listOlderThan(graceMs)).filter((sha256) => among?.has(sha256) ?? true);
  const referenced = await filterReferencedArtifacts(deps.db, old);
  const unnamed = old.filter((sha256) => !referenced.has(sha256));
  for (const sha256 of unnamed) await deps.artifacts.remove(sha256);
  return unnamed.length;
}
