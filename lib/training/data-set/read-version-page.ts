import { type DataSetVersion, findVersion, listVersionRows, listVersions } from '#db/repositories/data-set-versions.ts';
import { listDocumentTitles, listLiveSources } from '#db/repositories/row-sources.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { notFound } from '#lib/domain/errors.ts';
import type { DataSetDeps } from './data-set-deps.ts';
import { compareVersions, type VersionDifference } from './manage-data-sets.ts';
import { type Split, splits } from './split-rows.ts';

export interface VersionPage {
  readonly version: DataSetVersion;
  readonly dataSetName: string;
  readonly splits: readonly {
    readonly split: Split;
    readonly rows: number;
    readonly groups: number;
    readonly sha256: string;
  }[];
  /** Most rows first; rows from documents are not among them. */
  readonly intents: readonly { readonly intent: string; readonly rows: number; readonly split: Split }[];
  readonly documents: readonly {
    readonly id: string;
    readonly title: string;
    readonly rows: number;
    readonly split: Split;
  }[];
  /** Rows whose document or conversation was deleted since. */
  readonly goneRows: number;
  readonly others: readonly { readonly id: string; readonly ordinal: number }[];
  /** The version it is compared with: the one before, unless another was asked for. */
  readonly againstId: string | null;
  readonly difference: VersionDifference | null;
}

/** @throws AppError `dataset.not-found` */
export async function readVersionPage(
  deps: Pick<DataSetDeps, 'db'>,
  access: Authorized<'dataset.read'>,
  asked: { readonly dataSetId: string; readonly versionId: string; readonly againstId: string | null },
): Promise<VersionPage> {
  const found = await findVersion(deps.db, access, asked.versionId);
  if (!found || found.version.dataSetId !== asked.dataSetId) throw notFound('dataset');
  const { version, dataSetName } = found;
  const [rows, versions] = await Promise.all([
    listVersionRows(deps.db, access, version.id),
    listVersions(deps.db, access, version.dataSetId),
  ]);
  const documentIds = [...new Set(rows.flatMap(({ documentId }) => documentId ?? []))];
  const live = await listLiveSources(deps.db, access, {
    documentIds,
    conversationIds: [...new Set(rows.flatMap(({ conversationId }) => conversationId ?? []))],
  });
  const titles = await listDocumentTitles(deps.db, access, documentIds);
  const others = versions.map(({ version: other }) => other).filter(({ id }) => id !== version.id);
  const before = others.find(({ ordinal }) => ordinal < version.ordinal) ?? null;
  const againstId = others.find(({ id }) => id === asked.againstId)?.id ?? before?.id ?? null;
  const count = (key: (row: (typeof rows)[number]) => string | null) => {
    const counted = new Map<string, { rows: number; split: Split }>();
    for (const row of rows) {
      const name = key(row);
      if (name === null || name === '') continue;
      counted.set(name, { rows: (counted.get(name)?.rows ?? 0) + 1, split: row.split });
    }
    return [...counted].toSorted(([, a], [, b]) => b.rows - a.rows);
  };
  const files = { train: version.trainSha256, validation: version.validationSha256, 'held-out': version.heldOutSha256 };
  return {
    version,
    dataSetName,
    splits: splits.map((split) => {
      const mine = rows.filter((row) => row.split === split);
      return {
        split,
        rows: mine.length,
        groups: new Set(mine.map(({ groupKey }) => groupKey)).size,
        sha256: files[split],
      };
    }),
    intents: count(({ intent, documentId }) => (documentId === null ? intent : null)).map(([intent, counted]) => ({
      intent,
      ...counted,
    })),
    documents: count(({ documentId }) => documentId).map(([id, counted]) => ({
      id,
      title: titles.get(id) ?? 'a deleted document',
      ...counted,
    })),
    goneRows: rows.filter(
      ({ documentId, conversationId }) =>
        (documentId !== null && !live.documentIds.has(documentId)) ||
        (conversationId !== null && !live.conversationIds.has(conversationId)),
    ).length,
    others: others.map(({ id, ordinal }) => ({ id, ordinal })),
    againstId,
    difference: againstId === null ? null : await compareVersions(deps, access, version.id, againstId),
  };
}
