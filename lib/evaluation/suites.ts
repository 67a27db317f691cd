import type { DatabaseExecutor } from '#db/executor.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import { deleteDraftSet, listDraftSets } from '#db/repositories/case-drafts.ts';
import { listRunsOfSubjects, requestRunCancel } from '#db/repositories/runs.ts';
import {
  archiveSuite as archiveRow,
  type EvalSuite,
  findSuite,
  findSuiteByName,
  insertRevision,
  insertSuite,
  listCases,
  listRevisions,
  listSuites,
  type StoredCase,
  type SuiteRevision,
} from '#db/repositories/suites.ts';
import { lockWorkspace } from '#db/repositories/workspace-lock.ts';
import { type Authorized, findUserId } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { AppError, invalidInput, notFound } from '#lib/domain/errors.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { MAX_SUITE_CASES } from './suite-file.ts';
import { hashContent, type TestCase, testCaseSchema } from './test-case.ts';

interface Deps {
  readonly db: DatabaseExecutor;
}

/** A suite at one revision. */
export interface OpenSuite {
  readonly suite: EvalSuite;
  readonly revision: SuiteRevision;
  readonly cases: readonly TestCase[];
}

export interface SuiteSummary {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly revisionId: string;
  readonly revisionNumber: number;
  readonly caseCount: number;
  readonly updatedAt: Date;
}

export function readStoredCase(row: Pick<StoredCase, 'content'>): TestCase {
  return testCaseSchema.parse(row.content);
}

/** By name. */
export async function listSuiteSummaries(deps: Deps, access: Authorized<'evaluation.read'>): Promise<SuiteSummary[]> {
  return (await listSuites(deps.db, access)).map(({ suite, revision, caseCount }) => ({
    id: suite.id,
    name: suite.name,
    description: suite.description,
    revisionId: revision.id,
    revisionNumber: revision.number,
    caseCount,
    updatedAt: revision.createdAt,
  }));
}

/**
 * @param input.number default: the current revision
 * @throws AppError `suite.not-found`
 */
export async function readSuite(
  deps: Deps,
  access: Authorized<Permission>,
  input: { readonly suiteId: string; readonly number?: number },
): Promise<OpenSuite & { readonly revisions: readonly SuiteRevision[] }> {
  const suite = await findSuite(deps.db, access, input.suiteId);
  const revisions = await listRevisions(deps.db, access, suite.id);
  const revision = input.number === undefined ? revisions[0] : revisions.find((each) => each.number === input.number);
  if (revision === undefined) throw notFound('suite');
  const cases = await listCases(deps.db, access, [revision.id]);
  return { suite, revision, revisions, cases: cases.map(readStoredCase) };
}

export interface SavedSuite {
  readonly suiteId: string;
  readonly revisionId: string;
  readonly revisionNumber: number;
  /** False: the cases are those of the current revision; nothing was written. */
  readonly isChanged: boolean;
}

interface NewSuite {
  readonly name: string;
  /** Only for a new suite. */
  readonly description: string;
  readonly cases: readonly TestCase[];
  readonly note: string;
}

export function nameTaken(name: string): AppError {
  return new AppError({
    code: 'suite.name-taken',
    message: `there is a suite named ${name}`,
    userMessage: 'A suite with this name exists. Choose another name, or add the case there.',
  });
}

/**
 * As {@link saveSuite}, but never a revision of a suite that is there.
 * @throws AppError `suite.name-taken`, `input.invalid`
 */
export async function createSuite(
  deps: Deps,
  access: Authorized<'evaluation.write'>,
  input: NewSuite,
): Promise<SavedSuite> {
  return deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    if (await findSuiteByName(tx, access, input.name.trim())) throw nameTaken(input.name.trim());
    return saveSuite({ db: tx }, access, input);
  });
}

/**
 * Make a suite, or the next revision of the one with this name. Equal cases make no new revision.
 * @throws AppError `input.invalid`, `workspace.not-found`
 */
export async function saveSuite(
  deps: Deps,
  access: Authorized<'evaluation.write'>,
  input: NewSuite,
): Promise<SavedSuite> {
  const name = input.name.trim();
  if (name === '' || name.length > 120) throw invalidInput('a suite needs a name of 1 to 120 characters');
  return deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const suite =
      (await findSuiteByName(tx, access, name)) ??
      (await insertSuite(tx, access, { name, description: input.description.trim(), createdBy: findUserId(access) }));
    return saveRevision(tx, access, suite, input.cases, input.note);
  });
}

