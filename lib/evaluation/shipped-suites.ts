import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { DatabaseExecutor } from '#db/executor.ts';
import { findSuiteByName } from '#db/repositories/suites.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { parseSuiteFile } from './suite-file.ts';
import { type SavedSuite, saveSuite } from './suites.ts';
import type { TestCase } from './test-case.ts';

/** A suite that no workspace has yet. */
export interface LooseSuite {
  readonly name: string;
  readonly description: string;
  readonly cases: readonly TestCase[];
}

/**
 * Suites that come with the product, by file name. They bring their passages along, so they fit every workspace.
 * @throws Error for a file that is no whole suite: that is a fault of the product
 */
export async function readShippedSuites(directory: string): Promise<LooseSuite[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.yaml')).sort();
  return Promise.all(
    files.map(async (file) => {
      const { name, description, cases, problems } = parseSuiteFile(await readFile(path.join(directory, file), 'utf8'));
      if (name === null || problems.length > 0) throw new Error(`${file}: ${problems[0] ?? 'has no name'}`);
      return { name, description: description ?? '', cases };
    }),
  );
}

/** @returns the suites that were made; one whose name the workspace has already is left as it is, edited or not */
export async function takeInSuites(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'evaluation.write'>,
  suites: readonly LooseSuite[],
): Promise<(SavedSuite & { readonly name: string })[]> {
  const made: (SavedSuite & { readonly name: string })[] = [];
  for (const suite of suites) {
    if ((await findSuiteByName(deps.db, access, suite.name)) !== undefined) continue;
    const saved = await saveSuite(deps, access, { ...suite, note: 'Came with the product.' });
    made.push({ ...saved, name: suite.name });
  }
  return made;
}
