import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { search } from '#lib/retrieval/search.ts';
import { type IngestionStage, openIngestionStage, type StageWorkspace } from '#lib/testing/ingestion-stage.ts';
import { addUpload, addVersion } from './add-document.ts';
import { deleteDocument } from './delete-document.ts';
import {
  cancelSelected,
  deleteSelected,
  MAX_TAGS,
  prioritiseSelected,
  retrySelected,
  supersedeDocument,
  tagSelected,
} from './manage-documents.ts';
import {
  countDocumentsInUse,
  listDocumentViews,
  readDeletedDocuments,
  readDocument,
  readDocumentPage,
  readPageChunks,
} from './read-documents.ts';

const everything = { search: '', group: null, tag: null, mediaType: null } as const;
const firstPage = { ...everything, order: 'name', isDescending: false, offset: 0, limit: 50 } as const;

async function* streamOnce(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}

describeDatabase('managing documents', (getDatabase) => {
  let stage: IngestionStage;
  beforeAll(async () => {
    stage = await openIngestionStage(getDatabase().db);
  });
  afterAll(() => stage.close());

  const deps = () => ({ db: getDatabase().db, queue: stage.queue, blobs: stage.blobs });
  const titles = async (workspace: StageWorkspace, query: Partial<Parameters<typeof readDocumentPage>[2]> = {}) =>
    (await readDocumentPage(deps(), workspace.read, { ...firstPage, ...query })).documents.map((each) => each.title);
  const askFor = async (workspace: StageWorkspace, query: string, topK = 3) => {
    const { sources } = await search({ db: getDatabase().db, runtime: stage.runtime }, workspace.read, {
      query,
      config: { candidatesPerLeg: 30, topK },
    });
    return sources;
  };

  it('lists by words, group, tag, format and order, a page at a time, and counts all of it', async () => {
    const workspace = await stage.addWorkspace();
    const other = await stage.addWorkspace();
    await stage.addText(other, 'pump of others.md', 'Another tenant writes about pumps.');
    const pump = await stage.addText(workspace, 'pump_100%.md', 'The pump moves water.');
    await stage.addText(workspace, 'valve.txt', 'The valve opens at 3 bar. It is a long text about valves.');
    await stage.performAll();
    await stage.addText(workspace, 'broken.txt', '%PDF-1.7 and then nothing of the kind');
    await stage.performAll();
    const waiting = await stage.addText(workspace, 'Waiting.md', 'This one waits.');
    await tagSelected(
      deps(),
      workspace.write,
      { documentIds: [pump.documentId] },
      { add: ['  Wet  Goods '], remove: [] },
    );

    const page = await readDocumentPage(deps(), workspace.read, { ...firstPage, limit: 2 });
    expect(page.documents.map((each) => each.title)).toEqual(['broken', 'pump 100%']);
    expect(page).toMatchObject({
      total: 4,
      byGroup: { moving: 1, ready: 2, failed: 1, cancelled: 0, superseded: 0 },
      tags: [{ tag: 'wet goods', count: 1 }],
    });
    expect(await titles(workspace, { offset: 2 })).toEqual(['valve', 'Waiting']);
    expect(await titles(workspace, { isDescending: true, limit: 1 })).toEqual(['Waiting']);
    expect(await titles(workspace, { order: 'size', isDescending: true, limit: 1 })).toEqual(['valve']);
    expect(await titles(workspace, { search: 'PUMP' })).toEqual(['pump 100%']);
    expect(await titles(workspace, { search: 'goods pump' })).toEqual(['pump 100%']);
    // What LIKE would take for wildcards is what it says.
    expect(await titles(workspace, { search: '0%' })).toEqual(['pump 100%']);
    expect(await titles(workspace, { search: '%v%' })).toEqual([]);
    expect(await titles(workspace, { search: 'p_mp' })).toEqual([]);
    expect(await titles(workspace, { group: 'failed' })).toEqual(['broken']);
    expect(await titles(workspace, { group: 'moving' })).toEqual(['Waiting']);
    expect(await titles(workspace, { tag: 'wet goods' })).toEqual(['pump 100%']);
    expect(await titles(workspace, { mediaType: 'text/plain' })).toEqual(['valve']);
    expect(await countDocumentsInUse(deps(), workspace.read)).toEqual({ indexed: 2, pending: 1 });
    expect(await titles(other)).toEqual(['pump of others']);
    await cancelSelected(deps(), workspace.write, { documentIds: [waiting.documentId] });
    stage.deliveries.length = 0;
  });

  it('changes many at once, skips what has nothing to change, and knows no foreign ids', async () => {
    const workspace = await stage.addWorkspace();
    const other = await stage.addWorkspace();
    const foreign = await stage.addText(other, 'a.txt', 'A text of another tenant.');
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c'])
      ids.push((await stage.addText(workspace, `${name}.txt`, `A text named ${name}.`)).documentId);
    const selection = { documentIds: ids };
    expect(await cancelSelected(deps(), workspace.write, selection)).toEqual({ found: 3, changed: 3 });
    expect(await cancelSelected(deps(), workspace.write, selection)).toEqual({ found: 3, changed: 0 });
    expect((await listDocumentViews(deps(), workspace.read)).map((each) => each.state)).toEqual(
      Array.from({ length: 3 }, () => 'cancelled'),
    );
    const cancelled = { matching: { ...everything, group: 'cancelled' as const } };
    expect(await retrySelected(deps(), workspace.write, cancelled)).toEqual({ found: 3, changed: 3 });
    await stage.performAll();
    expect(await titles(workspace, { group: 'ready' })).toEqual(['a', 'b', 'c']);

    const add = { add: ['Spring', 'manuals'], remove: [] };
    expect(await tagSelected(deps(), workspace.write, selection, add)).toEqual({ found: 3, changed: 3 });
    expect(await tagSelected(deps(), workspace.write, selection, add)).toEqual({ found: 3, changed: 0 });
    const swap = { add: ['autumn'], remove: ['SPRING'] };
    expect(await tagSelected(deps(), workspace.write, { documentIds: ids.slice(1) }, swap)).toMatchObject({
      changed: 2,
    });
    const tagged = await listDocumentViews(deps(), workspace.read);
    expect(Object.fromEntries(tagged.map((each) => [each.title, each.tags]))).toEqual({
      a: ['manuals', 'spring'],
      b: ['autumn', 'manuals'],
      c: ['autumn', 'manuals'],
    });
    const flood = { add: Array.from({ length: MAX_TAGS }, (_, index) => `t${index}`), remove: [] };
    expect(await tagSelected(deps(), workspace.write, selection, flood)).toMatchObject({ changed: 0 });
    for (const tag of ['', 'x'.repeat(41), 'a,b', 'a\u0000b'])
      await expect(tagSelected(deps(), workspace.write, selection, { add: [tag], remove: [] })).rejects.toMatchObject({
        code: 'document.tag-invalid',
      });

    const theirs = { documentIds: [foreign.documentId] };
    for (const attempt of [
      () => deleteSelected(deps(), workspace.write, theirs),
      () => retrySelected(deps(), workspace.write, theirs),
      () => cancelSelected(deps(), workspace.write, theirs),
      () => tagSelected(deps(), workspace.write, theirs, add),
      () => prioritiseSelected(deps(), workspace.write, theirs, 'always'),
      () => supersedeDocument(deps(), workspace.write, ids[0] ?? '', foreign.documentId),
      () => supersedeDocument(deps(), workspace.write, foreign.documentId, null),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'document.not-found' });
    expect(await listDocumentViews(deps(), other.read)).toMatchObject([
      { tags: [], priority: 'normal', state: 'ready' },
    ]);

    expect(await deleteSelected(deps(), workspace.write, { matching: { ...everything, tag: 'autumn' } })).toEqual({
      found: 2,
      changed: 2,
    });
    expect(await titles(workspace)).toEqual(['a']);
    expect(await readDeletedDocuments(deps(), workspace.read, { offset: 0, limit: 10 })).toMatchObject({
      total: 2,
      unfinished: 2,
      documents: [{ state: 'removing' }, { state: 'removing' }],
    });
    stage.deliveries.splice(
      0,
      stage.deliveries.length,
      ...stage.deliveries.filter(({ kind }) => kind === 'document.delete'),
    );
    expect(await stage.performAll()).toEqual(['succeeded', 'succeeded']);
    expect(await readDeletedDocuments(deps(), workspace.read, { offset: 0, limit: 10 })).toMatchObject({
      unfinished: 0,
      documents: [
        { state: 'gone', removedFiles: 1 },
        { state: 'gone', removedFiles: 1 },
      ],
    });
    expect(await readDeletedDocuments(deps(), other.read, { offset: 0, limit: 10 })).toMatchObject({ total: 0 });
  });

  it('lets a newer document answer in place of an older one, until it is deleted', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const old = await stage.addText(workspace, 'old.txt', 'The valve opens at 3 bar.');
    const middle = await stage.addText(workspace, 'middle.txt', 'The valve opens at 4 bar.');
    const fresh = await stage.addText(workspace, 'fresh.txt', 'The valve opens at 5 bar.');
    await expect(supersedeDocument(deps(), workspace.write, old.documentId, fresh.documentId)).rejects.toMatchObject({
      code: 'document.not-indexed',
    });
    await stage.performAll();
    await supersedeDocument(deps(), workspace.write, old.documentId, middle.documentId);
    await supersedeDocument(deps(), workspace.write, middle.documentId, fresh.documentId);
    const answers = async () =>
      (await askFor(workspace, 'at which pressure does the valve open')).map((each) => each.text).sort();
    expect(await answers()).toEqual(['The valve opens at 5 bar.']);
    expect(await titles(workspace, { group: 'superseded' })).toEqual(['middle', 'old']);
    expect((await readDocument({ db }, workspace.read, old.documentId)).supersededBy).toEqual({
      id: middle.documentId,
      title: 'middle',
    });
    for (const [documentId, successorId] of [
      [fresh.documentId, old.documentId],
      [old.documentId, old.documentId],
    ] as const)
      await expect(supersedeDocument(deps(), workspace.write, documentId, successorId)).rejects.toMatchObject({
        code: 'document.supersedes-itself',
      });

    // The one in the middle goes: what it superseded is superseded by what superseded it.
    await deleteDocument(deps(), workspace.write, middle.documentId);
    expect((await readDocument({ db }, workspace.read, old.documentId)).supersededBy?.id).toBe(fresh.documentId);
    expect(await answers()).toEqual(['The valve opens at 5 bar.']);
    await deleteDocument(deps(), workspace.write, fresh.documentId);
    expect(await answers()).toEqual(['The valve opens at 3 bar.']);
    expect(await stage.performAll()).toEqual(['succeeded', 'succeeded']);
    await supersedeDocument(deps(), workspace.write, old.documentId, null);
  });

  it('keeps a place for a document that is always to be included', async () => {
    const workspace = await stage.addWorkspace();
    for (const number of [1, 2, 3, 4, 5, 6])
      await stage.addText(
        workspace,
        `${number}.txt`,
        `The valve of pump ${number} opens at ${number} bar of pressure.`,
      );
    const rule = await stage.addText(
      workspace,
      'rule.txt',
      'Safety first: before work on any machine, close the water and wait. A valve is no toy.',
    );
    await stage.performAll();
    const found = async () => (await askFor(workspace, 'valve opens bar pressure', 2)).map((each) => each.documentId);
    expect(await found()).not.toContain(rule.documentId);
    await prioritiseSelected(deps(), workspace.write, { documentIds: [rule.documentId] }, 'always');
    expect(await found()).toContain(rule.documentId);
    expect(await found()).toHaveLength(2);
  });

  it('takes a new version under another name, in its folder, and refuses what another document has', async () => {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const upload = (fileName: string, text: string) =>
      addUpload(deps(), workspace.write, { fileName, keepsFolders: true, stream: streamOnce(text) });
    const first = await upload('pumps/p9/manual 2024.md', '# Pump\n\nThe pump moves 3 litres.');
    await upload('pumps/p8/manual 2024.md', '# Pump\n\nThe pump moves 2 litres.');
    await stage.performAll();
    if (first.outcome === 'unpacking') throw new Error('expected a document');
    expect(await titles(workspace)).toEqual(['manual 2024', 'manual 2024']);
    const replace = (fileName: string, text: string) =>
      addVersion(deps(), workspace.write, first.documentId, { fileName, stream: streamOnce(text) });
    await expect(replace('x.md', '# Pump\n\nThe pump moves 2 litres.')).rejects.toMatchObject({
      code: 'document.duplicate',
    });
    expect(await replace('x.md', '# Pump\n\nThe pump moves 3 litres.')).toMatchObject({ outcome: 'unchanged' });
    expect(await replace('manual 2025.md', '# Pump\n\nThe pump moves 4 litres.')).toMatchObject({
      outcome: 'new-version',
      fileName: 'pumps/p9/manual 2025.md',
    });
    await stage.performAll();
    const document = await readDocument({ db }, workspace.read, first.documentId);
    expect(document).toMatchObject({ title: 'manual 2025', versionOrdinal: 2, state: 'ready' });
    expect(document.versions.map((each) => [each.fileName, each.isCurrent, each.runState])).toEqual([
      ['pumps/p9/manual 2025.md', true, 'succeeded'],
      ['pumps/p9/manual 2024.md', false, 'succeeded'],
    ]);
    const [current, before] = document.versions;
    const chunksOf = (versionId = '') =>
      readPageChunks({ db }, workspace.read, { documentId: first.documentId, versionId, pageNumber: 1 });
    expect((await chunksOf(current?.id)).chunks).toMatchObject([
      { ordinal: 0, text: expect.stringContaining('4 litres') },
    ]);
    expect(await chunksOf(before?.id)).toMatchObject({ chunks: [], chunkCount: 0 });
    const stranger = await stage.addWorkspace();
    await expect(
      readPageChunks({ db }, stranger.read, {
        documentId: first.documentId,
        versionId: current?.id ?? '',
        pageNumber: 1,
      }),
    ).rejects.toMatchObject({ code: 'document.not-found' });
  });
});
