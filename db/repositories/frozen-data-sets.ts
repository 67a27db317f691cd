import { and, asc, desc, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { dataSets, dataSetVersionRows, dataSetVersions } from '#db/schema/data-sets.ts';
import { documents } from '#db/schema/documents.ts';
import type { Authorized } from '#lib/domain/access.ts';

/** Reads of frozen versions by those who train on them; how they come about is the data sets' own business. */
export type FrozenVersion = typeof dataSetVersions.$inferSelect & { readonly dataSetName: string };

const joinDataSet = and(
  eq(dataSets.workspaceId, dataSetVersions.workspaceId),
  eq(dataSets.id, dataSetVersions.dataSetId),
);

/** Of data sets that are not deleted, newest first. */
export async function listFrozenVersions(
  db: DatabaseExecutor,
  access: Authorized<'dataset.read'>,
  limit: number,
): Promise<FrozenVersion[]> {
  const rows = await db
    .select({ version: dataSetVersions, dataSetName: dataSets.name })
    .from(dataSetVersions)
    .innerJoin(dataSets, joinDataSet)
    .where(and(eq(dataSetVersions.workspaceId, access.workspaceId), isNull(dataSets.deletedAt)))
    .orderBy(desc(dataSetVersions.createdAt), desc(dataSetVersions.id))
    .limit(limit);
  return rows.map(({ version, dataSetName }) => ({ ...version, dataSetName }));
}

/** Versions of a deleted data set are found as well: what was trained on them still names them. */
export async function findFrozenVersion(
  db: DatabaseExecutor,
  access: Authorized<'dataset.read'>,
  versionId: string,
): Promise<FrozenVersion | undefined> {
  const [row] = await db
    .select({ version: dataSetVersions, dataSetName: dataSets.name })
    .from(dataSetVersions)
    .innerJoin(dataSets, joinDataSet)
    .where(and(eq(dataSetVersions.workspaceId, access.workspaceId), eq(dataSetVersions.id, versionId)));
  return row && { ...row.version, dataSetName: row.dataSetName };
}

export interface FrozenLine {
  /** From 1, in the split's file. */
  readonly line: number;
  readonly intent: string;
  readonly documentId: string | null;
}

/** What is known of the lines of a split's file, in their order. */
export async function listFrozenLines(
  db: DatabaseExecutor,
  access: Authorized<'dataset.read'>,
  versionId: string,
  split: (typeof dataSetVersionRows.$inferSelect)['split'],
): Promise<FrozenLine[]> {
  return db
    .select({
      line: dataSetVersionRows.line,
      intent: dataSetVersionRows.intent,
      documentId: dataSetVersionRows.documentId,
    })
    .from(dataSetVersionRows)
    .where(
      and(
        eq(dataSetVersionRows.workspaceId, access.workspaceId),
        eq(dataSetVersionRows.versionId, versionId),
        eq(dataSetVersionRows.split, split),
      ),
    )
    .orderBy(asc(dataSetVersionRows.line));
}

/**
 * Documents and conversations that the rows of a version came from, also those that only choose the best step or measure it: what
 * was deleted is to be in nothing that a run reads. A document that is gone keeps its id.
 */
export async function listFrozenSources(
  db: DatabaseExecutor,
  access: Authorized<'dataset.read'>,
  versionId: string,
): Promise<{
  readonly documents: readonly { readonly documentId: string; readonly title: string | null }[];
  readonly conversationIds: readonly string[];
}> {
  const mine = and(eq(dataSetVersionRows.workspaceId, access.workspaceId), eq(dataSetVersionRows.versionId, versionId));
  const sources = await db
    .selectDistinct({ documentId: dataSetVersionRows.documentId, title: documents.title })
    .from(dataSetVersionRows)
    .leftJoin(
      documents,
      and(eq(documents.workspaceId, dataSetVersionRows.workspaceId), eq(documents.id, dataSetVersionRows.documentId)),
    )
    .where(and(mine, isNotNull(dataSetVersionRows.documentId)));
  const conversations = await db
    .selectDistinct({ id: sql<string>`${dataSetVersionRows.conversationId}` })
    .from(dataSetVersionRows)
    .where(and(mine, isNotNull(dataSetVersionRows.conversationId)));
  return {
    documents: sources.flatMap(({ documentId, title }) => (documentId === null ? [] : [{ documentId, title }])),
    conversationIds: conversations.map(({ id }) => id),
  };
}
