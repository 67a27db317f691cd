import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { findVersionBySha256 } from '#db/repositories/adapters.ts';
import { createWorkspaceRepository } from '#db/repositories/workspaces.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { AppError } from '#lib/domain/errors.ts';
import { type AdapterManifest, MANIFEST_FILE, readManifest } from '#lib/lora/adapter/manifest.ts';
import { hashFile } from '#lib/models/checksum.ts';
import { type RegisterDeps, registerAdapterVersion } from './register-version.ts';

interface ShippedAdapter {
  readonly manifest: AdapterManifest;
  readonly filePath: string;
}

/** Folders with a manifest; one that holds a recipe only has not been trained yet. */
async function listShipped(directory: string): Promise<ShippedAdapter[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const shipped: ShippedAdapter[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const folder = path.join(directory, entry.name);
    if (!(await readdir(folder)).includes(MANIFEST_FILE)) continue;
    const manifest = await readManifest(folder);
    shipped.push({ manifest, filePath: path.join(folder, manifest.file.name) });
  }
  return shipped;
}

async function requireShippedBytes({ manifest, filePath }: ShippedAdapter): Promise<void> {
  const actual = await hashFile(filePath);
  if (actual === manifest.file.sha256) return;
  throw new AppError({
    code: 'adapter.checksum-mismatch',
    message: `${filePath} has SHA-256 ${actual}, its manifest says ${manifest.file.sha256}`,
    details: { expected: manifest.file.sha256, actual },
  });
}

/** Null: this installation answers without a base model, or has not downloaded it yet. */
async function findBaseIfAny({ findBase }: RegisterDeps) {
  try {
    return await findBase();
  } catch (error) {
    if (AppError.isInstance(error) && error.code.startsWith('model.')) return null;
    throw error;
  }
}

/**
 * Offer the adapters that ship with the product to every workspace, where they were made for the base in use. Which of them
 * serves is decided as for any other. What a workspace has, or has deleted, is left as it is, so calling it again costs a few
 * reads.
 * @param directory with a folder for each adapter
 * @returns versions that are new
 * @throws AppError `adapter.checksum-mismatch`, `adapter.invalid`
 */
export async function registerShippedAdapters(deps: RegisterDeps, directory: string): Promise<number> {
  const shipped = await listShipped(directory);
  if (shipped.length === 0) return 0;
  const base = await findBaseIfAny(deps);
  if (base === null) return 0;
  const workspaces = await createWorkspaceRepository(deps.db).list();
  let count = 0;
  for (const adapter of shipped) {
    const { manifest, filePath } = adapter;
    if (manifest.base.sha256 !== base.sha256) continue;
    for (const { id } of workspaces) {
      const access = await authorizeSystem('shipped adapters', id, 'adapter.write');
      if ((await findVersionBySha256(deps.db, access, manifest.file.sha256)) !== undefined) continue;
      await requireShippedBytes(adapter);
      const { baseLoss, loss, ...training } = manifest.training;
      const { isNew } = await registerAdapterVersion(deps, access, {
        adapter: { name: manifest.name },
        filePath,
        origin: 'shipped',
        baseSha256: manifest.base.sha256,
        templateSha256: manifest.templateSha256,
        lineage: { options: { ...training, promptVersions: manifest.promptVersions } },
        metrics: {
          ...(baseLoss === null ? {} : { 'validation-nll-base': baseLoss }),
          ...(loss === null ? {} : { 'validation-nll': loss }),
        },
        notes: manifest.description,
      });
      count += Number(isNew);
    }
  }
  return count;
}
