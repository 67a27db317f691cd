import { asc, eq } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { chunkEmbeddings, chunks, termBatches, termPostings } from '#db/schema/documents.ts';

/** Everything the index holds of a workspace, without ids and times, in a stable order. What is there twice is listed twice. */
export async function dumpIndex(db: DatabaseExecutor, workspaceId: string): Promise<readonly unknown[]> {
  const rows = await db
    .select({ chunk: chunks, embedding: chunkEmbeddings.embedding })
    .from(chunks)
    .leftJoin(chunkEmbeddings, eq(chunkEmbeddings.chunkId, chunks.id))
    .where(eq(chunks.workspaceId, workspaceId))
    .orderBy(asc(chunks.documentId), asc(chunks.ordinal));
  const postings = await db
    .select({ row: termPostings, batch: termBatches })
    .from(termPostings)
    .innerJoin(termBatches, eq(termBatches.firstChunkId, termPostings.batchId))
    .where(eq(termPostings.workspaceId, workspaceId));
  const terms = postings.flatMap(({ row, batch }) =>
    row.postings.map((posting) => ({
      term: row.term,
      versionId: batch.versionId,
      ordinal: batch.firstOrdinal + Math.floor(posting / 2 ** 32),
      frequency: Math.floor(posting / 2 ** 16) % 2 ** 16,
    })),
  );
  return rows.map(({ chunk, embedding }) => ({
    page: chunk.pageNumber,
    start: chunk.startOffset,
    end: chunk.endOffset,
    text: chunk.text,
    headings: chunk.headings,
    ordinal: chunk.ordinal,
    termCount: chunk.termCount,
    embedding: embedding && [...embedding].map((value) => value.toFixed(5)).join(' '),
    terms: terms
      .filter((term) => term.versionId === chunk.versionId && term.ordinal === chunk.ordinal)
      .map((term) => `${term.term}:${term.frequency}`)
      .sort(),
  }));
}
