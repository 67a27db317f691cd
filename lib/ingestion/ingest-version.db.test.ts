import { readdir } from 'node:fs/promises';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { claimRun } from '#db/repositories/runs.ts';
import { chunkEmbeddings, chunks, documentPages, documents, termBatches } from '#db/schema/documents.ts';
import { runs } from '#db/schema/runs.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { AppError } from '#lib/domain/errors.ts';
import { search } from '#lib/retrieval/search.ts';
import { type IngestionStage, openIngestionStage, type StageWorkspace } from '#lib/testing/ingestion-stage.ts';
import { makeArchive, makeCrowdedArchive } from '#lib/testing/make-archive.ts';
import { deleteDocument, removeUnreferencedBlobs } from './delete-document.ts';
import { dismissArchive, listArchives, readArchive } from './read-archives.ts';
import { listDocumentViews, readDocument, readPage } from './read-documents.ts';
import { unpackUpload } from './unpack-upload.ts';

const manual = (rows: number) =>
  [
    '# Pump P-9',
    'The pump moves water.',
    '## Parts',
    '| Number | Part |',
    '| --- | --- |',
    ...Array.from(
      { length: rows },
      (_, index) => `| MX-${7000 + index} | Seal of size ${index} for the left housing |`,
    ),
    '## Errors',
    'Error E-42 means that the inlet is blocked. Clean the inlet and start again.',
  ].join('\n');

const config = { candidatesPerLeg: 30, topK: 3 };

