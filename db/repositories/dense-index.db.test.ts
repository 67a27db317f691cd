import { randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { documents } from '#db/schema/documents.ts';
import { indexConfigs, workspaces } from '#db/schema/workspaces.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { findSearchedIndex, maintainDenseIndex, searchDense } from './dense-index.ts';
import { findDocumentVersion, insertDocument, insertDocumentVersion, publishVersion } from './documents.ts';

const DIMENSIONS = 8;
const LIMIT = 10;

/** A unit vector in a direction of its own for each `turn`. */
const makeVector = (turn: number) => {
  const raw = Array.from({ length: DIMENSIONS }, (_, axis) => Math.sin((axis + 1) * (turn + 1) * 0.7));
  const norm = Math.hypot(...raw);
  return Float32Array.from(raw, (value) => value / norm);
};

describeDatabase('dense search', (getDatabase) => {
  async function openWorkspace() {
    const { db } = getDatabase();
    const slug = `w-${randomUUID()}`;
    const [workspace] = await db.insert(workspaces).values({ slug, name: slug }).returning();
    if (!workspace) throw new Error('no workspace');
    const access = await authorizeSystem('test', workspace.id, 'document.write');
    const [config] = await db
      .insert(indexConfigs)
      .values({
        workspaceId: workspace.id,
        embeddingModel: 'none',
        dimensions: DIMENSIONS,
        chunkSizeTokens: 100,
        chunkOverlapTokens: 0,
        isActive: true,
      })
      .returning();
    if (!config) throw new Error('no configuration');

    /** A document whose vectors lie at random around a direction. */
    async function addDocument(chunkCount: number, centre: Float32Array, spread: number) {
      const document = await insertDocument(db, access, { fileName: 'a.txt', title: 'a', createdBy: null });
      const version = await insertDocumentVersion(db, access, {
        documentId: document.id,
        fileName: 'a.txt',
        blobSha256: 'a'.repeat(64),
        mediaType: 'text/plain',
        sizeBytes: 1,
      });
      await db.execute(sql`
        insert into chunks (id, workspace_id, document_id, version_id, index_config_id, ordinal, page_number, start_offset,
          end_offset, section_start_offset, section_end_offset, headings, text, token_count, term_count)
        select gen_random_uuid(), ${access.workspaceId}::uuid, ${document.id}::uuid, ${version.id}::uuid, ${config?.id}::uuid,
          number, 1, 0, 1, 0, 1, '{}', 'text', 1, 1
        from generate_series(1, ${chunkCount}::integer) as number`);
      await db.execute(sql`
        insert into chunk_embeddings (chunk_id, workspace_id, index_config_id, embedding)
        select id, workspace_id, index_config_id, l2_normalize((
          select array_agg(value + ${spread}::float8 * (random() - 0.5) + 0 * ordinal order by place)
          from unnest(${sql.param([...centre])}::float8[]) with ordinality as centre(value, place)
        )::vector) from chunks where version_id = ${version.id}::uuid`);
      const found = await findDocumentVersion(db, access, version.id);
      if (found) await publishVersion(db, access, found.version);
      return document.id;
    }
    async function search(vector: Float32Array, options: { method?: 'exact'; documentIds?: readonly string[] } = {}) {
      const index = await findSearchedIndex(db, access);
      if (!index) throw new Error('no index');
      const used = { ...index, hasDenseIndex: options.method !== 'exact' && index.hasDenseIndex };
      const { documentIds } = options;
      return await searchDense(db, access, used, vector, { limit: LIMIT, ...(documentIds && { documentIds }) });
    }
    return { db, access, config, addDocument, search };
  }

  it('finds through an index what it finds without, and no passage that does not answer', async () => {
    const { db, access, config, addDocument, search } = await openWorkspace();
    const [near, far] = [makeVector(1), makeVector(2)];
    const small = await openWorkspace();
    await small.addDocument(20, near, 0.1);
    const first = await addDocument(4000, near, 0.8);
    await maintainDenseIndex(db, access, config);
    expect((await search(near)).method).toBe('exact');
    const second = await addDocument(1500, far, 0.8);
    await maintainDenseIndex(db, access, config);

    for (const turn of [1, 2, 3, 4, 5]) {
      const indexed = await search(makeVector(turn));
      expect(indexed.method).toBe('index');
      expect(indexed.hits).toEqual((await search(makeVector(turn), { method: 'exact' })).hits);
      expect(indexed.hits).toHaveLength(LIMIT);
    }
    const effort = await db.execute<{ effort: string }>(sql`select current_setting('hnsw.ef_search') as effort`);
    expect(effort.rows).toEqual([{ effort: '40' }]);

    const inSecond = await search(near, { documentIds: [second] });
    expect(inSecond.hits.map((hit) => hit.documentId)).toEqual(Array.from({ length: LIMIT }, () => second));
    // All that the index offers belongs to a document that does not answer: the others are found all the same.
    for (const state of [{ supersededById: second }, { supersededById: null, deletedAt: new Date().toISOString() }]) {
      const deletedAt = state.deletedAt === undefined ? null : sql`${state.deletedAt}::timestamptz`;
      await db
        .update(documents)
        .set({ supersededById: state.supersededById, deletedAt })
        .where(eq(documents.id, first));
      const { hits } = await search(near);
      expect(hits.map((hit) => hit.documentId)).toEqual(Array.from({ length: LIMIT }, () => second));
    }
    // The neighbour with as near vectors shows nowhere, and sees nothing of this one.
    const beside = await small.search(near);
    expect(beside.method).toBe('exact');
    expect(beside.hits).toHaveLength(LIMIT);
    expect(new Set([...beside.hits, ...(await search(near)).hits].map((hit) => hit.chunkId)).size).toBe(2 * LIMIT);
    expect((await small.search(near, { documentIds: [second] })).hits).toEqual([]);
  });
});
