import { createServer } from 'node:http';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { documents } from '#db/schema/documents.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { search } from '#lib/retrieval/search.ts';
import { type IngestionStage, openIngestionStage } from '#lib/testing/ingestion-stage.ts';
import { listWebPageViews, readDocument } from '../read-documents.ts';
import { addWebPage, refetchWebPage } from './add-web-page.ts';

const page = (pressure: number) =>
  `<title>Pump P-9</title><nav>Home</nav><h1>Pump</h1><p>The valve opens at ${pressure} bar.</p>`;

describeDatabase('web pages', (getDatabase) => {
  let stage: IngestionStage;
  let origin = '';
  let body = '';
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(body);
  });
  beforeAll(async () => {
    stage = await openIngestionStage(getDatabase().db);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    origin = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await stage.close();
  });
  const fetch = { isAddressAllowed: (address: string) => address === '127.0.0.1' };

  it('becomes a document with its address, and a new version when its bytes have changed', async () => {
    const { db } = getDatabase();
    const deps = { db, queue: stage.queue, blobs: stage.blobs };
    const workspace = await stage.addWorkspace();
    body = page(3);
    const added = await addWebPage(deps, workspace.write, { address: `${origin}/pump#valve`, fetch });
    expect(added.outcome).toBe('created');
    expect(await stage.performAll()).toEqual(['succeeded']);
    const read = () => readDocument({ db }, workspace.read, added.documentId);
    expect(await read()).toMatchObject({
      title: 'Pump P-9',
      sourceUrl: `${origin}/pump`,
      state: 'ready',
      mediaType: 'text/html',
      versions: [{ fetched: { url: `${origin}/pump`, at: expect.stringMatching(/^\d{4}-/) } }],
    });

    const again = { documentId: added.documentId, fetch };
    expect(await refetchWebPage(deps, workspace.write, again)).toMatchObject({ outcome: 'unchanged', runId: null });
    body = page(4);
    expect(await addWebPage(deps, workspace.write, { address: `${origin}/pump`, fetch })).toMatchObject({
      documentId: added.documentId,
      outcome: 'new-version',
    });
    await stage.performAll();
    body = page(5);
    expect(await refetchWebPage(deps, workspace.write, again)).toMatchObject({ outcome: 'new-version' });
    await stage.performAll();
    expect((await read()).versions.map((version) => version.ordinal)).toEqual([3, 2, 1]);
    const { sources } = await search({ db, runtime: stage.runtime }, workspace.read, {
      query: 'When does the valve open?',
      config: { candidatesPerLeg: 10, topK: 3 },
    });
    expect(sources.map((source) => source.text).join()).toContain('5 bar');
    expect(sources.map((source) => source.text).join()).not.toContain('4 bar');
    expect(await listWebPageViews({ db }, workspace.read)).toMatchObject([
      {
        document: {
          id: added.documentId,
          title: 'Pump P-9',
          sourceUrl: `${origin}/pump`,
          versionOrdinal: 3,
          state: 'ready',
        },
      },
    ]);
  });

  it('is of its workspace alone, and no uploaded file', async () => {
    const { db } = getDatabase();
    const deps = { db, queue: stage.queue, blobs: stage.blobs };
    const [mine, other] = [await stage.addWorkspace(), await stage.addWorkspace()];
    body = page(7);
    const added = await addWebPage(deps, mine.write, { address: `${origin}/tenant`, fetch });
    await expect(refetchWebPage(deps, other.write, { documentId: added.documentId, fetch })).rejects.toMatchObject({
      code: 'document.not-found',
    });
    expect(await listWebPageViews({ db }, other.read)).toEqual([]);
    expect((await addWebPage(deps, other.write, { address: `${origin}/tenant`, fetch })).outcome).toBe('created');
    const uploaded = await stage.addText(mine, 'a.txt', 'words');
    await expect(refetchWebPage(deps, mine.write, { documentId: uploaded.documentId, fetch })).rejects.toMatchObject({
      code: 'document.no-address',
    });
    // Without the test's own rule the same address is refused, and nothing is stored.
    await expect(addWebPage(deps, mine.write, { address: `${origin}/other` })).rejects.toMatchObject({
      code: 'document.address-refused',
    });
    expect(await db.$count(documents, eq(documents.workspaceId, mine.id))).toBe(2);
    await stage.performAll();
  });
});
