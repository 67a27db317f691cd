import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAdapterVersion, findVersionBySha256, listAdapterVersions } from '#db/repositories/adapters.ts';
import { listChampionEvents, readChampion } from '#db/repositories/champions.ts';
import { championEvents } from '#db/schema/adapters.ts';
import { auditEvents } from '#db/schema/runs.ts';
import { workspaces } from '#db/schema/workspaces.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { AppError } from '#lib/domain/errors.ts';
import { openRegistryStage, type RegistryStage, type RegistryWorkspace } from '#lib/testing/registry-stage.ts';
import { overrideChampion, rollBackChampion } from './promote.ts';
import { type RegisterInput, registerAdapterVersion } from './register-version.ts';

const failToLoad = () => Promise.reject(new AppError({ code: 'adapter.unloadable', message: 'no' }));

describeDatabase('registry', (getDatabase) => {
  let stage: RegistryStage;
  let seed = 0;
  beforeAll(async () => {
    stage = await openRegistryStage(getDatabase().db);
  });
  afterAll(() => stage.close());

  const register = async (workspace: RegistryWorkspace, changes: Partial<RegisterInput> = {}) => {
    seed += 1;
    return registerAdapterVersion(stage.deps, workspace.write, {
      adapter: { name: 'Voice' },
      filePath: await stage.writeAdapter(seed),
      origin: 'trained',
      baseSha256: stage.base.sha256,
      templateSha256: null,
      lineage: {},
      ...changes,
    });
  };
  const deps = () => ({ db: getDatabase().db, preWarm: () => Promise.resolve() });
  const reason = 'the team has read fifty answers';

  it('numbers versions, reads their facts from the file, and stores the bytes under their hash', async () => {
    const workspace = await stage.addWorkspace();
    const first = await register(workspace);
    const second = await register(workspace, { adapter: { name: ' voice ' }, metrics: { 'held-out-nll': 1.5 } });
    expect(first.version).toMatchObject({
      number: 1,
      adapterName: 'Voice',
      baseModel: 'tiny',
      config: { rank: { min: 2, max: 2 }, alpha: 4, adaptedLayers: 14, storedAs: ['F32'] },
    });
    expect(second.version).toMatchObject({ number: 2, adapterId: first.version.adapterId });
    const bytes = await readFile(stage.deps.artifacts.locate(first.version.sha256));
    expect(bytes.length).toBe(first.version.sizeBytes);
    await stage.deps.artifacts.verify(first.version.sha256);
    expect(await listAdapterVersions(getDatabase().db, workspace.read)).toHaveLength(2);
  });

  it('finds the first version when the same bytes are registered again', async () => {
    const workspace = await stage.addWorkspace();
    const filePath = await stage.writeAdapter(1000);
    const first = await register(workspace, { filePath });
    const again = await register(workspace, { filePath, adapter: { name: 'Other' } });
    expect(again).toEqual({ version: first.version, isNew: false });
    const other = await register(await stage.addWorkspace(), { filePath });
    expect(other.isNew).toBe(true);
  });

  it('refuses another base with both hashes, and a file that is no adapter', async () => {
    const workspace = await stage.addWorkspace();
    const wrong = 'a'.repeat(64);
    await expect(register(workspace, { baseSha256: wrong })).rejects.toMatchObject({
      code: 'adapter.base-mismatch',
      details: { expected: wrong, actual: stage.base.sha256 },
    });
    const noise = path.join(stage.directory, 'noise.gguf');
    await writeFile(noise, Buffer.alloc(4096, 7));
    await expect(register(workspace, { filePath: noise })).rejects.toMatchObject({ code: 'gguf.malformed' });
    await expect(register(workspace, { filePath: stage.base.path })).rejects.toMatchObject({ code: 'adapter.invalid' });
    expect(await listAdapterVersions(getDatabase().db, workspace.read)).toEqual([]);
  });

  it('notices a damaged and a missing artifact', async () => {
    const { version } = await register(await stage.addWorkspace());
    const file = stage.deps.artifacts.locate(version.sha256);
    const bytes = await readFile(file);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await writeFile(file, bytes);
    await expect(stage.deps.artifacts.verify(version.sha256)).rejects.toMatchObject({
      code: 'adapter.checksum-mismatch',
    });
    await stage.deps.artifacts.remove(version.sha256);
    await expect(stage.deps.artifacts.verify(version.sha256)).rejects.toMatchObject({
      code: 'adapter.artifact-missing',
    });
  });

  it('keeps versions of another workspace out of sight', async () => {
    const { db } = getDatabase();
    const { version } = await register(await stage.addWorkspace());
    const other = await stage.addWorkspace();
    await expect(findAdapterVersion(db, other.read, version.id)).rejects.toMatchObject({ code: 'adapter.not-found' });
    expect(await findVersionBySha256(db, other.read, version.sha256)).toBeUndefined();
    await expect(overrideChampion(deps(), other.override, { versionId: version.id, reason })).rejects.toMatchObject({
      code: 'adapter.not-found',
    });
    await expect(register(other, { adapter: { id: version.adapterId } })).rejects.toMatchObject({
      code: 'adapter.not-found',
    });
  });

  it('moves the champion with an event and an audit entry, and rolls back to former ones only', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const one = (await register(workspace)).version;
    const two = (await register(workspace)).version;
    expect(await readChampion(db, workspace.read)).toBeNull();
    await overrideChampion(deps(), workspace.override, { versionId: one.id, reason });
    await expect(rollBackChampion(deps(), workspace.promote, { versionId: two.id, reason })).rejects.toMatchObject({
      code: 'champion.never-served',
    });
    await overrideChampion(deps(), workspace.override, { versionId: two.id, reason });
    await rollBackChampion(deps(), workspace.promote, { versionId: one.id, reason });
    await rollBackChampion(deps(), workspace.promote, { versionId: null, reason });
    await rollBackChampion(deps(), workspace.promote, { versionId: two.id, reason });
    expect(await readChampion(db, workspace.read)).toBe(two.id);
    await expect(rollBackChampion(deps(), workspace.promote, { versionId: two.id, reason })).rejects.toMatchObject({
      code: 'champion.unchanged',
    });
    const events = await listChampionEvents(db, workspace.read, { limit: 10 });
    expect(events.map(({ kind, fromVersionId, toVersionId }) => [kind, fromVersionId, toVersionId])).toEqual([
      ['rollback', null, two.id],
      ['rollback', one.id, null],
      ['rollback', two.id, one.id],
      ['override', one.id, two.id],
      ['override', null, one.id],
    ]);
    const audited = await db.select().from(auditEvents).where(eq(auditEvents.workspaceId, workspace.id));
    expect(audited.filter(({ action }) => action.startsWith('champion.'))).toHaveLength(5);
  });

  it('leaves the champion where it is when the runtime cannot serve the version, or no reason is given', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const { version } = await register(workspace);
    await expect(
      overrideChampion({ db, preWarm: failToLoad }, workspace.override, { versionId: version.id, reason }),
    ).rejects.toMatchObject({ code: 'adapter.unloadable' });
    await expect(
      overrideChampion(deps(), workspace.override, { versionId: version.id, reason: ' because ' }),
    ).rejects.toMatchObject({ code: 'input.invalid' });
    expect(await readChampion(db, workspace.read)).toBeNull();
  });

  it('refuses to change history, which goes only with its workspace', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const { version } = await register(workspace);
    await overrideChampion(deps(), workspace.override, { versionId: version.id, reason });
    const isRefused = { cause: { message: expect.stringContaining('append only') } };
    await expect(db.update(championEvents).set({ reason: 'another' })).rejects.toMatchObject(isRefused);
    await expect(db.delete(championEvents)).rejects.toMatchObject(isRefused);
    await expect(db.execute(sql`truncate champion_events`)).rejects.toMatchObject(isRefused);
    await db.delete(workspaces).where(eq(workspaces.id, workspace.id));
    expect(await db.select().from(championEvents).where(eq(championEvents.workspaceId, workspace.id))).toEqual([]);
  });

  it('lets the last of two moves at once see the first', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const versions = [(await register(workspace)).version, (await register(workspace)).version];
    await Promise.all(
      versions.map(({ id }) => overrideChampion(deps(), workspace.override, { versionId: id, reason })),
    );
    const [last, first] = await listChampionEvents(db, workspace.read, { limit: 10 });
    expect(first?.fromVersionId).toBeNull();
    expect(last?.fromVersionId).toBe(first?.toVersionId);
    expect(await readChampion(db, workspace.read)).toBe(last?.toVersionId);
  });
});
