import { and, asc, desc, eq, inArray, isNull, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { adapters, adapterVersions } from '#db/schema/adapters.ts';
import { conversations } from '#db/schema/conversations.ts';
import { documents } from '#db/schema/documents.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import {
  type AdapterConfig,
  type AdapterLineage,
  type AdapterMetrics,
  adapterConfigSchema,
  adapterLineageSchema,
  adapterMetricsSchema,
} from '#lib/domain/adapter.ts';
import { notFound } from '#lib/domain/errors.ts';

export type Adapter = typeof adapters.$inferSelect;

type VersionRow = typeof adapterVersions.$inferSelect;

export interface AdapterVersion extends Omit<VersionRow, 'config' | 'lineage' | 'metrics'> {
  readonly config: AdapterConfig;
  readonly lineage: AdapterLineage;
  readonly metrics: AdapterMetrics;
}

/** A version with the name that people know it by. */
export interface NamedVersion extends AdapterVersion {
  readonly adapterName: string;
}

export type NewAdapterVersion = Pick<
  AdapterVersion,
  | 'adapterId'
  | 'sha256'
  | 'sizeBytes'
  | 'baseSha256'
  | 'baseModel'
  | 'templateSha256'
  | 'config'
  | 'origin'
  | 'lineage'
  | 'metrics'
  | 'notes'
  | 'createdBy'
>;

const parseVersion = (row: VersionRow): AdapterVersion => ({
  ...row,
  config: adapterConfigSchema.parse(row.config),
  lineage: adapterLineageSchema.parse(row.lineage),
  metrics: adapterMetricsSchema.parse(row.metrics),
});

const liveAdapters = (access: Authorized<Permission>) =>
  and(eq(adapters.workspaceId, access.workspaceId), isNull(adapters.deletedAt));

const myVersions = (access: Authorized<Permission>) => eq(adapterVersions.workspaceId, access.workspaceId);

const liveVersions = (access: Authorized<Permission>) => and(myVersions(access), isNull(adapterVersions.deletedAt));

/** The caller holds the workspace's lock and has looked for the name. */
export async function insertAdapter(
  tx: DatabaseExecutor,
  access: Authorized<'adapter.write'>,
  values: Pick<Adapter, 'name' | 'createdBy'>,
): Promise<Adapter> {
  const [row] = await tx
    .insert(adapters)
    .values({ ...values, workspaceId: access.workspaceId })
    .returning();
  if (!row) throw new Error('insert of an adapter returned no row');
  return row;
}

/** Case is ignored. */
export async function findAdapterByName(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  name: string,
): Promise<Adapter | undefined> {
  const [row] = await db
    .select()
    .from(adapters)
    .where(and(liveAdapters(access), sql`lower(${adapters.name}) = lower(${name})`));
  return row;
}

/** @throws AppError `adapter.not-found` */
export async function findAdapter(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  adapterId: string,
): Promise<Adapter> {
  const [row] = await db
    .select()
    .from(adapters)
    .where(and(liveAdapters(access), eq(adapters.id, adapterId)));
  if (!row) throw notFound('adapter');
  return row;
}

/** By name. */
export async function listAdapters(db: DatabaseExecutor, access: Authorized<'adapter.read'>): Promise<Adapter[]> {
  return db
    .select()
    .from(adapters)
    .where(liveAdapters(access))
    .orderBy(asc(sql`lower(${adapters.name})`));
}

/** @throws AppError `adapter.not-found` */
export async function renameAdapter(
  tx: DatabaseExecutor,
  access: Authorized<'adapter.write'>,
  adapterId: string,
  name: string,
): Promise<void> {
  const rows = await tx
    .update(adapters)
    .set({ name })
    .where(and(liveAdapters(access), eq(adapters.id, adapterId)))
    .returning({ id: adapters.id });
  if (rows.length === 0) throw notFound('adapter');
}

export async function markAdapterDeleted(
  tx: DatabaseExecutor,
  access: Authorized<'adapter.write'>,
  adapterId: string,
): Promise<void> {
  await tx
    .update(adapters)
    .set({ deletedAt: sql`now()` })
    .where(and(liveAdapters(access), eq(adapters.id, adapterId)));
}

/** Add the next version. The caller holds the workspace's lock, which keeps numbers free of races. */
export async function insertAdapterVersion(
  tx: DatabaseExecutor,
  access: Authorized<'adapter.write'>,
  values: NewAdapterVersion,
): Promise<AdapterVersion> {
  const { config, lineage, metrics, ...rest } = values;
  const [row] = await tx
    .insert(adapterVersions)
    .values({
      ...rest,
      config: { ...config },
      lineage: { ...lineage },
      metrics: { ...metrics },
      workspaceId: access.workspaceId,
      number: sql<number>`(select coalesce(max(number), 0) + 1 from adapter_versions where workspace_id = ${access.workspaceId} and adapter_id = ${values.adapterId})`,
    })
    .returning();
  if (!row) throw new Error('insert of an adapter version returned no row');
  return parseVersion(row);
}

