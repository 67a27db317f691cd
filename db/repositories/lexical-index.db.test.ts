import { randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import type { DatabaseExecutor } from '#db/executor.ts';
import { chunks, documents, termBatches, termPostings } from '#db/schema/documents.ts';
import { indexConfigs, workspaces } from '#db/schema/workspaces.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { prepareLexicalText } from '#lib/domain/lexical-text.ts';
import { createChunk, deleteChunksOfVersion, insertChunks } from './chunks.ts';
import { findDocumentVersion, insertDocument, insertDocumentVersion, publishVersion } from './documents.ts';
import { insertTerms, searchLexical } from './lexical-index.ts';
import { readSurroundings } from './passages.ts';

const K1 = 0.9;
const B = 0.4;

/** Terms as the index has them, with repetitions. */
async function stem(db: DatabaseExecutor, text: string): Promise<string[]> {
  const { words, codes } = prepareLexicalText(text);
  const result = await db.execute<{ term: string; count: number }>(
    sql`select lexeme as term, cardinality(positions) as count from unnest(to_tsvector('english', ${words}))`,
  );
  return [...result.rows.flatMap((row) => Array.from({ length: row.count }, () => row.term)), ...codes];
}

/** BM25 as its definition reads, over terms that are given. */
function scoreByDefinition(texts: readonly (readonly string[])[], question: readonly string[]): number[] {
  const average = texts.reduce((sum, terms) => sum + terms.length, 0) / texts.length;
  return texts.map((terms) =>
    [...new Set(question)].reduce((sum, term) => {
      const documentFrequency = texts.filter((others) => others.includes(term)).length;
      const frequency = terms.filter((other) => other === term).length;
      const idf = Math.log(1 + (texts.length - documentFrequency + 0.5) / (documentFrequency + 0.5));
      return sum + (idf * frequency * (K1 + 1)) / (frequency + K1 * (1 - B + (B * terms.length) / average));
    }, 0),
  );
}

/** The first question whose scores differ; null when none does. */
async function findDifference(
  comparison: Promise<{
    readonly found: readonly (readonly string[])[];
    readonly expected: readonly (readonly string[])[];
  }>,
) {
  const { found, expected } = await comparison;
  const index = QUESTIONS.findIndex((_, at) => JSON.stringify(found[at]) !== JSON.stringify(expected[at]));
  return index === -1 ? null : { question: QUESTIONS[index], found: found[index], expected: expected[index] };
}

const MANUAL = [
  'The pump lifts water. The pump needs oil.',
  'Oil the seal MX-7731 every year; the seal of the pump is worn when water drips.',
  'Water hardness is set on the display.',
  'Part MX-7732 replaces part MX-7731 in pumps that were built before 2019.',
  'The display shows the error E-14 when the valve is blocked. Clean the valve, then the pump.',
];
const QUESTIONS = [
  'pump',
  'What replaces MX-7731?',
  'mx7732',
  'Which seals are worn by water?',
  'error E-14 on the displays',
  'nothing of this is here: zebra',
];

describeDatabase('the lexical index', (getDatabase) => {
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
        dimensions: 3,
        chunkSizeTokens: 100,
        chunkOverlapTokens: 0,
        isActive: true,
      })
      .returning();
    if (!config) throw new Error('no configuration');

    async function addVersion(documentId: string, texts: readonly string[], batchSize = 2) {
      const version = await insertDocumentVersion(db, access, {
        documentId,
        fileName: 'manual.txt',
        blobSha256: 'a'.repeat(64),
        mediaType: 'text/plain',
        sizeBytes: 1,
      });
      const key = { documentId, versionId: version.id, indexConfigId: config?.id ?? '' };
      const stored = texts.map((text, ordinal) =>
        createChunk(access, key, {
          ordinal,
          pageNumber: 1,
          startOffset: 0,
          endOffset: text.length,
          sectionStartOffset: 0,
          sectionEndOffset: text.length,
          headings: [],
          text,
          tokenCount: 1,
        }),
      );
      await insertChunks(db, stored);
      for (let start = 0; start < stored.length; start += batchSize) {
        const batch = stored.slice(start, start + batchSize);
        const rows = batch.map((chunk) => ({ chunkId: chunk.id, text: prepareLexicalText(chunk.text) }));
        await db.transaction((tx) => insertTerms(tx, access, key.indexConfigId, rows));
      }
      return { key, version };
    }
    async function publish(versionId: string) {
      const found = await findDocumentVersion(db, access, versionId);
      if (!found) throw new Error('no version');
      await publishVersion(db, access, found.version);
    }
    async function addDocument(texts: readonly string[], batchSize?: number) {
      const document = await insertDocument(db, access, {
        fileName: `${randomUUID()}.txt`,
        title: 'manual',
        createdBy: null,
      });
      const { key, version } = await addVersion(document.id, texts, batchSize);
      await publish(version.id);
      return { ...key, version };
    }
    const search = (question: string, documentIds?: readonly string[], limit = 100) =>
      searchLexical(db, access, config.id, prepareLexicalText(question), {
        k1: K1,
        b: B,
        limit,
        ...(documentIds && { documentIds }),
      });
    /** What was found and what the definition finds among `texts`, for each question: text and score, in one order. */
    async function compareScores(texts: readonly string[]) {
      const stemmed = await Promise.all(texts.map((text) => stem(db, text)));
      const rows = await db.select({ id: chunks.id, text: chunks.text }).from(chunks);
      const textOf = new Map(rows.map((row) => [row.id, row.text]));
      const found: string[][] = [];
      const expected: string[][] = [];
      for (const question of QUESTIONS) {
        const scores = scoreByDefinition(stemmed, await stem(db, question));
        const { hits } = await search(question);
        found.push(hits.map((hit) => `${hit.score.toFixed(9)} ${textOf.get(hit.chunkId)}`).toSorted());
        expected.push(
          texts
            .flatMap((text, index) => ((scores[index] ?? 0) > 0 ? [`${scores[index]?.toFixed(9)} ${text}`] : []))
            .toSorted(),
        );
      }
      return { found, expected };
    }
    return { access, config, addDocument, addVersion, publish, search, compareScores };
  }

  it('scores as the definition says, whatever the batches', async () => {
    const { addDocument, compareScores } = await openWorkspace();
    await addDocument(MANUAL.slice(0, 3), 2);
    await addDocument(MANUAL.slice(3), 100);
    expect(await findDifference(compareScores(MANUAL))).toBeNull();
  });

  it('finds a code as typed, with and without its hyphen, and no neighbour of it', async () => {
    const { addDocument, search } = await openWorkspace();
    await addDocument(MANUAL);
    const [best, ...others] = (await search('MX-7732')).hits;
    expect((await search('mx7732')).hits).toEqual([expect.objectContaining({ chunkId: best?.chunkId })]);
    // The parts of the code are words as well, but the code outweighs them.
    expect(best?.score).toBeGreaterThan(2 * (others[0]?.score ?? 0));
  });

  it('keeps its statistics right when documents come, are replaced, deleted and superseded', async () => {
    const { db } = getDatabase();
    const { access, addDocument, addVersion, publish, compareScores } = await openWorkspace();
    const first = await addDocument(MANUAL.slice(0, 2));
    const second = await addDocument(MANUAL.slice(2, 4));
    const replacement = [MANUAL[4] ?? '', 'The pump of the second edition needs no oil.'];
    const { version } = await addVersion(first.documentId, replacement);
    // Entered, but not answering yet: nothing of it shows.
    expect(await findDifference(compareScores(MANUAL.slice(0, 4)))).toBeNull();
    await publish(version.id);
    expect(await findDifference(compareScores([...MANUAL.slice(2, 4), ...replacement]))).toBeNull();
    await deleteChunksOfVersion(db, access, first);
    expect(await findDifference(compareScores([...MANUAL.slice(2, 4), ...replacement]))).toBeNull();
    await db.update(documents).set({ supersededById: first.documentId }).where(eq(documents.id, second.documentId));
    expect(await findDifference(compareScores(replacement))).toBeNull();
    await db
      .update(documents)
      .set({ supersededById: null, deletedAt: sql`now()` })
      .where(eq(documents.id, second.documentId));
    expect(await findDifference(compareScores(replacement))).toBeNull();
    await db.delete(documents).where(eq(documents.id, second.documentId));
    expect(await findDifference(compareScores(replacement))).toBeNull();
    // Nothing is left of what was taken out.
    expect(await db.$count(termBatches, eq(termBatches.workspaceId, access.workspaceId))).toBe(1);
    const left = await db.select().from(termPostings).where(eq(termPostings.workspaceId, access.workspaceId));
    expect(new Set(left.map((row) => row.batchId)).size).toBe(1);
  });

  it('keeps its statistics right when two writers enter, and two enter the same', async () => {
    const { db } = getDatabase();
    const { access, addDocument, compareScores, search } = await openWorkspace();
    const [one] = await Promise.all([addDocument(MANUAL.slice(0, 3), 1), addDocument(MANUAL.slice(3), 1)]);
    expect(await findDifference(compareScores(MANUAL))).toBeNull();
    const rows = await db.select().from(chunks).where(eq(chunks.versionId, one.versionId));
    const again = rows.map((chunk) => ({ chunkId: chunk.id, text: prepareLexicalText(chunk.text) }));
    await insertTerms(db, access, one.indexConfigId, again);
    expect(await findDifference(compareScores(MANUAL))).toBeNull();
    expect((await search('pump')).terms).toMatchObject([{ term: 'pump', documentFrequency: 4 }]);
  });

  it('finds the very best of many chunks, however common the words', async () => {
    const { db } = getDatabase();
    const { addDocument, search } = await openWorkspace();
    // Words of which the first stands in nearly every chunk and the last in next to none.
    let state = 7;
    const random = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    const word = () => `w${'abcdefghijklmnopqrst'[Math.floor(random() ** 3 * 20)]}x`;
    const write = (count: number) => Array.from({ length: count }, word).join(' ');
    const texts = Array.from({ length: 200 }, () => write(3 + Math.floor(random() * 12)));
    for (let start = 0; start < texts.length; start += 20) await addDocument(texts.slice(start, start + 20), 5);
    const stemmed = await Promise.all(texts.map((text) => stem(db, text)));
    for (let asked = 0; asked < 25; asked += 1) {
      const question = `${write(4)} ${asked % 2 === 0 ? 'wtx wsx' : ''}`;
      const best = scoreByDefinition(stemmed, await stem(db, question))
        .filter((score) => score > 0)
        .toSorted((a, b) => b - a);
      const limit = 1 + (asked % 8);
      const { hits } = await search(question, undefined, limit);
      expect(hits.map(({ score }) => score.toFixed(9))).toEqual(best.slice(0, limit).map((score) => score.toFixed(9)));
    }
  });

  it('ranks inside some documents with the weights of the whole workspace', async () => {
    const { addDocument, search } = await openWorkspace();
    const one = await addDocument(MANUAL.slice(0, 2));
    await addDocument(MANUAL.slice(2));
    const everywhere = await search('pump water');
    const inside = await search('pump water', [one.documentId]);
    expect(inside.terms).toEqual(everywhere.terms);
    expect(inside.hits).toHaveLength(2);
    expect(everywhere.hits).toEqual(expect.arrayContaining([...inside.hits]));
  });

  it('says which chunks have which terms, in every batch', async () => {
    const { db } = getDatabase();
    const { access, addDocument } = await openWorkspace();
    const added = await addDocument(MANUAL, 2);
    const rows = await db.select().from(chunks).where(eq(chunks.versionId, added.versionId)).orderBy(chunks.ordinal);
    const ids = rows.map((row) => row.id);
    const asked = ['pump', 'mx-7731', 'zebra'];
    const { terms: found } = await readSurroundings(db, access, added.indexConfigId, ids, asked);
    const ordinals = (term: string) =>
      found
        .filter((row) => row.term === term)
        .map((row) => ids.indexOf(row.chunkId))
        .toSorted((a, b) => a - b);
    expect([ordinals('pump'), ordinals('mx-7731'), ordinals('zebra')]).toEqual([[0, 1, 3, 4], [1, 3], []]);
  });

  describe('between workspaces', () => {
    it('shows nothing of another one, not even its statistics', async () => {
      const mine = await openWorkspace();
      const other = await openWorkspace();
      await mine.addDocument(MANUAL);
      const theirs = await other.addDocument([...MANUAL, 'pump pump pump']);
      expect(await findDifference(mine.compareScores(MANUAL))).toBeNull();
      expect((await mine.search('pump', [theirs.documentId])).hits).toEqual([]);
      const { db } = getDatabase();
      const foreign = await db.select().from(chunks).where(eq(chunks.versionId, theirs.versionId));
      const ids = foreign.map((row) => row.id);
      expect(await readSurroundings(db, mine.access, theirs.indexConfigId, ids, ['pump'])).toEqual({
        pages: [],
        terms: [],
      });
    });
  });
});
