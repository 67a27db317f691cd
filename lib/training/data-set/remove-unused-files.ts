import { filterFrozenFiles } from '#db/repositories/data-set-versions.ts';
import { filterAwaitedUploads } from '#db/repositories/data-sets.ts';
import type { DataSetDeps } from './data-set-deps.ts';

/** Names in one query. */
const NAMES_PER_QUERY = 500;

/**
 * Files that a killed process left behind: uploads that no intake waits for, and frozen files that no version names.
 * @param ageMs younger ones stay: their row may be about to be written
 */
export async function removeUnusedDataSetFiles(
  deps: Pick<DataSetDeps, 'db' | 'dataSetUploads' | 'dataSetFiles'>,
  ageMs: number,
): Promise<void> {
  for (const [files, filterUsed] of [
    [deps.dataSetUploads, filterAwaitedUploads],
    [deps.dataSetFiles, filterFrozenFiles],
  ] as const) {
    await files.removeAbandonedUploads(ageMs);
    const old = await files.listOlderThan(ageMs);
    for (let start = 0; start < old.length; start += NAMES_PER_QUERY) {
      const names = old.slice(start, start + NAMES_PER_QUERY);
      const used = await filterUsed(deps.db, names);
      for (const name of names) if (!used.has(name)) await files.remove(name);
    }
  }
}
