import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findVersionBySha256, listAdapterVersions } from '#db/repositories/adapters.ts';
import { adapterVersions } from '#db/schema/adapters.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { AppError } from '#lib/domain/errors.ts';
import type { AdapterManifest } from '#lib/lora/adapter/manifest.ts';
import { hashFile } from '#lib/models/checksum.ts';
import { openRegistryStage, type RegistryStage } from '#lib/testing/registry-stage.ts';
import { registerShippedAdapters } from './register-shipped.ts';

describeDatabase('adapters that ship', (getDatabase) => {
  let stage: RegistryStage;
  let seed = 0;
  beforeAll(async () => {
    stage = await openRegistryStage(getDatabase().db);
  });
  afterAll(() => stage.close());

  /** A folder of adapters with one for `baseSha256`, and one that was not trained yet. */
  async function ship(changes: Partial<AdapterManifest> = {}) {
    seed += 1;
    const directory = path.join(stage.directory, `shipped-${seed}`);
    const folder = path.join(directory, 'short-answers');
    await mkdir(folder, { recursive: true });
    await mkdir(path.join(directory, 'untrained'));
    await writeFile(path.join(directory, 'README.md'), 'what lies here');
    const file = path.join(folder, 'adapter.gguf');
    await writeFile(file, await readFile(await stage.writeAdapter(500 + seed)));
    const manifest: AdapterManifest = {
      name: 'short-answers',
      description: 'Answers in few words.',
      base: { id: 'tiny', sha256: stage.base.sha256 },
      templateSha256: 'd'.repeat(64),
      file: { name: 'adapter.gguf', sha256: await hashFile(file), sizeBytes: (await stat(file)).size },
      architecture: 'llama',
      rank: 2,
      alpha: 4,
      modules: ['q_proj'],
      promptVersions: ['grounded-1'],
      training: { rowsSha256: 'e'.repeat(64), step: 3, totalSteps: 4, tokens: 90, baseLoss: 2, loss: 1.5 },
      ...changes,
    };
    await writeFile(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
    return { directory, manifest, file };
  }

  it('are offered to every workspace once, also to one that comes later', async () => {
    const { directory, manifest } = await ship();
    const first = await stage.addWorkspace();
    expect(await registerShippedAdapters(stage.deps, directory)).toBeGreaterThan(0);
    expect(await registerShippedAdapters(stage.deps, directory)).toBe(0);
    const later = await stage.addWorkspace();
    expect(await registerShippedAdapters(stage.deps, directory)).toBe(1);
    for (const workspace of [first, later])
      expect(await listAdapterVersions(getDatabase().db, workspace.read)).toMatchObject([
        {
          adapterName: 'short-answers',
          origin: 'shipped',
          sha256: manifest.file.sha256,
          templateSha256: 'd'.repeat(64),
          metrics: { 'validation-nll-base': 2, 'validation-nll': 1.5 },
          createdBy: null,
        },
      ]);
    await stage.deps.artifacts.verify(manifest.file.sha256);
  });

  it('stay away where a workspace has deleted them', async () => {
    const { directory, manifest } = await ship();
    const workspace = await stage.addWorkspace();
    await registerShippedAdapters(stage.deps, directory);
    const version = await findVersionBySha256(getDatabase().db, workspace.read, manifest.file.sha256);
    await getDatabase()
      .db.update(adapterVersions)
      .set({ deletedAt: new Date() })
      .where(eq(adapterVersions.id, version?.id ?? ''));
    expect(await registerShippedAdapters(stage.deps, directory)).toBe(0);
  });

  it('are left out over another base, and without any', async () => {
    await stage.addWorkspace();
    const { directory } = await ship({ base: { id: 'other', sha256: 'a'.repeat(64) } });
    expect(await registerShippedAdapters(stage.deps, directory)).toBe(0);
    const none = new AppError({ code: 'model.not-a-base', message: 'none is in use' });
    const fitting = await ship();
    const deps = { ...stage.deps, findBase: () => Promise.reject(none) };
    expect(await registerShippedAdapters(deps, fitting.directory)).toBe(0);
  });

  it('are refused when the weights are not those of the manifest', async () => {
    await stage.addWorkspace();
    const { directory, file, manifest } = await ship();
    await writeFile(file, await readFile(await stage.writeAdapter(9000)));
    await expect(registerShippedAdapters(stage.deps, directory)).rejects.toMatchObject({
      code: 'adapter.checksum-mismatch',
      details: { expected: manifest.file.sha256 },
    });
  });
});
