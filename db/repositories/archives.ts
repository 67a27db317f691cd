import { and, asc, count, desc, eq, inArray, isNull, or, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { archiveEntries, archives } from '#db/schema/documents.ts';
import { runs } from '#db/schema/runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';

export type Archive = typeof archives.$inferSelect;
export type ArchiveEntry = typeof archiveEntries.$inferSelect;

const one = (access: Authorized<Permission>, archiveId: string) =>
  and(eq(archives.workspaceId, access.workspaceId), eq(archives.id, archiveId));

const entriesOf = (access: Authorized<Permission>, archiveId: string) =>
  and(eq(archiveEntries.workspaceId, access.workspaceId), eq(archiveEntries.archiveId, archiveId));

export async function insertArchive(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  values: Pick<Archive, 'fileName' | 'blobSha256' | 'sizeBytes' | 'createdBy'>,
): Promise<Archive> {
  const [row] = await tx
    .insert(archives)
    .values({ ...values, workspaceId: access.workspaceId })
    .returning();
  if (!row) throw new Error('insert of an archive returned no row');
  return row;
}

export async function findArchive(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  archiveId: string,
): Promise<Archive | undefined> {
  const [row] = await db.select().from(archives).where(one(access, archiveId));
  return row;
}

export async function listEntryOrdinals(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  archiveId: string,
): Promise<Set<number>> {
  const rows = await db
    .select({ ordinal: archiveEntries.ordinal })
    .from(archiveEntries)
    .where(entriesOf(access, archiveId));
  return new Set(rows.map((row) => row.ordinal));
}

export async function insertArchiveEntry(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  archiveId: string,
  entry: Omit<ArchiveEntry, 'workspaceId' | 'archiveId'>,
): Promise<void> {
  await tx.insert(archiveEntries).values({ ...entry, workspaceId: access.workspaceId, archiveId });
}

export async function deleteRejectedEntries(
  db: DatabaseExecutor,
  access: Authorized<'document.write'>,
  archiveId: string,
): Promise<void> {
  await db.delete(archiveEntries).where(and(entriesOf(access, archiveId), eq(archiveEntries.outcome, 'rejected')));
}

/** Entries by outcome; an outcome that none has is left out. */
export async function countArchiveOutcomes(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  archiveId: string,
): Promise<Partial<Record<ArchiveEntry['outcome'], number>>> {
  const rows = await db
    .select({ outcome: archiveEntries.outcome, count: count() })
    .from(archiveEntries)
    .where(entriesOf(access, archiveId))
    .groupBy(archiveEntries.outcome);
  return Object.fromEntries(rows.map((row) => [row.outcome, row.count]));
}

/** In the archive's order. */
export async function listRejectedEntries(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  archiveId: string,
  limit: number,
): Promise<ArchiveEntry[]> {
  return db
    .select()
    .from(archiveEntries)
    .where(and(entriesOf(access, archiveId), eq(archiveEntries.outcome, 'rejected')))
    .orderBy(asc(archiveEntries.ordinal))
    .limit(limit);
}

/** From here on the stored file is removed by the worker's sweep. */
export async function closeArchive(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  archiveId: string,
): Promise<void> {
  await tx.update(archives).set({ unpackedAt: sql`now()` }).where(one(access, archiveId));
}

export interface ArchiveListRow {
  readonly archive: Archive;
  readonly run: typeof runs.$inferSelect;
}

const withRun = (db: DatabaseExecutor) =>
  db
    .select({ archive: archives, run: runs })
    .from(archives)
    .innerJoin(
      runs,
      and(eq(runs.workspaceId, archives.workspaceId), eq(runs.subjectId, archives.id), eq(runs.kind, 'archive.unpack')),
    );

export async function findArchiveWithRun(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  archiveId: string,
): Promise<ArchiveListRow | undefined> {
  const [row] = await withRun(db).where(one(access, archiveId));
  return row;
}

/** Archives that people should see: being unpacked, not unpacked, or with files that were left out. Newest first. */
export async function listNoteworthyArchives(
  db: DatabaseExecutor,
  access: Authorized<'document.read'>,
  limit: number,
): Promise<ArchiveListRow[]> {
  return withRun(db)
    .where(
      and(
        eq(archives.workspaceId, access.workspaceId),
        or(
          isNull(archives.unpackedAt),
          sql`exists (select 1 from archive_entries entry where entry.archive_id = ${archives.id} and entry.outcome = 'rejected')`,
        ),
      ),
    )
    .orderBy(desc(archives.createdAt), desc(archives.id))
    .limit(limit);
}

/** Forget an archive and what became of its files; documents that it brought stay. Not while its run is under way. */
export async function deleteArchive(
  tx: DatabaseExecutor,
  access: Authorized<'document.write'>,
  archiveId: string,
): Promise<boolean> {
  const busy = tx
    .select({ id: runs.subjectId })
    .from(runs)
    .where(and(eq(runs.workspaceId, access.workspaceId), inArray(runs.state, ['queued', 'running'])));
  const rows = await tx
    .delete(archives)
    .where(and(one(access, archiveId), sql`${archives.id} not in ${busy}`))
    .returning({ id: archives.id });
  return rows.length === 1;
}
