import type { DatabaseExecutor } from '#db/executor.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import {
  type CaseDraft,
  type CaseDraftSet,
  type DraftSetCounts,
  type DraftState,
  deleteDraftSet,
  findDraftSet,
  insertDraft,
  insertDraftSet,
  listDrafts,
  listDraftSets as listRowsOfDraftSets,
  lockDraftSet,
  updateDraftSet,
  updateDrafts,
} from '#db/repositories/case-drafts.ts';
import { listLiveDocuments } from '#db/repositories/documents.ts';
import { listManualPassages } from '#db/repositories/manual-passages.ts';
import { insertRun, listRunsOfSubjects, lockClaim, type Run, requestRunCancel } from '#db/repositories/runs.ts';
import { findSuite, findSuiteByName } from '#db/repositories/suites.ts';
import { lockWorkspace } from '#db/repositories/workspace-lock.ts';
import { type Authorized, findUserId } from '#lib/domain/access.ts';
import { invalidInput, notFound } from '#lib/domain/errors.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import { requeueRun } from '#lib/jobs/manage-runs.ts';
import type { RunContext } from '#lib/jobs/perform-run.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { forecastMinutes } from '#lib/questions/forecast-questions.ts';
import { nothingToAsk, type PlannedQuestion, planQuestions } from '#lib/questions/plan-questions.ts';
import { type QuestionDeps, writeAnswer, writeQuestion } from '#lib/questions/write-question.ts';
import { type DraftReport, type DraftSettings, draftReportSchema, draftSettingsSchema } from './draft-set.ts';
import { expectAnswer } from './expect-answer.ts';
import { nameTaken, readSuite, type SavedSuite, saveSuite } from './suites.ts';
import { makeCaseKey, type TestCase, type TestCaseInput, testCaseSchema } from './test-case.ts';

/**
 * Cases that the workspace's own model writes from its documents: a statement is the quote, the model asks about it and answers.
 * What it writes are drafts. A person accepts, edits or drops each, and only what was accepted becomes part of a revision.
 */

interface Deps {
  readonly db: DatabaseExecutor;
}
type Read = Authorized<'evaluation.read'>;
type Write = Authorized<'evaluation.write'>;

/** Questions that none of these passages answers are asked elsewhere: the shipped suite “Refusal” has them. */
const plan = (passages: Awaited<ReturnType<typeof listManualPassages>>, { maxCases }: DraftSettings) =>
  planQuestions(passages, { maxRows: maxCases, refusalShare: 0 });

/** @throws AppError `document.not-found` for an id that is no document here */
async function listPassages(db: DatabaseExecutor, access: Write, { documentIds }: DraftSettings) {
  const wanted = [...new Set(documentIds)];
  if ((await listLiveDocuments(db, access, wanted)).length !== wanted.length) throw notFound('document');
  return listManualPassages(db, access, wanted);
}

/**
 * What writing the drafts would cost. Time is measured on the last set of the workspace, else a guess for two cores.
 * @throws AppError `document.not-found`
 */
export async function forecastDrafts(
  deps: Deps,
  access: Write,
  settings: DraftSettings,
): Promise<{ readonly passages: number; readonly questions: number; readonly minutes: number }> {
  const passages = await listPassages(deps.db, access, settings);
  const questions = plan(passages, settings).length;
  const earlier = (await listRowsOfDraftSets(deps.db, access)).map(({ set }) => draftReportSchema.parse(set.report));
  return { passages: passages.length, questions, minutes: forecastMinutes(questions, earlier.toReversed()) };
}

/**
 * Have drafts written for a suite, or for one that is made of what will be accepted. The work is a run; this returns at once.
 * @throws AppError `suite.not-found`, `suite.name-taken`, `document.not-found`, `questions.no-statements`, `input.invalid`
 */
