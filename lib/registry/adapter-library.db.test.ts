import { randomUUID } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { eq } from 'drizzle-orm';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { users } from '#db/schema/auth.ts';
import { conversations } from '#db/schema/conversations.ts';
import { documents } from '#db/schema/documents.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { createBlendHandler } from '#lib/jobs/handlers/adapter-blend.ts';
import { createMergeHandler } from '#lib/jobs/handlers/adapter-merge.ts';
import { performRun } from '#lib/jobs/perform-run.ts';
import { readGgufAdapter, writeGgufAdapter } from '#lib/lora/adapter/gguf-adapter.ts';
import { openAdapter } from '#lib/lora/adapter/read-adapter.ts';
import { openGguf } from '#lib/lora/gguf/read-gguf.ts';
import { makeArchive } from '#lib/testing/make-archive.ts';
import {
  drawAdapter,
  openRegistryStage,
  type RegistryStage,
  type RegistryWorkspace,
} from '#lib/testing/registry-stage.ts';
import { exportPeft } from './export-peft.ts';
import { exportPeftArchive } from './export-peft-archive.ts';
import { importAdapter } from './import-adapter.ts';
import { deleteVersion, removeUnreferencedArtifacts, renameAdapter, writeVersionNotes } from './manage-versions.ts';
import { findMerged, listMerged, startMerge } from './merged-models.ts';
import { recordVote, tallyVotes } from './playground.ts';
import { overrideChampion, rollBackChampion } from './promote.ts';
import {
  checkArtifact,
  listAdapterNames,
  listAdapterViews,
  listChampionHistory,
  readVersionView,
} from './read-adapters.ts';
import { type RegisterInput, registerAdapterVersion } from './register-version.ts';
import { startBlend } from './start-blend.ts';

const reason = 'the team has read fifty answers';

async function* stream(bytes: Uint8Array) {
  yield bytes;
}

