import { and, asc, eq, inArray, isNull } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { chunks, documents } from '#db/schema/documents.ts';
import { indexConfigs } from '#db/schema/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';

export interface ManualPassage {
  readonly chunkId: string;
  readonly documentId: string;
  readonly documentTitle: string;
  readonly versionId: string;
  readonly pageNumber: number;
  readonly startOffset: number;
  readonly endOffset: number;
  readonly headings: readonly string[];
  readonly text: string;
}

/** Chunks that answer questions now, in reading order; of all documents when none is named. */
export async function listManualPassages(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  documentIds: readonly string[],
): Promise<ManualPassage[]> {
  return db
    .select({
      chunkId: chunks.id,
      documentId: chunks.documentId,
      documentTitle: documents.title,
      versionId: chunks.versionId,
      pageNumber: chunks.pageNumber,
      startOffset: chunks.startOffset,
      endOffset: chunks.endOffset,
      headings: chunks.headings,
      text: chunks.text,
    })
    .from(chunks)
    .innerJoin(documents, and(eq(documents.id, chunks.documentId), eq(documents.workspaceId, chunks.workspaceId)))
    .innerJoin(indexConfigs, eq(indexConfigs.id, chunks.indexConfigId))
    .where(
      and(
        eq(chunks.workspaceId, access.workspaceId),
        isNull(documents.deletedAt),
        eq(documents.currentVersionId, chunks.versionId),
        eq(indexConfigs.isActive, true),
        documentIds.length === 0 ? undefined : inArray(documents.id, [...documentIds]),
      ),
    )
    .orderBy(asc(documents.createdAt), asc(documents.id), asc(chunks.ordinal));
}