export async function startDrafts(
  deps: Deps & { readonly queue: JobQueue },
  access: Write,
  input: {
    readonly suite: { readonly id: string } | { readonly name: string };
    readonly settings: DraftSettings;
  },
): Promise<{ readonly draftSetId: string; readonly runId: string }> {
  const settings = draftSettingsSchema.parse(input.settings);
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    const suite =
      'id' in input.suite
        ? await findSuite(tx, access, input.suite.id)
        : { id: null, name: await requireFreeName(tx, access, input.suite.name) };
    if (plan(await listPassages(tx, access, settings), settings).length === 0) throw nothingToAsk();
    const createdBy = findUserId(access);
    const set = await insertDraftSet(tx, access, {
      suiteId: suite.id,
      suiteName: suite.name,
      settings: { ...settings },
      createdBy,
    });
    const run = await insertRun(tx, access, {
      kind: 'suite.draft',
      subjectId: set.id,
      title: `${suite.name}: cases from documents`.slice(0, 200),
      createdBy,
    });
    await deps.queue.enqueue(tx, 'suite.draft', { workspaceId: access.workspaceId, runId: run.id });
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'suite.draft',
      targetId: set.id,
      details: { suite: suite.name, documents: settings.documentIds.length, maxCases: settings.maxCases },
    });
    return { draftSetId: set.id, runId: run.id };
  });
}

/** @throws AppError `input.invalid`, `suite.name-taken` */
async function requireFreeName(tx: DatabaseExecutor, access: Write, wanted: string): Promise<string> {
  const name = wanted.trim();
  if (name === '' || name.length > 120) throw invalidInput('a suite needs a name of 1 to 120 characters');
  if (await findSuiteByName(tx, access, name)) throw nameTaken(name);
  return name;
}

/**
 * Write the drafts of a set. Each is kept as soon as it is written; a worker that takes over goes on behind the last one.
 * @throws AppError `draft.not-found`, `questions.no-statements`
 */
export async function performDrafts(
  deps: Deps & QuestionDeps,
  access: Write,
  context: Pick<RunContext, 'run' | 'claim' | 'signal' | 'report'>,
): Promise<Readonly<Record<string, unknown>>> {
  const set = await findDraftSet(deps.db, access, context.run.subjectId);
  const settings = draftSettingsSchema.parse(set.settings);
  const passages = await listManualPassages(deps.db, access, settings.documentIds);
  const planned = plan(passages, settings);
  if (planned.length === 0) throw nothingToAsk();
  const report: DraftReport = draftReportSchema.parse(set.report);
  const known = await listKnownKeys(deps.db, access, set);
  await context.report({ stage: 'writing', done: set.position, total: planned.length });
  for (const [index, question] of planned.entries()) {
    if (index < set.position) continue;
    const startedAt = performance.now();
    const draft = await writeDraft(deps, question, passages, context.signal);
    report.read += 1;
    report.seconds += (performance.now() - startedAt) / 1000;
    const isKnown = draft !== null && known.has(draft.testCase.key);
    if (draft === null) report.unasked += 1;
    else if (isKnown) report.known += 1;
    else known.add(draft.testCase.key);
    await deps.db.transaction(async (tx) => {
      if (!(await lockClaim(tx, context.claim))) return;
      if (draft !== null && !isKnown) {
        const { testCase, doubt } = draft;
        await insertDraft(tx, access, { draftSetId: set.id, ordinal: index + 1, content: { ...testCase }, doubt });
      }
      await updateDraftSet(tx, access, set.id, { report, position: index + 1 });
    });
    context.signal.throwIfAborted();
    await context.report({ stage: 'writing', done: index + 1, total: planned.length });
  }
  return { ...report };
}

/** Of the questions that the suite asks, and of those that were drafted before. */
async function listKnownKeys(db: DatabaseExecutor, access: Write, set: CaseDraftSet): Promise<Set<string>> {
  const cases = set.suiteId === null ? [] : (await readSuite({ db }, access, { suiteId: set.suiteId })).cases;
  const drafts = (await listDrafts(db, access, set.id)).map(readDraftedCase);
  return new Set([...cases, ...drafts].map(({ key }) => key));
}

const readDraftedCase = ({ content }: Pick<CaseDraft, 'content'>): TestCase => testCaseSchema.parse(content);

