import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { DatabaseExecutor } from '#db/executor.ts';
import { workspaces } from '#db/schema/workspaces.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import type { LoraAdapter } from '#lib/lora/adapter/adapter.ts';
import { writeGgufAdapter } from '#lib/lora/adapter/gguf-adapter.ts';
import {
  type DecoderConfig,
  readDecoderConfig,
  sizeOfModule,
  targetModules,
} from '#lib/lora/architectures/architecture.ts';
import { openGguf } from '#lib/lora/gguf/read-gguf.ts';
import { writeTinyBase } from '#lib/lora/testing/tiny-base.ts';
import { createRandom, drawNormal } from '#lib/lora/train/random.ts';
import { hashFile } from '#lib/models/checksum.ts';
import { createArtifactStore } from '#lib/registry/artifact-store.ts';
import type { LocalBase } from '#lib/registry/find-base.ts';
import type { RegisterDeps } from '#lib/registry/register-version.ts';

/** The registry over a base of a few kilobytes, with as many adapters for it as a test wants. */
export interface RegistryStage {
  readonly deps: RegisterDeps;
  readonly base: LocalBase;
  readonly directory: string;
  addWorkspace(): Promise<RegistryWorkspace>;
  /** Another seed, another adapter. @returns path of the GGUF file */
  writeAdapter(seed: number): Promise<string>;
  close(): Promise<void>;
}

export type RegistryWorkspace = Awaited<ReturnType<typeof openWorkspace>>;

async function openWorkspace(db: DatabaseExecutor) {
  const slug = `w-${randomUUID()}`;
  const [row] = await db.insert(workspaces).values({ slug, name: slug }).returning();
  if (!row) throw new Error('insert of a workspace returned no row');
  const { id } = row;
  return {
    id,
    slug,
    read: await authorizeSystem('test', id, 'adapter.read'),
    write: await authorizeSystem('test', id, 'adapter.write'),
    promote: await authorizeSystem('test', id, 'adapter.promote'),
    override: await authorizeSystem('test', id, 'gate.override'),
  };
}

/** A small random update of every linear layer. */
export function drawAdapter(config: DecoderConfig, seed: number, rank = 2, size = 0.1): LoraAdapter {
  const random = createRandom(seed);
  const draw = (count: number) => Float32Array.from({ length: count }, () => size * drawNormal(random));
  return {
    architecture: config.architecture,
    alpha: 2 * rank,
    factors: Array.from({ length: config.layerCount }, (_, layer) =>
      targetModules.map((module) => {
        const { inputs, outputs } = sizeOfModule(config, module);
        return { layer, module, rank, down: draw(rank * inputs), up: draw(outputs * rank) };
      }),
    ).flat(),
  };
}

export async function openRegistryStage(db: DatabaseExecutor): Promise<RegistryStage> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-registry-'));
  const basePath = path.join(directory, 'base.gguf');
  await writeTinyBase(basePath, 1);
  const gguf = await openGguf(basePath);
  const config = readDecoderConfig(gguf);
  await gguf.close();
  const base = { id: 'tiny', path: basePath, sha256: await hashFile(basePath), config };
  return {
    base,
    directory,
    deps: {
      db,
      artifacts: createArtifactStore(path.join(directory, 'adapters')),
      findBase: () => Promise.resolve(base),
    },
    addWorkspace: () => openWorkspace(db),
    async writeAdapter(seed) {
      const file = path.join(directory, `${seed}.gguf`);
      await writeGgufAdapter(file, drawAdapter(config, seed));
      return file;
    },
    close: () => rm(directory, { recursive: true, force: true }),
  };
}
