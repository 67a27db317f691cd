import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { DatabaseExecutor } from '#db/executor.ts';
import { findSuiteByName, listRevisions, type SuiteRevision } from '#db/repositories/suites.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { invalidInput, notFound } from '#lib/domain/errors.ts';
import { parseSuiteFile } from './suite-file.ts';
import { type SavedSuite, saveSuite } from './suites.ts';
import { hashContent, type TestCase } from './test-case.ts';

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

/** How the note of a revision begins that is exactly what shipped. */
const SHIPPED_NOTE = 'Came with the product.';

/** What a workspace has of a suite that ships. */
export type ShippedState =
  /** Nothing of this name. */
  | 'absent'
  /** Exactly what ships. */
  | 'same'
  /** It had what ships, and people have gone on from there. */
  | 'edited'
  /** It has what shipped once; other cases ship now. */
  | 'outdated'
  /** People have edited it, or it was theirs from the beginning, and it never had the cases that ship now. */
  | 'differs';

export interface ShippedSuite extends LooseSuite {
  readonly state: ShippedState;
  /** The workspace's suite of this name. */
  readonly suiteId: string | null;
  /** What it measures. */
  readonly areas: readonly string[];
}

function compare(revisions: readonly SuiteRevision[], sha256: string): ShippedState {
  const [current] = revisions;
  if (current === undefined) return 'absent';
  if (current.contentSha256 === sha256) return 'same';
  if (revisions.some(({ contentSha256 }) => contentSha256 === sha256)) return 'edited';
  return current.note.startsWith(SHIPPED_NOTE) ? 'outdated' : 'differs';
}

/** Every suite that ships, with what this workspace has of it. */
export async function listShippedSuites(
  deps: { readonly db: DatabaseExecutor; readonly shippedSuitesDir: string },
  access: Authorized<Permission>,
): Promise<ShippedSuite[]> {
  const shipped = await readShippedSuites(deps.shippedSuitesDir);
  return Promise.all(
    shipped.map(async (suite) => {
      const own = await findSuiteByName(deps.db, access, suite.name);
      const revisions = own === undefined ? [] : await listRevisions(deps.db, access, own.id);
      return {
        ...suite,
        state: compare(revisions, hashContent(suite.cases)),
        suiteId: own?.id ?? null,
        areas: [...new Set(suite.cases.map(({ area }) => area))],
      };
    }),
  );
}

/**
 * Take suites that ship into a workspace: a new suite, or another revision of the one of that name, of which the earlier ones stay.
 * One that has these cases already, as they ship or edited since, is left as it is, so that doing it twice is doing it once.
 * @throws AppError `input.invalid` when none is named, `suite.not-found` for a name that does not ship
 */
export async function takeInShippedSuites(
  deps: { readonly db: DatabaseExecutor; readonly shippedSuitesDir: string },
  access: Authorized<'evaluation.write'>,
  names: readonly string[],
): Promise<{ readonly taken: readonly string[] }> {
  if (names.length === 0) throw invalidInput('choose at least one suite');
  return deps.db.transaction(async (tx) => {
    const shipped = await listShippedSuites({ ...deps, db: tx }, access);
    const taken: string[] = [];
    for (const name of new Set(names)) {
      const suite = shipped.find((each) => each.name === name);
      if (suite === undefined) throw notFound('suite');
      if (suite.state === 'same' || suite.state === 'edited') continue;
      const { description, cases } = suite;
      const saved = await saveSuite({ db: tx }, access, { name, description, cases, note: SHIPPED_NOTE });
      if (saved.isChanged) taken.push(name);
    }
    return { taken };
  });
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
    const saved = await saveSuite(deps, access, { ...suite, note: SHIPPED_NOTE });
    made.push({ ...saved, name: suite.name });
  }
  return made;
}