/** @returns null: the model wrote nothing of use */
async function writeDraft(
  deps: QuestionDeps,
  planned: PlannedQuestion,
  passages: Parameters<typeof planQuestions>[0],
  signal: AbortSignal,
): Promise<{ readonly testCase: TestCase; readonly doubt: string | null } | null> {
  const question = await writeQuestion(deps, planned, signal);
  if (question === null) return null;
  const written = await writeAnswer(deps, { question, plan: planned, passages }, signal);
  const { passage, sentence } = planned;
  const isSupported = written !== null && written.unsupported === null;
  return {
    testCase: testCaseSchema.parse({
      key: makeCaseKey(question),
      question,
      area: 'grounding',
      tags: ['from documents'],
      source: {
        documentId: passage.documentId,
        versionId: passage.versionId,
        title: passage.documentTitle.slice(0, 500),
        page: passage.pageNumber,
        quote: sentence,
      },
      assertions: [
        { type: 'cites-document', title: passage.documentTitle.slice(0, 500), page: passage.pageNumber },
        // An answer that the quote does not bear out is no reference for anybody.
        ...expectAnswer(isSupported ? written.answer : sentence, question),
      ],
    } satisfies TestCaseInput),
    doubt: written === null ? 'the model wrote no answer' : written.unsupported,
  };
}

export interface DraftView {
  readonly id: string;
  readonly state: DraftState;
  /** Null: the quote bears out what the case expects, as far as can be computed. */
  readonly doubt: string | null;
  readonly testCase: TestCase;
}

export interface OpenDraftSet {
  readonly id: string;
  /** Null: a suite of this name is still to be made. */
  readonly suiteId: string | null;
  readonly suiteName: string;
  readonly settings: DraftSettings;
  readonly report: DraftReport;
  readonly drafts: readonly DraftView[];
  readonly run: Run | null;
  readonly createdAt: Date;
}

/** @throws AppError `draft.not-found` */
export async function readDraftSet(deps: Deps, access: Read, draftSetId: string): Promise<OpenDraftSet> {
  const set = await findDraftSet(deps.db, access, draftSetId);
  const [drafts, runs] = await Promise.all([
    listDrafts(deps.db, access, draftSetId),
    listRunsOfSubjects(deps.db, access, [draftSetId]),
  ]);
  return {
    id: set.id,
    suiteId: set.suiteId,
    suiteName: set.suiteName,
    settings: draftSettingsSchema.parse(set.settings),
    report: draftReportSchema.parse(set.report),
    drafts: drafts.map((draft) => ({
      id: draft.id,
      state: draft.state,
      doubt: draft.doubt,
      testCase: readDraftedCase(draft),
    })),
    run: runs[0] ?? null,
    createdAt: set.createdAt,
  };
}

export interface DraftSetSummary {
  readonly id: string;
  readonly suiteName: string;
  readonly counts: DraftSetCounts['counts'];
  readonly run: Run | null;
  readonly createdAt: Date;
}

/** Sets that still ask something of people, newest first: being written, stopped, or with drafts that stand in no revision yet. */
export async function listWaitingDrafts(deps: Deps, access: Read, suiteId?: string): Promise<DraftSetSummary[]> {
  const sets = await listRowsOfDraftSets(deps.db, access, suiteId);
  const runs = await listRunsOfSubjects(
    deps.db,
    access,
    sets.map(({ set }) => set.id),
  );
  return sets
    .map(({ set: { id, suiteName, createdAt }, counts }) => ({
      id,
      suiteName,
      counts,
      run: runs.find(({ subjectId }) => subjectId === id) ?? null,
      createdAt,
    }))
    .filter(({ counts, run }) => counts.open + counts.accepted > 0 || (run !== null && run.state !== 'succeeded'));
}

/**
 * Accept drafts, drop them, or take that back. Those that stand in a revision stay as they are.
 * @throws AppError `draft.not-found` when one is not in the set
 */
export async function reviewDrafts(
  deps: Deps,
  access: Write,
  input: {
    readonly draftSetId: string;
    readonly draftIds: readonly string[];
    readonly state: Exclude<DraftState, 'taken'>;
  },
): Promise<void> {
  const wanted = [...new Set(input.draftIds)];
  await deps.db.transaction(async (tx) => {
    await lockDraftSet(tx, access, input.draftSetId);
    const changes = { state: input.state, reviewedBy: findUserId(access) };
    if ((await updateDrafts(tx, access, input.draftSetId, wanted, changes)) !== wanted.length) throw notFound('draft');
  });
}

/**
 * Put what a person made of a draft in its place, and accept it. Its source stays.
 * @throws AppError `draft.not-found`
 */
