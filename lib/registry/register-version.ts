import { stat } from 'node:fs/promises';
import type { DatabaseExecutor } from '#db/executor.ts';
import {
  findAdapter,
  findAdapterByName,
  findVersionBySha256,
  insertAdapter,
  insertAdapterVersion,
  type NamedVersion,
} from '#db/repositories/adapters.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import { lockWorkspace } from '#db/repositories/workspace-lock.ts';
import { type Authorized, findUserId } from '#lib/domain/access.ts';
import {
  type AdapterConfig,
  type AdapterLineageInput,
  type AdapterMetrics,
  type AdapterOrigin,
  adapterLineageSchema,
  adapterMetricsSchema,
} from '#lib/domain/adapter.ts';
import { invalidInput } from '#lib/domain/errors.ts';
import { loadAdapter } from '#lib/lora/adapter/adapter-file.ts';
import { openGgufAdapter } from '#lib/lora/adapter/gguf-adapter.ts';
import { baseMismatch, requireSameBase } from '#lib/lora/adapter/trained-on.ts';
import { targetModules } from '#lib/lora/architectures/architecture.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import type { ArtifactStore } from './artifact-store.ts';
import type { FindBase, LocalBase } from './find-base.ts';

export interface RegisterDeps {
  readonly db: DatabaseExecutor;
  readonly artifacts: ArtifactStore;
  readonly findBase: FindBase;
}

export interface RegisterInput {
  /** A new version of an adapter that is there, or of the one with this name, which is made when there is none. */
  readonly adapter: { readonly id: string } | { readonly name: string };
  /** GGUF file; copied into the store, left where it is. */
  readonly filePath: string;
  readonly origin: AdapterOrigin;
  /** SHA-256 of the base's GGUF that the artifact was made for. */
  readonly baseSha256: string;
  /** SHA-256 of the chat template that it was trained with; null where nobody knows. */
  readonly templateSha256: string | null;
  readonly lineage: AdapterLineageInput;
  readonly metrics?: AdapterMetrics;
  readonly notes?: string;
}

export interface RegisteredVersion {
  readonly version: NamedVersion;
  /** False: the workspace had exactly these bytes already, and `version` is that one; nothing was written. */
  readonly isNew: boolean;
}

export const MAX_ADAPTER_NAME_CHARACTERS = 80;

/** @throws AppError `input.invalid` */
export function checkAdapterName(given: string): string {
  const name = given.normalize('NFC').replaceAll(/\s+/g, ' ').trim();
  if (name === '' || name.length > MAX_ADAPTER_NAME_CHARACTERS) {
    throw invalidInput(`the name has ${name.length} characters; 1 to ${MAX_ADAPTER_NAME_CHARACTERS} are possible`);
  }
  return name;
}

/**
 * Read all of an artifact as a file from a stranger: names, shapes, types and every number, against the base.
 * @throws AppError `adapter.base-mismatch`, `adapter.invalid`, `gguf.*`
 */
export async function inspectArtifact(filePath: string, base: LocalBase): Promise<AdapterConfig> {
  const file = await openGgufAdapter(filePath);
  try {
    requireSameBase(file.trainedOn, base.sha256);
    await loadAdapter(file, base.config);
    const { factors, alpha, architecture } = file;
    const ranks = factors.map(({ rank }) => rank);
    return {
      architecture: architecture ?? base.config.architecture,
      rank: { min: Math.min(...ranks), max: Math.max(...ranks) },
      alpha,
      targetModules: targetModules.filter((module) => factors.some((factor) => factor.module === module)),
      adaptedLayers: factors.length,
      parameters: factors.reduce((sum, { rank, inputs, outputs }) => sum + rank * (inputs + outputs), 0),
      storedAs: [...new Set(factors.map(({ storedAs }) => storedAs))],
    };
  } finally {
    await file.close();
  }
}

/**
 * Make a GGUF artifact a version of the workspace: checked against the base, stored under its hash, recorded with its
 * lineage. Registering the same bytes again, as a job that is tried again does, finds the first version.
 * @throws AppError `adapter.base-mismatch` (details: expected, actual), `adapter.invalid`, `gguf.*`, `adapter.not-found`,
 *   `input.invalid`, `model.*`
 */
export async function registerAdapterVersion(
  deps: RegisterDeps,
  access: Authorized<'adapter.write'>,
  input: RegisterInput,
): Promise<RegisteredVersion> {
  const lineage = adapterLineageSchema.parse(input.lineage);
  const metrics = adapterMetricsSchema.parse(input.metrics ?? {});
  const base = await deps.findBase();
  if (input.baseSha256 !== base.sha256) throw baseMismatch(input.baseSha256, base.sha256);
  await stat(input.filePath);
  const config = await inspectArtifact(input.filePath, base);
  // The file may have changed while it was read; what counts is what lies in the store.
  const artifact = await deps.artifacts.add(input.filePath);
  if (input.origin !== 'trained') await inspectArtifact(deps.artifacts.locate(artifact.sha256), base);

  return deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const known = await findVersionBySha256(tx, access, artifact.sha256);
    if (known !== undefined && known.deletedAt === null) return { version: known, isNew: false };
    const adapter = await chooseAdapter(tx, access, input.adapter);
    const version = await insertAdapterVersion(tx, access, {
      adapterId: adapter.id,
      ...artifact,
      baseSha256: base.sha256,
      baseModel: base.id,
      templateSha256: input.templateSha256,
      config,
      origin: input.origin,
      lineage,
      metrics,
      notes: input.notes ?? '',
      createdBy: findUserId(access),
    });
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'adapter.register',
      targetId: version.id,
      details: { name: adapter.name, number: version.number, sha256: version.sha256, origin: version.origin },
    });
    return { version: { ...version, adapterName: adapter.name }, isNew: true };
  });
}

async function chooseAdapter(
  tx: DatabaseExecutor,
  access: Authorized<'adapter.write'>,
  wanted: RegisterInput['adapter'],
) {
  if ('id' in wanted) return findAdapter(tx, access, wanted.id);
  const name = checkAdapterName(wanted.name);
  return (
    (await findAdapterByName(tx, access, name)) ??
    (await insertAdapter(tx, access, { name, createdBy: findUserId(access) }))
  );
}
