import type { DatabaseExecutor } from '#db/executor.ts';
import {
  type Adapter,
  filterDeletedConversations,
  filterDeletedDocuments,
  findAdapterVersion,
  findVersionsOfHistory,
  listAdapters,
  listAdapterVersions,
  listVersionLabels,
  type NamedVersion,
} from '#db/repositories/adapters.ts';
import { listChampionEvents, readChampion } from '#db/repositories/champions.ts';
import { createUserRepository } from '#db/repositories/users.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type {
  AdapterConfig,
  AdapterLineage,
  AdapterMetrics,
  AdapterOrigin,
  ChampionEventKind,
} from '#lib/domain/adapter.ts';
import type { ArtifactStore } from './artifact-store.ts';

/** Adapters as pages see them; JSON-safe. */
export interface VersionView {
  readonly id: string;
  readonly adapterId: string;
  readonly adapterName: string;
  readonly number: number;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly baseSha256: string;
  readonly baseModel: string;
  readonly templateSha256: string | null;
  readonly config: AdapterConfig;
  readonly origin: AdapterOrigin;
  readonly lineage: AdapterLineage;
  readonly metrics: AdapterMetrics;
  readonly notes: string;
  /** Null: the product itself, or someone who is here no more. */
  readonly createdBy: string | null;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly isServing: boolean;
  readonly warnings: LineageWarnings;
}

/** What the version learned from and the workspace has deleted since. */
export interface LineageWarnings {
  readonly deletedDocuments: readonly string[];
  readonly deletedConversations: number;
}

export interface AdapterView {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  /** Newest first; at least one. */
  readonly versions: readonly VersionView[];
}

export interface ChampionEventView {
  readonly id: string;
  readonly kind: ChampionEventKind;
  readonly from: VersionLabel | null;
  readonly to: VersionLabel | null;
  readonly reason: string;
  readonly actor: string;
  readonly decisionId: string | null;
  readonly createdAt: string;
}

export interface VersionLabel {
  readonly id: string;
  /** "Support voice, version 3". */
  readonly label: string;
  readonly isDeleted: boolean;
}

interface ReadDeps {
  readonly db: DatabaseExecutor;
}

export const describeVersion = ({ adapterName, number }: Pick<NamedVersion, 'adapterName' | 'number'>) =>
  `${adapterName}, version ${number}`;

async function readNames(deps: ReadDeps, userIds: readonly (string | null)[]): Promise<ReadonlyMap<string, string>> {
  const users = createUserRepository(deps.db);
  const ids = [...new Set(userIds.filter((id) => id !== null))];
  const people = await Promise.all(ids.map((id) => users.findById(id)));
  return new Map(people.flatMap((person) => (person === null ? [] : [[person.id, person.name] as const])));
}

/** Who moved the champion, for people. */
export async function nameActor(
  deps: ReadDeps,
  { actorKind, actorId }: { readonly actorKind: string; readonly actorId: string | null },
): Promise<string> {
  if (actorKind !== 'user') return actorKind;
  return (await readNames(deps, [actorId])).get(actorId ?? '') ?? 'a former member';
}

async function viewVersions(
  deps: ReadDeps,
  access: Authorized<'adapter.read'>,
  versions: readonly NamedVersion[],
): Promise<VersionView[]> {
  const documentIds = versions.flatMap(({ lineage }) => lineage.documents.map(({ documentId }) => documentId));
  const conversationIds = versions.flatMap(({ lineage }) => lineage.conversationIds);
  const [serving, deletedDocuments, deletedConversations, names] = await Promise.all([
    readChampion(deps.db, access),
    filterDeletedDocuments(deps.db, access, [...new Set(documentIds)]),
    filterDeletedConversations(deps.db, access, [...new Set(conversationIds)]),
    readNames(
      deps,
      versions.map(({ createdBy }) => createdBy),
    ),
  ]);
  return versions.map((version) => ({
    id: version.id,
    adapterId: version.adapterId,
    adapterName: version.adapterName,
    number: version.number,
    sha256: version.sha256,
    sizeBytes: version.sizeBytes,
    baseSha256: version.baseSha256,
    baseModel: version.baseModel,
    templateSha256: version.templateSha256,
    config: version.config,
    origin: version.origin,
    lineage: version.lineage,
    metrics: version.metrics,
    notes: version.notes,
    createdBy: version.createdBy === null ? null : (names.get(version.createdBy) ?? null),
    createdAt: version.createdAt.toISOString(),
    isServing: version.id === serving,
    warnings: {
      deletedDocuments: version.lineage.documents
        .filter(({ documentId }) => deletedDocuments.has(documentId))
        .map(({ title }) => title),
      deletedConversations: version.lineage.conversationIds.filter((id) => deletedConversations.has(id)).length,
    },
  }));
}

