import type { DatabaseExecutor } from '#db/executor.ts';
import { type DataSetVersion, findVersion } from '#db/repositories/data-set-versions.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';
import type { FileStore } from './data-set-deps.ts';
import type { Split } from './split-rows.ts';

export interface FrozenSplit {
  readonly rows: number;
  /** Of the split's file; of no bytes where the split is empty. */
  readonly sha256: string;
  /** Absolute path of the JSONL file, a line a row: `{"id", "split", "messages"}`. Null: no rows, no file. */
  readonly file: string | null;
}

/** A frozen version. Its files never change, and know neither base nor chat template. */
export interface FrozenVersion {
  readonly id: string;
  readonly dataSetId: string;
  readonly dataSetName: string;
  /** 1, 2, 3 … within the data set. */
  readonly ordinal: number;
  /** Of the files of train, validation and held-out, one after another. */
  readonly sha256: string;
  readonly splits: Readonly<Record<Split, FrozenSplit>>;
  readonly createdAt: Date;
}

function describeSplits(version: DataSetVersion): Record<Split, { rows: number; sha256: string }> {
  return {
    train: { rows: version.trainRows, sha256: version.trainSha256 },
    validation: { rows: version.validationRows, sha256: version.validationSha256 },
    'held-out': { rows: version.heldOutRows, sha256: version.heldOutSha256 },
  };
}

/**
 * Where a frozen version lies.
 * @throws AppError `dataset.not-found`, `dataset.file-missing`
 */
export async function readDataSetVersion(
  deps: { readonly db: DatabaseExecutor; readonly dataSetFiles: Pick<FileStore, 'locate' | 'measure'> },
  access: Authorized<'dataset.read' | 'adapter.write'>,
  versionId: string,
): Promise<FrozenVersion> {
  const found = await findVersion(deps.db, access, versionId);
  if (!found) throw notFound('dataset');
  const { version, dataSetName } = found;
  const open = async ({ rows, sha256 }: { rows: number; sha256: string }): Promise<FrozenSplit> => {
    if (rows === 0) return { rows, sha256, file: null };
    if ((await deps.dataSetFiles.measure(sha256)) === null) {
      throw new AppError({
        code: 'dataset.file-missing',
        message: `version ${versionId} names the file ${sha256}, which is not in the data directory`,
        userMessage: 'A file of this version is missing in the data directory. Freeze the data set again.',
      });
    }
    return { rows, sha256, file: deps.dataSetFiles.locate(sha256) };
  };
  const splits = describeSplits(version);
  return {
    id: version.id,
    dataSetId: version.dataSetId,
    dataSetName,
    ordinal: version.ordinal,
    sha256: version.sha256,
    splits: {
      train: await open(splits.train),
      validation: await open(splits.validation),
      'held-out': await open(splits['held-out']),
    },
    createdAt: version.createdAt,
  };
}

/** The whole version as JSONL; its SHA-256 is the version's. */
export async function* readVersionLines(
  deps: { readonly db: DatabaseExecutor; readonly dataSetFiles: Pick<FileStore, 'locate' | 'measure' | 'read'> },
  version: FrozenVersion,
): AsyncGenerator<Uint8Array> {
  for (const split of ['train', 'validation', 'held-out'] as const) {
    const { file, sha256 } = version.splits[split];
    if (file !== null) yield* deps.dataSetFiles.read(sha256);
  }
}