/**
 * Replace the cases of a suite by a new revision. Decisions on the one before carry no promotion any more.
 * @param input.basedOn number of the revision that was edited: somebody else's newer one is not overwritten
 * @throws AppError `suite.not-found`, `suite.changed-meanwhile`, `input.invalid`
 */
export async function reviseSuite(
  deps: Deps,
  access: Authorized<'evaluation.write'>,
  input: {
    readonly suiteId: string;
    readonly basedOn: number;
    readonly note: string;
    readonly edit: (cases: readonly TestCase[]) => readonly TestCase[];
  },
): Promise<SavedSuite> {
  return deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const open = await readSuite({ db: tx }, access, { suiteId: input.suiteId });
    if (open.revision.number !== input.basedOn) {
      throw new AppError({
        code: 'suite.changed-meanwhile',
        message: `revision ${input.basedOn} was edited, but ${open.revision.number} is current`,
        userMessage: 'Somebody changed this suite in the meantime. Reload the page and make your change again.',
      });
    }
    return saveRevision(tx, access, open.suite, input.edit(open.cases), input.note);
  });
}

/**
 * Make an earlier revision's cases the current ones again, as a new revision: nothing is lost, and undoing is another restore.
 * @throws AppError `suite.not-found`, `suite.changed-meanwhile`
 */
export async function restoreRevision(
  deps: Deps,
  access: Authorized<'evaluation.write'>,
  input: { readonly suiteId: string; readonly basedOn: number; readonly number: number },
): Promise<SavedSuite> {
  const { cases } = await readSuite(deps, access, { suiteId: input.suiteId, number: input.number });
  return reviseSuite(deps, access, {
    suiteId: input.suiteId,
    basedOn: input.basedOn,
    note: `Back to revision ${input.number}`,
    edit: () => cases,
  });
}

/** Add one case to the current revision, whatever it is. A case with the same key is replaced. */
export async function addCase(
  deps: Deps,
  access: Authorized<'evaluation.write'>,
  input: { readonly suiteId: string; readonly testCase: TestCase; readonly note: string },
): Promise<SavedSuite> {
  return deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const open = await readSuite({ db: tx }, access, { suiteId: input.suiteId });
    const others = open.cases.filter(({ key }) => key !== input.testCase.key);
    return saveRevision(tx, access, open.suite, [...others, input.testCase], input.note);
  });
}

async function saveRevision(
  tx: DatabaseExecutor,
  access: Authorized<'evaluation.write'>,
  suite: EvalSuite,
  cases: readonly TestCase[],
  note: string,
): Promise<SavedSuite> {
  if (cases.length === 0) throw invalidInput('a suite needs at least one case');
  if (cases.length > MAX_SUITE_CASES) throw invalidInput(`a suite holds at most ${MAX_SUITE_CASES} cases`);
  if (new Set(cases.map(({ key }) => key)).size !== cases.length) throw invalidInput('two cases have the same key');
  const contentSha256 = hashContent(cases);
  const [current] = await listRevisions(tx, access, suite.id);
  if (current?.contentSha256 === contentSha256) {
    return { suiteId: suite.id, revisionId: current.id, revisionNumber: current.number, isChanged: false };
  }
  const revision = await insertRevision(
    tx,
    access,
    { suiteId: suite.id, contentSha256, note: note.trim().slice(0, 500), createdBy: findUserId(access) },
    cases.map((testCase) => ({
      key: testCase.key,
      content: { ...testCase },
      contentSha256: hashContent(testCase),
    })),
  );
  await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
    workspaceId: access.workspaceId,
    action: 'suite.revise',
    targetId: suite.id,
    details: { name: suite.name, revision: revision.number, cases: cases.length, note: revision.note },
  });
  return { suiteId: suite.id, revisionId: revision.id, revisionNumber: revision.number, isChanged: true };
}

/**
 * Take a suite out of use. Its runs and decisions stay, but a decision that rests on it carries no promotion any more.
 * @throws AppError `suite.not-found`
 */
export async function archiveSuite(deps: Deps, access: Authorized<'evaluation.write'>, suiteId: string): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const suite = await findSuite(tx, access, suiteId);
    await archiveRow(tx, access, suiteId);
    // What was drafted for it has nowhere to go any more.
    for (const { set } of await listDraftSets(tx, access, suiteId)) {
      for (const run of await listRunsOfSubjects(tx, access, [set.id])) await requestRunCancel(tx, access, run.id);
      await deleteDraftSet(tx, access, set.id);
    }
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'suite.archive',
      targetId: suiteId,
      details: { name: suite.name },
    });
  });
}