async function selectVersions(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  where: ReturnType<typeof and>,
): Promise<NamedVersion[]> {
  const rows = await db
    .select({ version: adapterVersions, adapterName: adapters.name })
    .from(adapterVersions)
    .innerJoin(
      adapters,
      and(eq(adapters.id, adapterVersions.adapterId), eq(adapters.workspaceId, adapterVersions.workspaceId)),
    )
    .where(and(myVersions(access), where))
    .orderBy(desc(adapterVersions.createdAt), desc(adapterVersions.id));
  return rows.map(({ version, adapterName }) => ({ ...parseVersion(version), adapterName }));
}

/** Versions that have their artifact, newest first. @param adapterId default: of all adapters */
export function listAdapterVersions(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  adapterId?: string,
): Promise<NamedVersion[]> {
  return selectVersions(
    db,
    access,
    and(liveVersions(access), adapterId === undefined ? undefined : eq(adapterVersions.adapterId, adapterId)),
  );
}

/** @throws AppError `adapter.not-found`, also for a version that was deleted */
export async function findAdapterVersion(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  versionId: string,
): Promise<NamedVersion> {
  const [row] = await selectVersions(db, access, and(liveVersions(access), eq(adapterVersions.id, versionId)));
  if (!row) throw notFound('adapter');
  return row;
}

/** Deleted ones too: history names them. */
export function findVersionsOfHistory(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  versionIds: readonly string[],
): Promise<NamedVersion[]> {
  if (versionIds.length === 0) return Promise.resolve([]);
  return selectVersions(db, access, inArray(adapterVersions.id, [...versionIds]));
}

/** The version whose artifact has this hash, or had it: the live one before deleted ones. */
export async function findVersionBySha256(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  sha256: string,
): Promise<NamedVersion | undefined> {
  const rows = await selectVersions(db, access, eq(adapterVersions.sha256, sha256));
  return rows.find((row) => row.deletedAt === null) ?? rows[0];
}

/** Every version that ever was, oldest first. */
export async function listVersionLabels(
  db: DatabaseExecutor,
  access: Authorized<'adapter.read'>,
): Promise<{ id: string; sha256: string; adapterName: string; number: number; isDeleted: boolean }[]> {
  const rows = await db
    .select({
      id: adapterVersions.id,
      sha256: adapterVersions.sha256,
      adapterName: adapters.name,
      number: adapterVersions.number,
      deletedAt: adapterVersions.deletedAt,
    })
    .from(adapterVersions)
    .innerJoin(
      adapters,
      and(eq(adapters.id, adapterVersions.adapterId), eq(adapters.workspaceId, adapterVersions.workspaceId)),
    )
    .where(myVersions(access))
    .orderBy(asc(adapterVersions.createdAt), asc(adapterVersions.id));
  return rows.map(({ deletedAt, ...row }) => ({ ...row, isDeleted: deletedAt !== null }));
}

/** @throws AppError `adapter.not-found` */
export async function writeVersionNotes(
  db: DatabaseExecutor,
  access: Authorized<'adapter.write'>,
  versionId: string,
  notes: string,
): Promise<void> {
  const rows = await db
    .update(adapterVersions)
    .set({ notes })
    .where(and(liveVersions(access), eq(adapterVersions.id, versionId)))
    .returning({ id: adapterVersions.id });
  if (rows.length === 0) throw notFound('adapter');
}

export async function markVersionDeleted(
  tx: DatabaseExecutor,
  access: Authorized<'adapter.write'>,
  versionId: string,
): Promise<void> {
  await tx
    .update(adapterVersions)
    .set({ deletedAt: sql`now()` })
    .where(and(liveVersions(access), eq(adapterVersions.id, versionId)));
}

/** All workspaces: which of these artifacts some live version still names. Equal bytes are one file. */
export async function filterReferencedArtifacts(
  db: DatabaseExecutor,
  sha256s: readonly string[],
): Promise<Set<string>> {
  if (sha256s.length === 0) return new Set();
  const rows = await db
    .selectDistinct({ sha256: adapterVersions.sha256 })
    .from(adapterVersions)
    .where(and(inArray(adapterVersions.sha256, [...sha256s]), isNull(adapterVersions.deletedAt)));
  return new Set(rows.map((row) => row.sha256));
}

/** Of these documents, those that are in the workspace no more. */
export async function filterDeletedDocuments(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  documentIds: readonly string[],
): Promise<Set<string>> {
  if (documentIds.length === 0) return new Set();
  const rows = await db
    .select({ id: documents.id })
    .from(documents)
    .where(
      and(
        eq(documents.workspaceId, access.workspaceId),
        isNull(documents.deletedAt),
        inArray(documents.id, [...documentIds]),
      ),
    );
  const present = new Set(rows.map(({ id }) => id));
  return new Set(documentIds.filter((id) => !present.has(id)));
}

/** Of these conversations, those that are in the workspace no more; whose they were is not asked. */
export async function filterDeletedConversations(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  conversationIds: readonly string[],
): Promise<Set<string>> {
  if (conversationIds.length === 0) return new Set();
  const rows = await db
    .select({ id: conversations.id })
    .from(conversations)
    .where(
      and(
        eq(conversations.workspaceId, access.workspaceId),
        isNull(conversations.deletedAt),
        inArray(conversations.id, [...conversationIds]),
      ),
    );
  const present = new Set(rows.map(({ id }) => id));
  return new Set(conversationIds.filter((id) => !present.has(id)));
}
