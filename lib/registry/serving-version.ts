import type { DatabaseExecutor } from '#db/executor.ts';
import { findAdapterVersion, type NamedVersion } from '#db/repositories/adapters.ts';
import { readChampion } from '#db/repositories/champions.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { baseMismatch } from '#lib/lora/adapter/trained-on.ts';
import type { RuntimeClient, RuntimeStatus } from '#lib/runtime/runtime-port.ts';
import type { PromoteDeps } from './promote.ts';
import { templateMismatch } from './registry-errors.ts';
import type { AdapterRuntime } from './serve-adapters.ts';

export interface ServingDeps {
  readonly db: DatabaseExecutor;
  readonly runtime: Pick<RuntimeClient, 'readStatus'>;
}

/** @returns null: the base alone serves the workspace */
export async function readServingVersion(
  deps: Pick<ServingDeps, 'db'>,
  access: Authorized<Permission>,
): Promise<NamedVersion | null> {
  const versionId = await readChampion(deps.db, access);
  return versionId === null ? null : findAdapterVersion(deps.db, access, versionId);
}

/**
 * A version answers on the base and with the chat template that it was made for, or not at all. What a foreign server does not
 * say cannot be compared.
 * @throws AppError `adapter.base-mismatch`, `adapter.template-mismatch`, each with both hashes
 */
export function requireFit(
  version: Pick<NamedVersion, 'baseSha256' | 'templateSha256'>,
  { baseModel }: Pick<RuntimeStatus, 'baseModel'>,
): void {
  if (baseModel === null) return;
  const { sha256, templateSha256 } = baseModel;
  if (sha256 !== null && sha256 !== version.baseSha256) throw baseMismatch(version.baseSha256, sha256);
  if (templateSha256 !== null && version.templateSha256 !== null && templateSha256 !== version.templateSha256) {
    throw templateMismatch(version.templateSha256, templateSha256);
  }
}

/**
 * Pin what answers a turn that begins now: a promotion during the turn changes the next one.
 * @returns `base`, or the SHA-256 of the champion's artifact: a `model` of the runtime
 * @throws AppError as {@link requireFit}; `runtime.unavailable`
 */
export async function chooseServingModel(deps: ServingDeps, access: Authorized<Permission>): Promise<string> {
  const version = await readServingVersion(deps, access);
  if (version === null) return 'base';
  requireFit(version, await deps.runtime.readStatus());
  return version.sha256;
}

/** For {@link PromoteDeps}: the version fits, and the runtime has it in memory. */
export function createPreWarm(runtime: Pick<AdapterRuntime, 'readStatus' | 'loadAdapter'>): PromoteDeps['preWarm'] {
  return async (version) => {
    requireFit(version, await runtime.readStatus());
    await runtime.loadAdapter(version.sha256);
  };
}
