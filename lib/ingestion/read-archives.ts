import type { DatabaseExecutor } from '#db/executor.ts';
import {
  type ArchiveListRow,
  countArchiveOutcomes,
  deleteArchive,
  findArchiveWithRun,
  listNoteworthyArchives,
  listRejectedEntries,
} from '#db/repositories/archives.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';

/** Reasons that are told one by one; a hostile archive may have a million. */
const REJECTED_SHOWN = 200;
const ARCHIVES_SHOWN = 50;

/** A ZIP archive that was uploaded, and what became of the files in it. */
export interface ArchiveView {
  readonly id: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly runId: string;
  /** Why nothing could be taken in, or what cut the job short. */
  readonly error: string | null;
  /** Files that became documents or new versions. */
  readonly taken: number;
  /** Files whose bytes were here before. */
  readonly unchanged: number;
  readonly rejectedCount: number;
  /** The first of them, in the archive's order; the archive's own name if its end was not read. */
  readonly rejected: readonly { readonly fileName: string; readonly code: string; readonly message: string }[];
  readonly createdAt: string;
}

async function viewArchive(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
  { archive, run }: ArchiveListRow,
): Promise<ArchiveView> {
  const [outcomes, rejected] = await Promise.all([
    countArchiveOutcomes(deps.db, access, archive.id),
    listRejectedEntries(deps.db, access, archive.id, REJECTED_SHOWN),
  ]);
  return {
    id: archive.id,
    fileName: archive.fileName,
    sizeBytes: archive.sizeBytes,
    state: run.state,
    runId: run.id,
    error: run.errorMessage,
    taken: (outcomes.created ?? 0) + (outcomes['new-version'] ?? 0),
    unchanged: outcomes.unchanged ?? 0,
    rejectedCount: outcomes.rejected ?? 0,
    rejected: rejected.map((entry) => ({
      fileName: entry.name,
      code: entry.errorCode ?? '',
      message: entry.errorMessage ?? '',
    })),
    createdAt: archive.createdAt.toISOString(),
  };
}

/** @throws AppError `archive.not-found` */
export async function readArchive(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
  archiveId: string,
): Promise<ArchiveView> {
  const row = await findArchiveWithRun(deps.db, access, archiveId);
  if (!row) throw notFound('archive');
  return viewArchive(deps, access, row);
}

/** Archives that people should see: being unpacked, not unpacked, or with files that were left out. Newest first. */
export async function listArchives(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.read'>,
): Promise<ArchiveView[]> {
  const rows = await listNoteworthyArchives(deps.db, access, ARCHIVES_SHOWN);
  return Promise.all(rows.map((row) => viewArchive(deps, access, row)));
}

/**
 * Take an archive off the list. The documents that it brought stay.
 * @throws AppError `archive.not-found`, `archive.busy` while it is being unpacked
 */
export async function dismissArchive(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'document.write'>,
  archiveId: string,
): Promise<void> {
  if (await deleteArchive(deps.db, access, archiveId)) return;
  if (!(await findArchiveWithRun(deps.db, access, archiveId))) throw notFound('archive');
  throw new AppError({
    code: 'archive.busy',
    message: 'the archive is being unpacked',
    userMessage: 'This archive is being unpacked. Cancel that first.',
  });
}