export async function editDraft(
  deps: Deps,
  access: Write,
  input: { readonly draftSetId: string; readonly draftId: string; readonly testCase: TestCase },
): Promise<void> {
  await deps.db.transaction(async (tx) => {
    await lockDraftSet(tx, access, input.draftSetId);
    const draft = (await listDrafts(tx, access, input.draftSetId)).find(({ id }) => id === input.draftId);
    if (draft === undefined) throw notFound('draft');
    const { key, source } = readDraftedCase(draft);
    const { source: _sent, ...edited } = input.testCase;
    const content = { ...edited, key, ...(source === undefined ? {} : { source }) };
    const changes = { content, doubt: null, state: 'accepted' as const, reviewedBy: findUserId(access) };
    if ((await updateDrafts(tx, access, input.draftSetId, [draft.id], changes)) === 0) throw notFound('draft');
  });
}

/**
 * Make the accepted drafts part of a new revision of their suite, or make the suite of them. A case that asks the same already stays
 * as people have left it.
 * @param input.suiteName of a suite that is still to be made. Default: the one that was given when the drafts were asked for
 * @throws AppError `draft.not-found`, `suite.not-found`, `suite.name-taken`, `input.invalid` when nothing is accepted
 */
export async function takeInDrafts(
  deps: Deps,
  access: Write,
  input: { readonly draftSetId: string; readonly suiteName?: string },
): Promise<SavedSuite & { readonly added: number }> {
  const { draftSetId } = input;
  return deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const set = await lockDraftSet(tx, access, draftSetId);
    const accepted = (await listDrafts(tx, access, draftSetId)).filter(({ state }) => state === 'accepted');
    if (accepted.length === 0) throw invalidInput('Accept at least one draft first.');
    const open = set.suiteId === null ? null : await readSuite({ db: tx }, access, { suiteId: set.suiteId });
    const name = open === null ? await requireFreeName(tx, access, input.suiteName ?? set.suiteName) : open.suite.name;
    const existing = open?.cases ?? [];
    const known = new Set(existing.map(({ key }) => key));
    const fresh = accepted.map(readDraftedCase).filter(({ key }) => !known.has(key));
    const saved = await saveSuite({ db: tx }, access, {
      name,
      description: open === null ? 'Questions from the workspace’s documents.' : open.suite.description,
      cases: [...existing, ...fresh],
      note: `${fresh.length} ${fresh.length === 1 ? 'case' : 'cases'} from documents`,
    });
    await updateDrafts(
      tx,
      access,
      draftSetId,
      accepted.map(({ id }) => id),
      { state: 'taken' },
    );
    await updateDraftSet(tx, access, draftSetId, { suiteId: saved.suiteId, suiteName: name });
    return { ...saved, added: fresh.length };
  });
}

/**
 * Stop writing; the drafts that are there stay.
 * @throws AppError `draft.not-found`
 */
export async function cancelDrafts(deps: Deps, access: Write, draftSetId: string): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const run = await findRunOf(tx, access, draftSetId);
    await requestRunCancel(tx, access, run.id);
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'suite.draft-cancel',
      targetId: draftSetId,
      details: {},
    });
  });
}

async function findRunOf(tx: DatabaseExecutor, access: Write, draftSetId: string): Promise<Run> {
  const { id } = await lockDraftSet(tx, access, draftSetId);
  const [run] = await listRunsOfSubjects(tx, access, [id]);
  if (run === undefined) throw notFound('draft');
  return run;
}

/**
 * Go on with a set that was cancelled or has failed, behind its last draft.
 * @throws AppError `draft.not-found`, `run.not-retryable`
 */
export async function resumeDrafts(
  deps: Deps & { readonly queue: JobQueue },
  access: Write,
  draftSetId: string,
): Promise<void> {
  await deps.queue.open();
  await deps.db.transaction(async (tx) => {
    const run = await findRunOf(tx, access, draftSetId);
    await requeueRun(tx, deps.queue, access, run);
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'suite.draft-resume',
      targetId: draftSetId,
      details: {},
    });
  });
}

/**
 * Forget a set and its drafts. Cases that were taken into a revision stay there.
 * @throws AppError `draft.not-found`
 */
export async function discardDrafts(deps: Deps, access: Write, draftSetId: string): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const [run] = await listRunsOfSubjects(tx, access, [draftSetId]);
    if (run !== undefined) await requestRunCancel(tx, access, run.id);
    if (!(await deleteDraftSet(tx, access, draftSetId))) throw notFound('draft');
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'suite.draft-discard',
      targetId: draftSetId,
      details: {},
    });
  });
}