describeDatabase('adapter library', (getDatabase) => {
  let stage: RegistryStage;
  let seed = 0;
  beforeAll(async () => {
    stage = await openRegistryStage(getDatabase().db);
  });
  afterAll(() => stage.close());

  const deps = () => ({ ...stage.deps, db: getDatabase().db });
  const promotion = () => ({ db: getDatabase().db, preWarm: () => Promise.resolve() });

  async function register(workspace: RegistryWorkspace, changes: Partial<RegisterInput> = {}) {
    seed += 1;
    const { version } = await registerAdapterVersion(stage.deps, workspace.write, {
      adapter: { name: 'Voice' },
      filePath: await stage.writeAdapter(seed),
      origin: 'trained',
      baseSha256: stage.base.sha256,
      templateSha256: null,
      lineage: {},
      ...changes,
    });
    return version;
  }

  const upload = (workspace: RegistryWorkspace, bytes: Uint8Array, fileName = 'from-elsewhere.gguf') =>
    importAdapter(deps(), workspace.write, { fileName, stream: stream(bytes), name: 'Imported' });

  const deliveries: { kind: 'adapter.blend' | 'adapter.merge'; runId: string; workspaceId: string }[] = [];
  const queue = {
    open: () => Promise.resolve(),
    enqueue(_tx: unknown, kind: string, payload: { runId: string; workspaceId: string }) {
      if (kind === 'adapter.blend' || kind === 'adapter.merge') deliveries.push({ kind, ...payload });
      return Promise.resolve();
    },
  };
  async function performAll() {
    const results = [];
    for (let next = deliveries.shift(); next !== undefined; next = deliveries.shift()) {
      const make = next.kind === 'adapter.blend' ? createBlendHandler : createMergeHandler;
      const tools = { db: getDatabase().db, queue, logger: pino({ level: 'silent' }) };
      const shutdown = new AbortController().signal;
      results.push(await performRun(tools, next.kind, next, make({ ...deps(), threads: 1 }), shutdown));
    }
    return results;
  }

  it('imports GGUF and zipped PEFT to the same numbers, written anew, and says where they came from', async () => {
    const workspace = await stage.addWorkspace();
    const file = await stage.writeAdapter(500);
    const original = await readGgufAdapter(file, stage.base.config);
    const first = await upload(workspace, await readFile(file));
    expect(first.version).toMatchObject({
      origin: 'imported',
      number: 1,
      baseSha256: stage.base.sha256,
      lineage: { importedFrom: { fileName: 'from-elsewhere.gguf', format: 'gguf' } },
    });
    const stored = await openAdapter(stage.deps.artifacts.locate(first.version.sha256));
    await stored.close();
    expect(stored.trainedOn.baseSha256).toBe(stage.base.sha256);

    const directory = path.join(stage.directory, 'peft');
    await exportPeft(file, stage.base, directory);
    const names = await readdir(directory);
    const files = await Promise.all(
      names.map(async (name) => ({ name: `my-adapter/${name}`, content: await readFile(path.join(directory, name)) })),
    );
    const again = await upload(workspace, makeArchive(files), 'peft.zip');
    expect(again).toMatchObject({ isNew: false, version: { id: first.version.id } });

    const archive = await exportPeftArchive(deps(), workspace.read, first.version.id);
    expect(archive.fileName).toBe('Imported v1 peft.zip');
    const other = await stage.addWorkspace();
    const home = await upload(other, await buffer(archive.stream), archive.fileName);
    const { trainedOn: _, ...numbers } = await readGgufAdapter(
      stage.deps.artifacts.locate(home.version.sha256),
      stage.base.config,
    );
    expect(numbers).toEqual(original);
    expect((await readdir(stage.deps.artifacts.directory)).filter((name) => name.startsWith('.incoming'))).toEqual([]);
  });

  it('refuses what is no adapter, what belongs to another base, and archives that lie', async () => {
    const workspace = await stage.addWorkspace();
    await expect(upload(workspace, Buffer.alloc(5000, 1))).rejects.toMatchObject({ code: 'gguf.malformed' });
    await expect(upload(workspace, await readFile(stage.base.path))).rejects.toMatchObject({ code: 'adapter.invalid' });
    const foreign = path.join(stage.directory, 'foreign.gguf');
    const trainedOn = { baseSha256: 'c'.repeat(64), templateSha256: null };
    await writeGgufAdapter(foreign, { ...drawAdapter(stage.base.config, 1), trainedOn });
    await expect(upload(workspace, await readFile(foreign))).rejects.toMatchObject({
      code: 'adapter.base-mismatch',
      details: { expected: 'c'.repeat(64), actual: stage.base.sha256 },
    });
    const half = makeArchive([{ name: 'adapter_config.json', content: '{}' }]);
    await expect(upload(workspace, half, 'x.zip')).rejects.toMatchObject({ code: 'adapter.invalid' });
    const twice = ['a', 'b'].map((folder) => ({ name: `${folder}/adapter_config.json`, content: '{}' }));
    await expect(upload(workspace, makeArchive(twice), 'x.zip')).rejects.toMatchObject({ code: 'adapter.invalid' });
    const climbing = makeArchive([{ name: '../../adapter_config.json', content: '{}' }]);
    await expect(upload(workspace, climbing, 'x.zip')).rejects.toMatchObject({ code: 'adapter.invalid' });
    await expect(
      importAdapter(deps(), workspace.write, {
        fileName: 'big.gguf',
        stream: stream(Buffer.alloc(100)),
        name: 'Big',
        maxBytes: 99,
      }),
    ).rejects.toMatchObject({ code: 'upload.too-large' });
    expect(await listAdapterViews(deps(), workspace.read)).toEqual([]);
    expect((await readdir(stage.deps.artifacts.directory)).filter((name) => name.startsWith('.incoming'))).toEqual([]);
  });

  it('blends versions as a job, with their documents and conversations in the lineage', async () => {
    const workspace = await stage.addWorkspace();
    const document = { documentId: randomUUID(), title: 'Manual' };
    const conversation = randomUUID();
    const [a, b] = [
      await register(workspace, { lineage: { documents: [document] } }),
      await register(workspace, { lineage: { documents: [document], conversationIds: [conversation] } }),
    ];
    const request = {
      name: 'Mix',
      parts: [
        { versionId: a.id, weight: 0.5 },
        { versionId: b.id, weight: -1 },
      ],
      method: 'linear' as const,
      rank: null,
      keptShare: 0.5,
      seed: 0,
    };
    await startBlend({ ...deps(), queue }, workspace.write, request);
    await startBlend({ ...deps(), queue }, workspace.write, request);
    await startBlend({ ...deps(), queue }, workspace.write, { ...request, name: 'Sparse', method: 'ties', rank: 2 });
    expect(await performAll()).toEqual(['succeeded', 'succeeded', 'succeeded']);
    const views = await listAdapterViews(deps(), workspace.read);
    expect(views.map(({ name, versions }) => [name, versions.length])).toEqual([
      ['Mix', 1],
      ['Sparse', 1],
      ['Voice', 2],
    ]);
    expect(views[0]?.versions[0]).toMatchObject({
      origin: 'blended',
      config: { rank: { min: 4, max: 4 } },
      lineage: {
        parents: [
          { versionId: a.id, weight: 0.5, name: 'Voice, version 1' },
          { versionId: b.id, weight: -1 },
        ],
        documents: [document],
        conversationIds: [conversation],
        options: { method: 'linear', rank: null },
      },
    });
    expect(views[1]?.versions[0]?.metrics['blend-error']).toBeGreaterThan(0);
    const other = await stage.addWorkspace();
    await expect(startBlend({ ...deps(), queue }, other.write, request)).rejects.toMatchObject({
      code: 'adapter.not-found',
    });
  });

  it('merges a version with its base as a job', async () => {
    const workspace = await stage.addWorkspace();
    const version = await register(workspace);
    const input = { versionId: version.id, type: 'F16' as const };
    await expect(findMerged(deps(), workspace.read, input)).rejects.toMatchObject({ code: 'adapter.not-merged' });
    await startMerge({ ...deps(), queue }, workspace.write, input);
    expect(await performAll()).toEqual(['succeeded']);
    const merged = await findMerged(deps(), workspace.read, input);
    expect(merged.fileName).toBe('Voice v1 tiny F16.gguf');
    const gguf = await openGguf(merged.path);
    expect(gguf.tensors.size).toBeGreaterThan(14);
    await gguf.close();
    expect(await listMerged(stage.deps.artifacts, version.sha256)).toEqual([
      { type: 'F16', sizeBytes: (await stat(merged.path)).size },
    ]);
    const other = await stage.addWorkspace();
    await expect(findMerged(deps(), other.read, input)).rejects.toMatchObject({ code: 'adapter.not-found' });
  });

  it('warns of every version that learned from what was deleted since', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const [user] = await db
      .insert(users)
      .values({ name: 'Ann', email: `${randomUUID()}@example.test` })
      .returning();
    const [document] = await db
      .insert(documents)
      .values({ workspaceId: workspace.id, title: 'Manual', fileName: 'manual.md' })
      .returning();
    const [conversation] = await db
      .insert(conversations)
      .values({ workspaceId: workspace.id, userId: user?.id ?? '', title: 'Pumps' })
      .returning();
    if (!document || !conversation) throw new Error('no rows');
    const { id } = await register(workspace, {
      lineage: { documents: [{ documentId: document.id, title: 'Manual' }], conversationIds: [conversation.id] },
    });
    const warnings = async () => (await readVersionView(deps(), workspace.read, id)).warnings;
    expect(await warnings()).toEqual({ deletedDocuments: [], deletedConversations: 0 });
    await db.update(documents).set({ deletedAt: new Date() }).where(eq(documents.id, document.id));
    await db.delete(conversations).where(eq(conversations.id, conversation.id));
    expect(await warnings()).toEqual({ deletedDocuments: ['Manual'], deletedConversations: 1 });
  });

  it('deletes a version with its file when nobody needs it, never while it serves', async () => {
    const workspace = await stage.addWorkspace();
    const filePath = await stage.writeAdapter(900);
    const version = await register(workspace, { filePath });
    await register(await stage.addWorkspace(), { filePath });
    await overrideChampion(promotion(), workspace.override, { versionId: version.id, reason });
    await expect(deleteVersion(deps(), workspace.write, version.id)).rejects.toMatchObject({ code: 'adapter.in-use' });
    await rollBackChampion(promotion(), workspace.promote, { versionId: null, reason });
    await deleteVersion(deps(), workspace.write, version.id);
    await expect(readVersionView(deps(), workspace.read, version.id)).rejects.toMatchObject({
      code: 'adapter.not-found',
    });
    expect(await listAdapterViews(deps(), workspace.read)).toEqual([]);
    // Another workspace has the same bytes.
    await removeUnreferencedArtifacts(deps(), 0, new Set([version.sha256]));
    expect(await checkArtifact(stage.deps.artifacts, version.sha256)).toBe('whole');
    // History and messages still know it by name.
    expect(await listChampionHistory(deps(), workspace.read, { limit: 5 })).toMatchObject([
      { kind: 'rollback', from: { label: 'Voice, version 1', isDeleted: true }, to: null, reason },
      { kind: 'override', to: { label: 'Voice, version 1' } },
    ]);
    expect(await listAdapterNames(deps(), workspace.read)).toEqual({
      [version.sha256]: { label: 'Voice, version 1', versionId: null },
    });
    // A name is free again, and the same bytes can come back.
    expect(await register(workspace, { filePath })).toMatchObject({ number: 1 });

    const alone = await register(workspace);
    await deleteVersion(deps(), workspace.write, alone.id);
    await removeUnreferencedArtifacts(deps(), 0, new Set([alone.sha256]));
    expect(await checkArtifact(stage.deps.artifacts, alone.sha256)).toBe('missing');
  });

  it('keeps notes and names, and notices a damaged file', async () => {
    const workspace = await stage.addWorkspace();
    const [version, other] = [await register(workspace), await register(workspace, { adapter: { name: 'Other' } })];
    await writeVersionNotes(deps(), workspace.write, { versionId: version.id, notes: ' for the fair ' });
    await expect(
      renameAdapter(deps(), workspace.write, { adapterId: version.adapterId, name: 'OTHER' }),
    ).rejects.toMatchObject({ code: 'adapter.name-taken' });
    await renameAdapter(deps(), workspace.write, { adapterId: version.adapterId, name: 'Fair' });
    expect(await readVersionView(deps(), workspace.read, version.id)).toMatchObject({
      notes: 'for the fair',
      adapterName: 'Fair',
    });
    const foreign = await stage.addWorkspace();
    await expect(writeVersionNotes(deps(), foreign.write, { versionId: version.id, notes: 'x' })).rejects.toMatchObject(
      { code: 'adapter.not-found' },
    );
    await writeFile(stage.deps.artifacts.locate(other.sha256), 'damaged');
    expect(await checkArtifact(stage.deps.artifacts, other.sha256)).toBe('damaged');
  });

  it('counts which answers people preferred', async () => {
    const workspace = await stage.addWorkspace();
    const version = await register(workspace);
    const answers = [
      { versionId: null, text: 'A.' },
      { versionId: version.id, text: 'B.' },
    ];
    const vote = { question: 'What?', usedRetrieval: true, answers };
    await recordVote(deps(), workspace.read, { ...vote, preferred: 1 });
    await recordVote(deps(), workspace.read, { ...vote, preferred: null });
    expect(await tallyVotes(deps(), workspace.read)).toEqual([
      { label: 'Voice, version 1', compared: 2, preferred: 1 },
      { label: 'Base', compared: 2, preferred: 0 },
    ]);
    await expect(recordVote(deps(), workspace.read, { ...vote, preferred: 2 })).rejects.toMatchObject({
      code: 'input.invalid',
    });
    const other = await stage.addWorkspace();
    await expect(recordVote(deps(), other.read, { ...vote, preferred: 0 })).rejects.toMatchObject({
      code: 'adapter.not-found',
    });
  });
});
