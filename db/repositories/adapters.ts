import { and, desc, eq, isNull, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { adapters, adapterVersions } from '#db/schema/adapters.ts';
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

/** Every version, deleted or not, whose artifact has or had this hash; the live one first. */
export async function findVersionBySha256(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  sha256: string,
): Promise<NamedVersion | undefined> {
  const rows = await selectVersions(db, access, eq(adapterVersions.sha256, sha256));
  return rows.find((row) => row.deletedAt === null) ?? rows[0];
}
