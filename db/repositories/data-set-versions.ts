import { and, asc, desc, eq, inArray, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { dataSets, dataSetVersionRows, dataSetVersions } from '#db/schema/data-sets.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';

export type DataSetVersion = typeof dataSetVersions.$inferSelect;
export type DataSetVersionRow = typeof dataSetVersionRows.$inferSelect;
type Write = Authorized<'dataset.write'>;

const ROWS_PER_STATEMENT = 500;

/** The caller holds the data set's lock, which makes the ordinal unique. */
export async function insertVersion(
  tx: DatabaseExecutor,
  access: Write,
  values: Omit<DataSetVersion, 'id' | 'workspaceId' | 'ordinal' | 'createdAt'>,
  rows: readonly Omit<DataSetVersionRow, 'workspaceId' | 'versionId'>[],
): Promise<DataSetVersion> {
  const { workspaceId } = access;
  const [version] = await tx
    .insert(dataSetVersions)
    .values({
      ...values,
      workspaceId,
      ordinal: sql`(select coalesce(max(v.ordinal), 0) + 1 from data_set_versions v where v.data_set_id = ${values.dataSetId})`,
    })
    .returning();
  if (!version) throw new Error('insert of a data set version returned no row');
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    await tx
      .insert(dataSetVersionRows)
      .values(
        rows.slice(start, start + ROWS_PER_STATEMENT).map((row) => ({ ...row, workspaceId, versionId: version.id })),
      );
  }
  return version;
}

export async function findVersion(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  versionId: string,
): Promise<{ readonly version: DataSetVersion; readonly dataSetName: string } | undefined> {
  const [row] = await db
    .select({ version: dataSetVersions, dataSetName: dataSets.name })
    .from(dataSetVersions)
    .innerJoin(
      dataSets,
      and(eq(dataSets.id, dataSetVersions.dataSetId), eq(dataSets.workspaceId, dataSetVersions.workspaceId)),
    )
    .where(and(eq(dataSetVersions.workspaceId, access.workspaceId), eq(dataSetVersions.id, versionId)));
  return row;
}

/** Newest first; of one data set, or of the whole workspace. */
export async function listVersions(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  dataSetId?: string,
): Promise<{ readonly version: DataSetVersion; readonly dataSetName: string }[]> {
  return db
    .select({ version: dataSetVersions, dataSetName: dataSets.name })
    .from(dataSetVersions)
    .innerJoin(
      dataSets,
      and(eq(dataSets.id, dataSetVersions.dataSetId), eq(dataSets.workspaceId, dataSetVersions.workspaceId)),
    )
    .where(
      and(
        eq(dataSetVersions.workspaceId, access.workspaceId),
        dataSetId === undefined ? undefined : eq(dataSetVersions.dataSetId, dataSetId),
      ),
    )
    .orderBy(desc(dataSetVersions.createdAt), desc(dataSetVersions.ordinal));
}

/** In the order of the files: train, validation, held-out, each by line. */
export async function listVersionRows(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  versionId: string,
): Promise<DataSetVersionRow[]> {
  return db
    .select()
    .from(dataSetVersionRows)
    .where(and(eq(dataSetVersionRows.workspaceId, access.workspaceId), eq(dataSetVersionRows.versionId, versionId)))
    .orderBy(
      sql`array_position(array['train', 'validation', 'held-out'], ${dataSetVersionRows.split})`,
      asc(dataSetVersionRows.line),
    );
}

/** Worker only, all workspaces: which of these files a version names. */
export async function filterFrozenFiles(
  db: DatabaseExecutor,
  sha256s: readonly string[],
): Promise<ReadonlySet<string>> {
  if (sha256s.length === 0) return new Set();
  const names = [...sha256s];
  const rows = await db
    .select({
      train: dataSetVersions.trainSha256,
      validation: dataSetVersions.validationSha256,
      heldOut: dataSetVersions.heldOutSha256,
    })
    .from(dataSetVersions)
    .where(
      sql`(${inArray(dataSetVersions.trainSha256, names)} or ${inArray(dataSetVersions.validationSha256, names)} or ${inArray(dataSetVersions.heldOutSha256, names)})`,
    );
  return new Set(rows.flatMap(({ train, validation, heldOut }) => [train, validation, heldOut]));
}
