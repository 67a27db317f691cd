import { and, asc, desc, eq, inArray, isNull, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { dataSetImports, dataSetRows, dataSets, dataSetVersions, type ImportProblem } from '#db/schema/data-sets.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError } from '#lib/domain/errors.ts';
import { isUniqueViolation } from './postgres-errors.ts';

export type DataSet = typeof dataSets.$inferSelect;
export type DataSetImport = typeof dataSetImports.$inferSelect;
type Read = Authorized<'dataset.read'> | Authorized<'dataset.write'>;
type Write = Authorized<'dataset.write'>;

export interface DataSetListRow {
  readonly dataSet: DataSet;
  readonly rowCount: number;
  readonly acceptedCount: number;
  /** The newest frozen version; 0: none yet. */
  readonly latestOrdinal: number;
}

const live = (access: Read) => and(eq(dataSets.workspaceId, access.workspaceId), isNull(dataSets.deletedAt));

function nameTaken(name: string, cause: unknown): AppError {
  return new AppError({
    code: 'dataset.name-taken',
    message: `a data set named ${name} exists in this workspace`,
    userMessage: 'A data set of this name exists. Choose another name.',
    cause,
  });
}

/** @throws AppError `dataset.name-taken` */
export async function insertDataSet(
  tx: DatabaseExecutor,
  access: Write,
  values: Pick<DataSet, 'name' | 'language' | 'maxRowTokens' | 'createdBy'>,
): Promise<DataSet> {
  try {
    const [row] = await tx
      .insert(dataSets)
      .values({ ...values, workspaceId: access.workspaceId })
      .returning();
    if (!row) throw new Error('insert of a data set returned no row');
    return row;
  } catch (error) {
    throw isUniqueViolation(error) ? nameTaken(values.name, error) : error;
  }
}

/** Newest first. */
export async function listDataSets(db: DatabaseExecutor, access: Read): Promise<DataSetListRow[]> {
  const rows = await db
    .select()
    .from(dataSets)
    .where(live(access))
    .orderBy(desc(dataSets.createdAt), desc(dataSets.id));
  const ids = rows.map(({ id }) => id);
  if (ids.length === 0) return [];
  const counts = await db
    .select({
      dataSetId: dataSetRows.dataSetId,
      rowCount: sql<number>`count(*)`,
      acceptedCount: sql<number>`count(*) filter (where ${dataSetRows.state} = 'accepted')`,
    })
    .from(dataSetRows)
    .where(and(eq(dataSetRows.workspaceId, access.workspaceId), inArray(dataSetRows.dataSetId, ids)))
    .groupBy(dataSetRows.dataSetId);
  const versions = await db
    .select({ dataSetId: dataSetVersions.dataSetId, latest: sql<number>`max(${dataSetVersions.ordinal})` })
    .from(dataSetVersions)
    .where(and(eq(dataSetVersions.workspaceId, access.workspaceId), inArray(dataSetVersions.dataSetId, ids)))
    .groupBy(dataSetVersions.dataSetId);
  return rows.map((dataSet) => {
    const count = counts.find(({ dataSetId }) => dataSetId === dataSet.id);
    return {
      dataSet,
      rowCount: count?.rowCount ?? 0,
      acceptedCount: count?.acceptedCount ?? 0,
      latestOrdinal: versions.find(({ dataSetId }) => dataSetId === dataSet.id)?.latest ?? 0,
    };
  });
}

export async function findDataSet(db: DatabaseExecutor, access: Read, dataSetId: string): Promise<DataSet | undefined> {
  const [row] = await db
    .select()
    .from(dataSets)
    .where(and(live(access), eq(dataSets.id, dataSetId)));
  return row;
}

/** Undefined: not here, or deleted. @throws AppError `dataset.name-taken` */
export async function updateDataSet(
  tx: DatabaseExecutor,
  access: Write,
  dataSetId: string,
  changes: Partial<Pick<DataSet, 'name' | 'language' | 'maxRowTokens' | 'styleSheet'>>,
): Promise<DataSet | undefined> {
  try {
    const [row] = await tx
      .update(dataSets)
      .set(changes)
      .where(and(live(access), eq(dataSets.id, dataSetId)))
      .returning();
    return row;
  } catch (error) {
    throw isUniqueViolation(error) ? nameTaken(changes.name ?? '', error) : error;
  }
}

/** Its rows go, personal data with them; frozen versions stay. Undefined: not here, or deleted before. */
export async function markDataSetDeleted(
  tx: DatabaseExecutor,
  access: Write,
  dataSetId: string,
): Promise<DataSet | undefined> {
  const [row] = await tx
    .update(dataSets)
    .set({ deletedAt: sql`now()` })
    .where(and(live(access), eq(dataSets.id, dataSetId)))
    .returning();
  if (!row) return undefined;
  await tx
    .delete(dataSetImports)
    .where(and(eq(dataSetImports.workspaceId, access.workspaceId), eq(dataSetImports.dataSetId, dataSetId)));
  return row;
}

export async function insertImport(
  tx: DatabaseExecutor,
  access: Write,
  values: Pick<DataSetImport, 'dataSetId' | 'kind' | 'title' | 'settings' | 'uploadSha256' | 'createdBy'>,
): Promise<DataSetImport> {
  const [row] = await tx
    .insert(dataSetImports)
    .values({ ...values, workspaceId: access.workspaceId })
    .returning();
  if (!row) throw new Error('insert of an import returned no row');
  return row;
}

export async function findImport(
  db: DatabaseExecutor,
  access: Read,
  importId: string,
): Promise<DataSetImport | undefined> {
  const [row] = await db
    .select()
    .from(dataSetImports)
    .where(and(eq(dataSetImports.workspaceId, access.workspaceId), eq(dataSetImports.id, importId)));
  return row;
}

/** Oldest first. */
export async function listImports(db: DatabaseExecutor, access: Read, dataSetId: string): Promise<DataSetImport[]> {
  return db
    .select()
    .from(dataSetImports)
    .where(and(eq(dataSetImports.workspaceId, access.workspaceId), eq(dataSetImports.dataSetId, dataSetId)))
    .orderBy(asc(dataSetImports.createdAt), asc(dataSetImports.id));
}

/** The caller holds the run's claim in the same transaction. */
export async function updateImport(
  tx: DatabaseExecutor,
  access: Write,
  importId: string,
  changes: Partial<Pick<DataSetImport, 'report' | 'position' | 'uploadSha256'>> & {
    readonly problems?: readonly ImportProblem[];
  },
): Promise<void> {
  await tx
    .update(dataSetImports)
    .set(changes)
    .where(and(eq(dataSetImports.workspaceId, access.workspaceId), eq(dataSetImports.id, importId)));
}

/** Worker only, all workspaces: which of these uploads are still to be read. */
export async function filterAwaitedUploads(
  db: DatabaseExecutor,
  sha256s: readonly string[],
): Promise<ReadonlySet<string>> {
  if (sha256s.length === 0) return new Set();
  const rows = await db
    .select({ sha256: dataSetImports.uploadSha256 })
    .from(dataSetImports)
    .where(inArray(dataSetImports.uploadSha256, [...sha256s]));
  return new Set(rows.flatMap(({ sha256 }) => sha256 ?? []));
}

/** Take the data set until the transaction ends: acts of review and freezing come one after another. */
export async function lockDataSet(
  tx: DatabaseExecutor,
  access: Write,
  dataSetId: string,
): Promise<DataSet | undefined> {
  const [row] = await tx
    .select()
    .from(dataSets)
    .where(and(live(access), eq(dataSets.id, dataSetId)))
    .for('update');
  return row;
}