describeDatabase('ingestion', (getDatabase) => {
  let stage: IngestionStage;
  beforeAll(async () => {
    stage = await openIngestionStage(getDatabase().db);
  });
  afterAll(() => stage.close());

  const ask = (workspace: StageWorkspace, query: string) =>
    search({ db: getDatabase().db, runtime: stage.runtime }, workspace.read, { query, config });

  it('makes an uploaded file answer, with its page', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const added = await stage.addText(workspace, 'C:\\manuals\\pump_p9.md', manual(40));
    expect(added.outcome).toBe('created');
    expect(await listDocumentViews({ db }, workspace.read)).toMatchObject([
      { fileName: 'pump_p9.md', title: 'pump p9', state: 'queued', mediaType: 'text/markdown' },
    ]);
    expect(await stage.performAll()).toEqual(['succeeded']);
    const [view] = await listDocumentViews({ db }, workspace.read);
    expect(view).toMatchObject({ state: 'ready', error: null, progress: null, pageCount: 3 });

    const { sources } = await ask(workspace, 'What is MX-7023?');
    const [best] = sources;
    if (!best) throw new Error('no source');
    expect(best.text).toContain('MX-7023');
    const page = await readPage({ db }, workspace.read, best);
    expect(page.text.slice(best.startOffset, best.endOffset)).toBe(best.text);
    expect(page.label).toBe('Parts');
  });

  it('recognises bytes that it has, under any name', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const first = await stage.addText(workspace, 'a.md', manual(3));
    await stage.performAll();
    const again = await stage.addText(workspace, 'copy of a.md', manual(3));
    expect(again).toEqual({ ...first, runId: null, outcome: 'unchanged' });
    expect(stage.deliveries).toEqual([]);
    expect(await listDocumentViews({ db }, workspace.read)).toHaveLength(1);
  });

  it('makes one document of the same bytes uploaded twice at once', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const outcomes = await Promise.all([1, 2, 3].map(() => stage.addText(workspace, 'a.md', manual(2))));
    expect(outcomes.map((added) => added.outcome).sort()).toEqual(['created', 'unchanged', 'unchanged']);
    await stage.performAll();
    expect(await listDocumentViews({ db }, workspace.read)).toHaveLength(1);
  });

  it('replaces a version in one step and lets the old one answer until then', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const first = await stage.addText(workspace, 'a.txt', 'The valve opens at 3 bar.');
    await stage.performAll();
    const second = await stage.addText(workspace, 'a.txt', 'The valve opens at 5 bar.');
    expect(second).toMatchObject({ documentId: first.documentId, outcome: 'new-version' });
    expect((await ask(workspace, 'valve opens')).sources[0]?.text).toContain('3 bar');
    await stage.performAll();
    const { sources } = await ask(workspace, 'valve opens');
    expect(sources.map((source) => source.text)).toEqual(['The valve opens at 5 bar.']);
    const document = await readDocument({ db }, workspace.read, first.documentId);
    expect(document.versions.map((version) => [version.ordinal, version.isCurrent])).toEqual([
      [2, true],
      [1, false],
    ]);
    // Answers given before still open their page.
    const address = { documentId: first.documentId, versionId: first.versionId, pageNumber: 1 };
    expect((await readPage({ db }, workspace.read, address)).text).toContain('3 bar');
  });

  it('keeps the old version serving when the new one cannot be read, and says why', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    await stage.addText(workspace, 'a.txt', 'The valve opens at 3 bar.');
    await stage.performAll();
    await stage.addText(workspace, 'a.txt', '%PDF-1.7 and then nothing of the kind');
    expect(await stage.performAll()).toEqual(['failed']);
    const [view] = await listDocumentViews({ db }, workspace.read);
    expect(view).toMatchObject({ state: 'failed', error: { code: 'document.unreadable' } });
    expect(view?.error?.message).toMatch(/damaged/);
    expect((await ask(workspace, 'valve opens')).sources[0]?.text).toContain('3 bar');
  });

  it('refuses what it cannot read before anything is queued', async () => {
    const workspace = await stage.addWorkspace();
    await expect(stage.addText(workspace, 'a.txt', '')).rejects.toMatchObject({ code: 'document.empty' });
    await expect(stage.addText(workspace, 'a.pdf', 'GIF89a\u0001\u0000\u0001\u0000')).rejects.toMatchObject({
      code: 'document.unsupported',
    });
    await expect(stage.addText(workspace, '..', 'text')).rejects.toMatchObject({ code: 'document.name-missing' });
    expect(stage.deliveries).toEqual([]);
  });

  it('makes a document of each file in an archive, and names those it left out', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const added = await stage.addFile(
      workspace,
      'manuals.zip',
      makeArchive([
        { name: 'pump/readme.md', content: manual(2) },
        { name: 'valve/readme.md', content: 'The valve opens at 3 bar.' },
        { name: '../outside.md', content: 'Nobody reads this.' },
        { name: 'tool.exe', content: 'MZ\u0000\u0001\u0002' },
        { name: 'empty.txt', content: '' },
        { name: 'inner.zip', content: makeArchive([{ name: 'deep.txt', content: 'deep' }]) },
        { name: 'bomb.txt', content: Buffer.alloc(16_000_000, ' ') },
        { name: 'copy of valve.md', content: 'The valve opens at 3 bar.' },
      ]),
    );
    if (added.outcome !== 'unpacking') throw new Error(`expected an archive, got ${added.outcome}`);
    expect(await listArchives({ db }, workspace.read)).toMatchObject([
      { id: added.archiveId, state: 'queued', taken: 0 },
    ]);
    expect(await stage.performAll()).toEqual(['succeeded', 'succeeded', 'succeeded']);
    const archive = await readArchive({ db }, workspace.read, added.archiveId);
    expect(archive).toMatchObject({
      fileName: 'manuals.zip',
      state: 'succeeded',
      taken: 2,
      unchanged: 1,
      rejectedCount: 5,
      rejected: [
        {
          fileName: 'manuals.zip/outside.md',
          code: 'document.unreadable',
          message: expect.stringContaining('outside'),
        },
        { fileName: 'manuals.zip/tool.exe', code: 'document.unsupported' },
        { fileName: 'manuals.zip/empty.txt', code: 'document.empty' },
        { fileName: 'manuals.zip/inner.zip', code: 'document.unsupported' },
        { fileName: 'manuals.zip/bomb.txt', code: 'document.too-complex' },
      ],
    });
    const names = (await listDocumentViews({ db }, workspace.read)).map((view) => view.fileName);
    expect(names.sort()).toEqual(['manuals.zip/pump/readme.md', 'manuals.zip/valve/readme.md']);
    await dismissArchive({ db }, workspace.write, added.archiveId);
    expect(await listArchives({ db }, workspace.read)).toEqual([]);
    expect((await ask(workspace, 'valve opens')).sources[0]).toMatchObject({ text: 'The valve opens at 3 bar.' });
    const titles = (await listDocumentViews({ db }, workspace.read)).map((view) => view.title);
    expect(titles).toEqual(['readme', 'readme']);

    // The next edition of the archive brings new versions of what changed.
    const next = await stage.addFile(
      workspace,
      'manuals.zip',
      makeArchive([
        { name: 'pump/readme.md', content: manual(2) },
        { name: 'valve/readme.md', content: 'The valve opens at 5 bar.' },
      ]),
    );
    await stage.performAll();
    if (next.outcome !== 'unpacking') throw new Error(`expected an archive, got ${next.outcome}`);
    const again = await readArchive({ db }, workspace.read, next.archiveId);
    expect(again).toMatchObject({ state: 'succeeded', taken: 1, unchanged: 1, rejectedCount: 0 });
    expect(await listDocumentViews({ db }, workspace.read)).toHaveLength(2);
    // Read to its end without complaints, it needs nobody's attention.
    expect(await listArchives({ db }, workspace.read)).toEqual([]);
  });

  it('goes on behind the last entry of an archive when its worker was killed, and doubles nothing', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const archive = makeArchive([
      { name: 'a.txt', content: 'The first text.' },
      { name: 'tool.exe', content: 'MZ\u0000\u0001\u0002' },
      { name: 'b.txt', content: 'The second text.' },
      { name: 'c.txt', content: 'The third text.' },
    ]);
    const added = await stage.addFile(workspace, 'three.zip', archive);
    if (added.outcome !== 'unpacking') throw new Error(`expected an archive, got ${added.outcome}`);
    const run = await claimRun(db, workspace.id, added.runId);
    if (!run) throw new Error('the run could not be claimed');
    const killedAtThirdEntry = {
      run,
      claim: run,
      signal: new AbortController().signal,
      report: ({ done }: { readonly done: number }) =>
        done < 2 ? Promise.resolve() : Promise.reject(new Error('killed')),
    };
    await expect(
      unpackUpload({ db, queue: stage.queue, blobs: stage.blobs }, workspace.write, killedAtThirdEntry),
    ).rejects.toThrow('killed');
    expect(await readArchive({ db }, workspace.read, added.archiveId)).toMatchObject({ taken: 1, rejectedCount: 1 });
    // What reconciling does when the worker has been silent for long enough.
    await db.update(runs).set({ state: 'queued', claimToken: null }).where(eq(runs.id, run.id));
    expect(await stage.performAll()).toEqual(['succeeded', 'succeeded', 'succeeded', 'succeeded']);
    expect(await readArchive({ db }, workspace.read, added.archiveId)).toMatchObject({
      state: 'succeeded',
      taken: 3,
      unchanged: 0,
      rejectedCount: 1,
    });
    const views = await listDocumentViews({ db }, workspace.read);
    expect(views.map((view) => [view.fileName, view.versionOrdinal, view.state])).toEqual([
      ['three.zip/c.txt', 1, 'ready'],
      ['three.zip/b.txt', 1, 'ready'],
      ['three.zip/a.txt', 1, 'ready'],
    ]);
    // The archive's own file is needed no more.
    const before = (await readdir(stage.blobsDir)).length;
    expect(await removeUnreferencedBlobs({ db, blobs: stage.blobs }, -1000)).toBeGreaterThan(0);
    expect((await readdir(stage.blobsDir)).length).toBeLessThan(before);
  });

  it('fails the unpacking of an archive of which nothing can be taken in, and says why', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const hostile = [
      makeArchive([{ name: '/etc/passwd', content: 'root' }]),
      makeArchive([]),
      makeCrowdedArchive(100_000),
    ];
    for (const [index, bytes] of hostile.entries()) await stage.addFile(workspace, `${index}.zip`, bytes);
    expect(await stage.performAll()).toEqual(['failed', 'failed', 'failed']);
    expect((await listArchives({ db }, workspace.read)).reverse()).toMatchObject([
      { rejected: [{ message: expect.stringContaining('outside') }], error: expect.stringContaining('Nothing') },
      { rejected: [], error: 'This archive holds no files.' },
      { rejected: [], error: expect.stringContaining('100000 files') },
    ]);
    expect(await listDocumentViews({ db }, workspace.read)).toEqual([]);
  });

  it('never shows one tenant anything of another, whose document is the same', async () => {
    const { db } = getDatabase();
    const mine = await stage.addWorkspace();
    const other = await stage.addWorkspace();
    const added = await stage.addText(mine, 'a.md', manual(5));
    await stage.addText(other, 'a.md', manual(5));
    await stage.addText(other, 'b.md', 'Only the other tenant knows the code ZX-9999 of the vault.');
    await stage.performAll();
    for (const query of ['error E-42', 'MX-7003', 'ZX-9999 vault code']) {
      const result = await ask(mine, query);
      for (const source of result.sources) expect(source.documentId).toBe(added.documentId);
      const ids = [...result.legs.dense, ...result.legs.lexical, ...result.legs.fused];
      const rows = await db.select({ workspaceId: chunks.workspaceId, id: chunks.id }).from(chunks);
      const owner = new Map(rows.map((row) => [row.id, row.workspaceId]));
      expect(ids.filter((id) => owner.get(id) !== mine.id)).toEqual([]);
    }
    // Not even its statistics: scores are those of a workspace that is alone.
    const alone = await stage.addWorkspace();
    await stage.addText(alone, 'a.md', manual(5));
    await stage.performAll();
    const [here, there] = await Promise.all([ask(mine, 'inlet blocked'), ask(alone, 'inlet blocked')]);
    expect(here.supportScore).toBeCloseTo(there.supportScore, 12);
    await expect(readDocument({ db }, other.read, added.documentId)).rejects.toMatchObject({
      code: 'document.not-found',
    });
    await expect(
      readPage({ db }, other.read, { documentId: added.documentId, versionId: added.versionId, pageNumber: 1 }),
    ).rejects.toMatchObject({ code: 'document.not-found' });
    await expect(deleteDocument({ db, queue: stage.queue }, other.write, added.documentId)).rejects.toMatchObject({
      code: 'document.not-found',
    });
  });

  it('deletes from search at once, and from disk when no workspace has the bytes', async () => {
    const { db } = getDatabase();
    const mine = await stage.addWorkspace();
    const other = await stage.addWorkspace();
    const text = 'The turbine spins at 9000 turns.';
    const added = await stage.addText(mine, 'a.txt', text);
    const twin = await stage.addText(other, 'a.txt', text);
    await stage.performAll();
    // Files that were refused in other tests wait for this sweep.
    await removeUnreferencedBlobs({ db, blobs: stage.blobs }, -1000);
    const files = () => readdir(stage.blobsDir);
    const before = await files();

    await deleteDocument({ db, queue: stage.queue }, mine.write, added.documentId);
    expect((await ask(mine, 'turbine')).sources).toEqual([]);
    expect(await listDocumentViews({ db }, mine.read)).toEqual([]);
    expect(await stage.performAll()).toEqual(['succeeded']);
    expect(await db.select().from(documents).where(eq(documents.id, added.documentId))).toEqual([]);
    for (const table of [chunks, chunkEmbeddings, termBatches, documentPages]) {
      expect(await db.$count(table, eq(table.workspaceId, mine.id))).toBe(0);
    }
    await removeUnreferencedBlobs({ db, blobs: stage.blobs }, -1000);
    expect(await files()).toHaveLength(before.length);
    expect((await ask(other, 'turbine')).sources).toHaveLength(1);

    await deleteDocument({ db, queue: stage.queue }, other.write, twin.documentId);
    await stage.performAll();
    await removeUnreferencedBlobs({ db, blobs: stage.blobs }, -1000);
    expect(await files()).toHaveLength(before.length - 1);
    // The same file can come back.
    expect((await stage.addText(mine, 'a.txt', text)).outcome).toBe('created');
    expect(await stage.performAll()).toEqual(['succeeded']);
  });

  it('deletes a document whose indexing is under way', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const added = await stage.addText(workspace, 'a.md', manual(60));
    const delivery = stage.deliveries.shift();
    if (!delivery) throw new Error('nothing was queued');
    let isDeleted = false;
    const result = await stage.perform(delivery, {
      runtime: {
        ...stage.runtime,
        async embedTexts(texts, options) {
          if (!isDeleted) await deleteDocument({ db, queue: stage.queue }, workspace.write, added.documentId);
          isDeleted = true;
          return stage.runtime.embedTexts(texts, options);
        },
      },
    });
    expect(result).toBe('cancelled');
    expect(await stage.performAll()).toEqual(['succeeded']);
    expect(await db.$count(chunks, eq(chunks.workspaceId, workspace.id))).toBe(0);
  });

  it('gives the same index wherever a worker died before', async () => {
    const text = manual(150);
    const calm = await stage.addWorkspace();
    await stage.addText(calm, 'a.md', text);
    await stage.performAll();
    const expected = await stage.dumpIndex(calm.id);
    expect(expected.length).toBeGreaterThan(12);

    // A worker dies right after its n-th call of the runtime, before it can write the result; the next one goes on.
    for (const dieAt of [1, 2, 3, 4]) {
      const workspace = await stage.addWorkspace();
      await stage.addText(workspace, 'a.md', text);
      const delivery = stage.deliveries.shift();
      if (!delivery) throw new Error('nothing was queued');
      let calls = 0;
      const dying = async <T>(call: () => Promise<T>): Promise<T> => {
        calls += 1;
        if (calls === dieAt) {
          const result = await call();
          throw new AppError({
            code: 'test.died',
            message: `after ${JSON.stringify(result).length}`,
            isRetryable: true,
          });
        }
        return call();
      };
      const result = await stage.perform(delivery, {
        runtime: {
          readStatus: (options) => dying(() => stage.runtime.readStatus(options)),
          embedTexts: (texts, options) => dying(() => stage.runtime.embedTexts(texts, options)),
          countEmbeddingTokens: (texts, options) => dying(() => stage.runtime.countEmbeddingTokens(texts, options)),
        },
      });
      expect(result).toBe('retrying');
      expect(await stage.performAll()).toEqual(['succeeded']);
      expect(await stage.dumpIndex(workspace.id)).toEqual(expected);
    }
  });

  it('names a changed embedding model instead of mixing vectors', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    await stage.addText(workspace, 'a.txt', 'The valve opens at 3 bar.');
    await stage.performAll();
    const changed = {
      ...stage.runtime,
      async readStatus() {
        const status = await stage.runtime.readStatus();
        if (!status.embeddingModel) throw new Error('no embedding model');
        return { ...status, embeddingModel: { ...status.embeddingModel, id: 'another', sha256: 'f'.repeat(64) } };
      },
    };
    await expect(search({ db, runtime: changed }, workspace.read, { query: 'valve', config })).rejects.toMatchObject({
      code: 'index.model-changed',
    });
    await stage.addText(workspace, 'b.txt', 'The pump is green.');
    expect(await stage.performAll({ runtime: changed })).toEqual(['failed']);
    const [view] = await listDocumentViews({ db }, workspace.read);
    expect(view?.error).toMatchObject({ code: 'index.model-changed', message: expect.stringContaining('another') });
  });
});