function groupByAdapter(adapters: readonly Adapter[], versions: readonly VersionView[]): AdapterView[] {
  return adapters.map(({ id, name, createdAt }) => ({
    id,
    name,
    createdAt: createdAt.toISOString(),
    versions: versions.filter(({ adapterId }) => adapterId === id),
  }));
}

/** By name. */
export async function listAdapterViews(deps: ReadDeps, access: Authorized<'adapter.read'>): Promise<AdapterView[]> {
  const [adapters, versions] = await Promise.all([listAdapters(deps.db, access), listAdapterVersions(deps.db, access)]);
  return groupByAdapter(adapters, await viewVersions(deps, access, versions));
}

/** @throws AppError `adapter.not-found` */
export async function readVersionView(
  deps: ReadDeps,
  access: Authorized<'adapter.read'>,
  versionId: string,
): Promise<VersionView> {
  const [view] = await viewVersions(deps, access, [await findAdapterVersion(deps.db, access, versionId)]);
  if (view === undefined) throw new Error('viewing one version gave none');
  return view;
}

/** Whether the bytes of a version are in the store, hashed again. */
export async function checkArtifact(
  artifacts: ArtifactStore,
  sha256: string,
): Promise<'whole' | 'missing' | 'damaged'> {
  if ((await artifacts.measure(sha256)) === null) return 'missing';
  return artifacts.verify(sha256).then(
    () => 'whole',
    () => 'damaged',
  );
}

/** Moves of the champion, newest first. */
export async function listChampionHistory(
  deps: ReadDeps,
  access: Authorized<'adapter.read'>,
  page: { readonly limit: number },
): Promise<ChampionEventView[]> {
  const events = await listChampionEvents(deps.db, access, page);
  const versionIds = events.flatMap(({ fromVersionId, toVersionId }) => [fromVersionId, toVersionId]);
  const [versions, names] = await Promise.all([
    findVersionsOfHistory(deps.db, access, [...new Set(versionIds.filter((id) => id !== null))]),
    readNames(
      deps,
      events.map(({ actorKind, actorId }) => (actorKind === 'user' ? actorId : null)),
    ),
  ]);
  const label = (id: string | null): VersionLabel | null => {
    const version = versions.find((candidate) => candidate.id === id);
    return version === undefined
      ? null
      : { id: version.id, label: describeVersion(version), isDeleted: version.deletedAt !== null };
  };
  return events.map((event) => ({
    id: event.id,
    kind: event.kind,
    from: label(event.fromVersionId),
    to: label(event.toVersionId),
    reason: event.reason,
    actor: event.actorKind === 'user' ? (names.get(event.actorId ?? '') ?? 'a former member') : event.actorKind,
    decisionId: event.decisionId,
    createdAt: event.createdAt.toISOString(),
  }));
}

/** Name and page of every artifact that ever was a version here, by SHA-256: what messages name. */
export async function listAdapterNames(
  deps: ReadDeps,
  access: Authorized<'adapter.read'>,
): Promise<Readonly<Record<string, { readonly label: string; readonly versionId: string | null }>>> {
  const labels = await listVersionLabels(deps.db, access);
  // Oldest first, so that a live version comes after a deleted one of the same bytes.
  return Object.fromEntries(
    labels.map((row) => [row.sha256, { label: describeVersion(row), versionId: row.isDeleted ? null : row.id }]),
  );
}
