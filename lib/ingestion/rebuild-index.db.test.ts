import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chunks } from '#db/schema/documents.ts';
import { indexConfigs } from '#db/schema/workspaces.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { AppError } from '#lib/domain/errors.ts';
import { cancelRun, retryRun } from '#lib/jobs/manage-runs.ts';
import { search } from '#lib/retrieval/search.ts';
import { type IngestionStage, openIngestionStage, type StageWorkspace } from '#lib/testing/ingestion-stage.ts';
import { deleteDocument } from './delete-document.ts';
import { defaultChunkSizes } from './ingest-version.ts';
import { estimateRebuild, readIndex, startRebuild } from './rebuild-index.ts';

const text = (name: string, lines = 30) =>
  Array.from({ length: lines }, (_, index) => `Step ${index} of ${name}: turn the valve MX-${7000 + index} left.`).join(
    '\n',
  );
const sizes = { chunkSizeTokens: 60, chunkOverlapTokens: 0 };
const config = { candidatesPerLeg: 30, topK: 3 };

describeDatabase('re-indexing', (getDatabase) => {
  let stage: IngestionStage;
  beforeAll(async () => {
    stage = await openIngestionStage(getDatabase().db);
  });
  afterAll(() => stage.close());

  const deps = () => ({ db: getDatabase().db, queue: stage.queue, runtime: stage.runtime });
  const ask = (workspace: StageWorkspace, query: string, runtime = deps().runtime) =>
    search({ db: getDatabase().db, runtime }, workspace.read, { query, config });
  const readActive = async (workspace: StageWorkspace) => {
    const rows = await getDatabase()
      .db.select()
      .from(indexConfigs)
      .where(and(eq(indexConfigs.workspaceId, workspace.id), eq(indexConfigs.isActive, true)));
    expect(rows).toHaveLength(1);
    return rows[0];
  };
  const listChunkConfigs = async (workspace: StageWorkspace) => {
    const rows = await getDatabase()
      .db.selectDistinct({ id: chunks.indexConfigId })
      .from(chunks)
      .where(eq(chunks.workspaceId, workspace.id));
    return rows.map((row) => row.id);
  };
  const addIndexed = async (names: readonly string[]) => {
    const workspace = await stage.addWorkspace();
    const added = [];
    for (const name of names) added.push(await stage.addText(workspace, `${name}.txt`, text(name)));
    await stage.performAll();
    return { workspace, added };
  };
  /** The stage's runtime, with something that happens before its n-th embedding of passages. */
  const interruptedAt = (call: number, act: () => Promise<unknown>) => {
    let calls = 0;
    return {
      ...stage.runtime,
      async embedTexts(...given: Parameters<IngestionStage['runtime']['embedTexts']>) {
        calls += 1;
        if (calls === call) await act();
        return stage.runtime.embedTexts(...given);
      },
    };
  };
  const withModel = (id: string): IngestionStage['runtime'] => ({
    ...stage.runtime,
    async readStatus() {
      const status = await stage.runtime.readStatus();
      if (!status.embeddingModel) throw new Error('no embedding model');
      return { ...status, embeddingModel: { ...status.embeddingModel, id, sha256: 'f'.repeat(64) } };
    },
  });

  it('says what it would cost, and refuses sizes that cannot be or that change nothing', async () => {
    const { workspace } = await addIndexed(['a', 'b']);
    const cost = await estimateRebuild(deps(), workspace.write, sizes);
    expect(cost.documents).toBe(2);
    expect(cost.chunks).toBeGreaterThan(8);
    expect(cost.minutes).toBeGreaterThan(0);
    await expect(estimateRebuild(deps(), workspace.write, defaultChunkSizes)).rejects.toMatchObject({
      code: 'index.unchanged',
    });
    for (const wrong of [
      { chunkSizeTokens: 10, chunkOverlapTokens: 0 },
      { chunkSizeTokens: 100_000, chunkOverlapTokens: 0 },
      { chunkSizeTokens: 100, chunkOverlapTokens: 51 },
      { chunkSizeTokens: 100, chunkOverlapTokens: -1 },
      { chunkSizeTokens: 99.5, chunkOverlapTokens: 0 },
    ]) {
      await expect(startRebuild(deps(), workspace.write, wrong)).rejects.toMatchObject({ code: 'index.sizes-invalid' });
    }
    const empty = await stage.addWorkspace();
    expect(await estimateRebuild(deps(), empty.write, sizes)).toEqual({ documents: 0, chunks: 0, minutes: 0 });
  });

  it('lets the old index answer until the new one is complete, and takes in what changes meanwhile', async () => {
    const { db } = getDatabase();
    const { workspace, added } = await addIndexed(['anchor', 'bracket', 'clamp']);
    const other = await addIndexed(['anchor']);
    const untouched = await stage.dumpIndex(other.workspace.id);
    const before = await readActive(workspace);
    await startRebuild(deps(), workspace.write, sizes);
    const rebuild = stage.deliveries.shift();
    if (!rebuild) throw new Error('nothing was queued');
    const [, bracket] = added;
    let during: unknown;
    const runtime = interruptedAt(2, async () => {
      during = [await readActive(workspace), (await ask(workspace, 'Step 4 of bracket')).sources.length > 0];
      await stage.addText(workspace, 'anchor.txt', text('another anchor'));
      await stage.addText(workspace, 'dowel.txt', text('dowel'));
      if (bracket) await deleteDocument(deps(), workspace.write, bracket.documentId);
      await stage.performAll();
    });
    expect(await stage.perform(rebuild, { runtime })).toBe('succeeded');
    expect(during).toEqual([before, true]);
    const active = await readActive(workspace);
    expect(active).toMatchObject(sizes);
    expect(await listChunkConfigs(workspace)).toEqual([active?.id]);

    const calm = await stage.addWorkspace();
    await stage.addText(calm, 'anchor.txt', text('another anchor'));
    await stage.addText(calm, 'clamp.txt', text('clamp'));
    await stage.addText(calm, 'dowel.txt', text('dowel'));
    await stage.performAll({ chunkSizes: sizes });
    expect(await stage.dumpIndex(workspace.id)).toEqual(await stage.dumpIndex(calm.id));
    expect(await stage.dumpIndex(other.workspace.id)).toEqual(untouched);
    expect(await db.$count(indexConfigs, eq(indexConfigs.workspaceId, other.workspace.id))).toBe(1);
  });

  it('has a document that was being indexed during the swap under the new configuration', async () => {
    const { workspace } = await addIndexed(['anchor']);
    await stage.addText(workspace, 'slow.txt', text('slow'));
    const ingest = stage.deliveries.shift();
    await startRebuild(deps(), workspace.write, sizes);
    const rebuild = stage.deliveries.shift();
    if (!ingest || !rebuild) throw new Error('nothing was queued');
    const runtime = interruptedAt(1, async () => expect(await stage.perform(rebuild)).toBe('succeeded'));
    expect(await stage.perform(ingest, { runtime })).toBe('succeeded');
    const active = await readActive(workspace);
    expect(await listChunkConfigs(workspace)).toEqual([active?.id]);
    expect((await ask(workspace, 'Step 7 of slow')).sources[0]?.documentTitle).toBe('slow');
  });

  it('leaves the old index serving when it fails or is cancelled, goes on when it is tried again, and is alone', async () => {
    const { workspace } = await addIndexed(['anchor', 'bracket']);
    const before = await readActive(workspace);
    const { runId } = await startRebuild(deps(), workspace.write, sizes);
    await expect(
      startRebuild(deps(), workspace.write, { chunkSizeTokens: 80, chunkOverlapTokens: 0 }),
    ).rejects.toMatchObject({ code: 'index.rebuild-running' });
    const first = stage.deliveries.shift();
    if (!first) throw new Error('nothing was queued');
    const broken = interruptedAt(2, () => Promise.reject(new AppError({ code: 'test.broken', message: 'for good' })));
    expect(await stage.perform(first, { runtime: broken })).toBe('failed');
    expect(await readActive(workspace)).toEqual(before);
    expect((await ask(workspace, 'Step 4 of bracket')).indexConfigId).toBe(before?.id);

    await retryRun(deps(), workspace.cancel, runId);
    const second = stage.deliveries.shift();
    if (!second) throw new Error('nothing was queued');
    const cancelling = interruptedAt(1, () => cancelRun(deps(), workspace.cancel, runId));
    expect(await stage.perform(second, { runtime: cancelling })).toBe('cancelled');
    expect(await readActive(workspace)).toEqual(before);
    expect((await readIndex(deps(), workspace.write)).pending).toBeNull();

    await retryRun(deps(), workspace.cancel, runId);
    expect((await readIndex(deps(), workspace.write)).pending).toMatchObject({ runId, chunkSizes: sizes });
    expect(await stage.performAll()).toEqual(['succeeded']);
    expect(await readActive(workspace)).toMatchObject(sizes);
    expect(await readIndex(deps(), workspace.write)).toMatchObject({ documents: 2, chunkSizes: sizes, pending: null });
  });

  it('brings a workspace to another embedding model, with documents that come meanwhile', async () => {
    const { workspace } = await addIndexed(['anchor', 'bracket']);
    const runtime = withModel('another');
    expect(await readIndex({ ...deps(), runtime }, workspace.write)).toMatchObject({ isModelChanged: true });
    const { runId } = await startRebuild({ ...deps(), runtime }, workspace.write, defaultChunkSizes);
    const rebuild = stage.deliveries.shift();
    if (!rebuild) throw new Error('nothing was queued');
    await stage.addText(workspace, 'clamp.txt', text('clamp'));
    expect(await stage.performAll({ runtime })).toEqual(['succeeded']);
    // The model went back before the re-index began.
    expect(await stage.perform(rebuild)).toBe('failed');
    expect((await stage.readRun(runId)).errorCode).toBe('index.model-changed');
    await retryRun(deps(), workspace.cancel, runId);
    expect(await stage.performAll({ runtime })).toEqual(['succeeded']);
    expect(await readActive(workspace)).toMatchObject({ embeddingModel: 'another' });
    expect((await ask(workspace, 'Step 3 of clamp', runtime)).sources[0]?.documentTitle).toBe('clamp');
    expect(await readIndex({ ...deps(), runtime }, workspace.write)).toMatchObject({
      isModelChanged: false,
      documents: 3,
    });
  });
});
