import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseExecutor } from '#db/executor.ts';
import {
  type CaseResultRow,
  type EvaluationRow,
  findAnswerByKey,
  findEvaluation,
  insertCaseResult,
  listCaseResults,
  listServingDocuments,
  type NewCaseResult,
  pinEvaluation,
  readAnswerConfigById,
} from '#db/repositories/evaluations.ts';
import { insertDecision } from '#db/repositories/gate.ts';
import type { Claim, Run, RunProgress } from '#db/repositories/runs.ts';
import { createWorkspaceRepository } from '#db/repositories/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { AnswerConfig } from '#lib/domain/answer-config.ts';
import { AppError } from '#lib/domain/errors.ts';
import type { RuntimeClient } from '#lib/runtime/runtime-port.ts';
import { type AskDeps, askCase } from './ask-case.ts';
import type { AssertionContext, AssertionDeps, AssertionResult, JudgeAgreement } from './assertion.ts';
import { assertionResultSchema } from './assertion.ts';
import { checkAssertion } from './assertion-registry.ts';
import { type AskedCase, summariseSide } from './build-report.ts';
import { type CaseAnswer, caseAnswerSchema } from './case-answer.ts';
import { decideGate, type Verdict } from './decide-gate.ts';
import { ensurePolicy } from './policies.ts';
import { listAskedCases } from './read-evaluation.ts';
import { type Pinned, pinnedSchema, type RunSettings, runSettingsSchema } from './run-settings.ts';
import { hashContent } from './test-case.ts';

export interface EvaluationDeps extends AskDeps {
  readonly db: DatabaseExecutor;
  readonly runtime: Pick<RuntimeClient, 'streamChat' | 'readStatus' | 'embedTexts' | 'scoreContinuation'>;
}

/** What the job hands over: {@link RunContext} of lib/jobs. */
export interface EvaluationRunContext {
  readonly run: Run;
  readonly claim: Claim;
  readonly signal: AbortSignal;
  readonly report: (progress: RunProgress) => Promise<void>;
}

/** A case that takes longer is errored: the model loops, or the machine hangs. */
const CASE_TIMEOUT_MS = 5 * 60_000;
/** While chat has the runtime's queue full, evaluation waits. */
const BUSY_PAUSE_MS = 2000;

interface Task {
  readonly asked: AskedCase;
  readonly side: CaseResultRow['side'];
  readonly leg: CaseResultRow['leg'];
  readonly repeat: number;
}

/** Sides alternate, so that a machine that slows down slows both. */
function listTasks(cases: readonly AskedCase[], settings: RunSettings): Task[] {
  return cases.flatMap((asked) => {
    // What is asked without sources anyway has no second leg.
    const legs = settings.isAlsoAlone && ['retrieval', 'context'].includes(asked.testCase.mode);
    return Array.from({ length: settings.repeats }, (_, repeat) => repeat).flatMap((repeat) =>
      (['champion', 'challenger'] as const).flatMap((side): Task[] => [
        { asked, side, leg: 'main', repeat },
        ...(legs && repeat === 0 ? [{ asked, side, leg: 'alone' as const, repeat }] : []),
      ]),
    );
  });
}

const taskKey = (task: { testCaseId: string; side: string; leg: string; repeat: number }) =>
  `${task.testCaseId}/${task.side}/${task.leg}/${task.repeat}`;

/**
 * Carry out an evaluation: ask every case of both sides, store each result as it comes, and let the gate decide. Results that are
 * there already are not repeated, so a run that was killed goes on where it stopped.
 * @throws AppError `evaluation.changed-meanwhile` when model, documents or instructions are no longer those of its first case;
 *   `runtime.unavailable` (retryable); `adapter.*` when a side's adapter cannot be served
 */
export async function runEvaluation(
  deps: EvaluationDeps,
  access: { readonly evaluate: Authorized<'evaluation.run'>; readonly chat: Authorized<'chat.use'> },
  context: EvaluationRunContext,
): Promise<Readonly<Record<string, unknown>>> {
  const { signal } = context;
  const { evaluation } = await findEvaluation(deps.db, access.evaluate, context.run.subjectId);
  const settings = runSettingsSchema.parse(evaluation.settings);
  const cases = await listAskedCases(deps.db, access.evaluate, evaluation.id);
  const config = await readAnswerConfigById(deps.db, access.evaluate, evaluation.answerConfigId);
  const pinned = await pin(deps, access.evaluate, evaluation.id, signal);

  const tasks = listTasks(cases, settings);
  const done = new Set((await listCaseResults(deps.db, access.evaluate, evaluation.id)).map(taskKey));
  const open = tasks.filter((task) => !done.has(taskKey({ ...task, testCaseId: task.asked.testCaseId })));
  let finished = tasks.length - open.length;
  await context.report({ stage: 'answering', done: finished, total: tasks.length });
  const rememberAgreement = createAgreementMemory();
  for (const task of open) {
    signal.throwIfAborted();
    const result = await answerTask(
      deps,
      access,
      { evaluation, settings, config, pinned, rememberAgreement, task },
      signal,
    );
    if (!(await insertCaseResult(deps.db, access.evaluate, context.claim, result))) return {};
    finished += 1;
    await context.report({ stage: 'answering', done: finished, total: tasks.length });
  }

  // A document that changed half-way would have been seen by one side only.
  await pin(deps, access.evaluate, evaluation.id, signal);
  await context.report({ stage: 'deciding', done: tasks.length, total: tasks.length });
  const verdict = await decideEvaluation(deps, access.evaluate, evaluation.id);
  return { cases: cases.length, results: tasks.length, ...(verdict === null ? {} : { verdict }) };
}

async function pin(
  deps: EvaluationDeps,
  access: Authorized<'evaluation.run'>,
  evaluationId: string,
  signal: AbortSignal,
): Promise<Pinned> {
  const status = await deps.runtime.readStatus({ signal });
  if (status.state === 'loading') {
    throw new AppError({
      code: 'runtime.unavailable',
      message: 'the runtime is still loading its models',
      isRetryable: true,
    });
  }
  const workspace = await createWorkspaceRepository(deps.db).read(access);
  const now: Pinned = {
    baseModel: status.baseModel?.id ?? null,
    baseSha256: status.baseModel?.sha256 ?? null,
    chatTemplateSha256: status.baseModel?.templateSha256 ?? null,
    embeddingModel: status.embeddingModel?.id ?? null,
    embeddingSha256: status.embeddingModel?.sha256 ?? null,
    documentsSha256: hashContent(await listServingDocuments(deps.db, access)),
    instructions: workspace?.instructions ?? '',
  };
  if (now.baseModel === null) {
    throw new AppError({
      code: 'runtime.no-base-model',
      message: 'the runtime serves no base model; there is nothing to evaluate',
      userMessage: 'No base model runs, so there is nothing to evaluate.',
    });
  }
  const first = pinnedSchema.parse(await pinEvaluation(deps.db, access, evaluationId, { ...now }));
  const changed = pinnedSchema.keyof().options.filter((key) => now[key] !== first[key]);
  if (changed.length > 0) {
    throw new AppError({
      code: 'evaluation.changed-meanwhile',
      message: `changed since the first case ran: ${changed.join(', ')}`,
      userMessage: `${changed.includes('documentsSha256') ? 'Documents' : changed.includes('instructions') ? 'The workspace’s instructions' : 'The models'} changed while this evaluation ran, so its answers cannot be compared. Start another one.`,
    });
  }
  return first;
}

interface TaskInput {
  readonly evaluation: EvaluationRow;
  readonly settings: RunSettings;
  readonly config: AnswerConfig;
  readonly pinned: Pinned;
  readonly rememberAgreement: AssertionDeps['rememberAgreement'];
  readonly task: Task;
}

/** A failure is not remembered: the runtime may have been busy. */
function createAgreementMemory(): AssertionDeps['rememberAgreement'] {
  const known = new Map<string, JudgeAgreement>();
  return async (key, measure) => {
    const agreement = known.get(key) ?? (await measure());
    known.set(key, agreement);
    return agreement;
  };
}

async function answerTask(
  deps: EvaluationDeps,
  access: { readonly evaluate: Authorized<'evaluation.run'>; readonly chat: Authorized<'chat.use'> },
  { evaluation, settings, config, pinned, rememberAgreement, task }: TaskInput,
  signal: AbortSignal,
): Promise<NewCaseResult> {
  const { testCase } = task.asked;
  const sha256 = task.side === 'champion' ? evaluation.championSha256 : evaluation.adapterSha256;
  const model = sha256 ?? 'base';
  const isScored = testCase.mode === 'score';
  const { question, history, mode, context, instructions } = testCase;
  const answerKey = hashContent({
    question,
    history,
    mode,
    context,
    instructions: instructions ?? null,
    // Likelihoods are what the assertions themselves ask for.
    assertions: isScored ? testCase.assertions : null,
    leg: task.leg,
    repeat: task.repeat,
    seed: settings.seed,
    model,
    answerConfigId: evaluation.answerConfigId,
    // What a case without a search answers does not depend on the documents.
    pinned: mode === 'retrieval' && task.leg === 'main' ? pinned : { ...pinned, documentsSha256: '', instructions: '' },
    workspaceInstructions: mode === 'context' && task.leg === 'main' ? pinned.instructions : '',
  });
  const common = {
    evaluationRunId: evaluation.id,
    testCaseId: task.asked.testCaseId,
    side: task.side,
    leg: task.leg,
    repeat: task.repeat,
    answerKey,
  };
  const assertionDeps: AssertionDeps = {
    rememberAgreement,
    embedTexts: (texts) => deps.runtime.embedTexts(texts, { priority: 'evaluation', signal }),
    scoreContinuation: async (scoredModel, prefix, continuation) =>
      (
        await deps.runtime.scoreContinuation(
          { prefix, continuation, model: scoredModel },
          { priority: 'evaluation', signal },
        )
      ).tokenLogprobs,
  };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(CASE_TIMEOUT_MS)]);
  try {
    // Both sides of a base against itself have one key: only an earlier run's answer is taken, or nothing could be compared.
    const kept = await findAnswerByKey(deps.db, access.evaluate, answerKey);
    const usable = kept !== undefined && kept.evaluationRunId !== evaluation.id ? kept : undefined;
    if (isScored && usable) {
      const assertions = usable.assertions.map((assertion) => assertionResultSchema.parse(assertion));
      return { ...common, ...scoreCase(assertions), answer: null, latencyMs: null, isCached: true };
    }
    const answer =
      usable?.answer != null
        ? caseAnswerSchema.parse(usable.answer)
        : isScored
          ? null
          : await askPatiently(
              () =>
                askCase(
                  deps,
                  access.chat,
                  {
                    testCase,
                    leg: task.leg,
                    model,
                    config,
                    answerConfigId: evaluation.answerConfigId,
                    instructions: pinned.instructions,
                    seed: settings.seed,
                  },
                  limit,
                ),
              signal,
            );
    requireModel(answer, sha256);
    const assertions = await checkAll(testCase.assertions, { answer, question, model, deps: assertionDeps }, signal);
    return {
      ...common,
      ...scoreCase(assertions),
      answer,
      latencyMs: answer?.latencyMs ?? null,
      isCached: usable !== undefined,
    };
  } catch (error) {
    signal.throwIfAborted();
    if (AppError.isInstance(error) && (error.isRetryable || error.code.startsWith('adapter.'))) throw error;
    const isTimeout = limit.aborted;
    return {
      ...common,
      state: 'errored',
      answer: null,
      assertions: [],
      isPassed: false,
      score: null,
      latencyMs: null,
      errorCode: isTimeout ? 'evaluation.timeout' : AppError.isInstance(error) ? error.code : 'internal',
      errorMessage: isTimeout
        ? `No answer within ${CASE_TIMEOUT_MS / 60_000} minutes.`
        : AppError.isInstance(error)
          ? error.userMessage
          : error instanceof Error
            ? error.message
            : String(error),
      isCached: false,
    };
  }
}

/** An answer of another model than the one that is measured would be worse than none. */
function requireModel(answer: CaseAnswer | null, sha256: string | null): void {
  if (answer === null || (answer.kind !== 'generated' && answer.kind !== 'plain')) return;
  if (answer.adapterSha256 === sha256) return;
  throw new Error(`asked the adapter ${sha256 ?? 'none'}, answered by ${answer.adapterSha256 ?? 'none'}`);
}

/** A full queue is no error of the case. */
async function askPatiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!AppError.isInstance(error) || error.code !== 'runtime.busy') throw error;
      await delay(error.retryAfterMs ?? BUSY_PAUSE_MS, undefined, { signal });
    }
  }
}

async function checkAll(
  specs: AskedCase['testCase']['assertions'],
  context: AssertionContext,
  signal: AbortSignal,
): Promise<AssertionResult[]> {
  const results: AssertionResult[] = [];
  for (const spec of specs) results.push(await askPatiently(() => checkAssertion(spec, context), signal));
  return results;
}

/** One assertion that cannot be computed makes the case errored, whatever the others say. */
function scoreCase(assertions: readonly AssertionResult[]) {
  const errored = assertions.find(({ state }) => state === 'errored');
  const isErrored = errored !== undefined || assertions.length === 0;
  return {
    state: isErrored ? ('errored' as const) : ('scored' as const),
    assertions: [...assertions],
    isPassed: !isErrored && assertions.every(({ state }) => state === 'passed'),
    score: isErrored ? null : assertions.reduce((sum, { score }) => sum + (score ?? 0), 0) / assertions.length,
    errorCode: isErrored ? 'evaluation.not-computable' : null,
    errorMessage: isErrored ? (errored?.reason ?? 'There was nothing to check.') : null,
  };
}

/**
 * Let the gate decide about a finished run under the policy of now, and store it. Asked again under the same policy it gives the
 * decision that is there.
 * @returns null: the base was the challenger, and there is nothing to promote
 * @throws AppError `evaluation.not-finished`
 */
export async function decideEvaluation(
  deps: Pick<EvaluationDeps, 'db'>,
  access: Authorized<'evaluation.run'>,
  evaluationId: string,
): Promise<Verdict | null> {
  const { evaluation } = await findEvaluation(deps.db, access, evaluationId);
  if (evaluation.versionId === null || evaluation.adapterSha256 === null) return null;
  const { versionId, adapterSha256 } = evaluation;
  const cases = await listAskedCases(deps.db, access, evaluationId);
  const results = await listCaseResults(deps.db, access, evaluationId);
  const settings = runSettingsSchema.parse(evaluation.settings);
  if (results.length < listTasks(cases, settings).length) {
    throw new AppError({
      code: 'evaluation.not-finished',
      message: `${results.length} results of ${listTasks(cases, settings).length} are there`,
      userMessage: 'This evaluation is not finished, so nothing can be decided yet.',
    });
  }
  const setUp = {
    suiteRevisionIds: [...new Set(cases.map(({ revisionId }) => revisionId))],
    answerConfigId: evaluation.answerConfigId,
    baseSha256: evaluation.pinned === null ? null : pinnedSchema.parse(evaluation.pinned).baseSha256,
    repeats: settings.repeats,
  };
  return deps.db.transaction(async (tx) => {
    const policy = await ensurePolicy(tx, access);
    const verdict = decideGate(
      policy.policy,
      summariseSide(setUp, evaluation.championSha256, cases, results, 'champion'),
      summariseSide(setUp, adapterSha256, cases, results, 'challenger'),
    );
    const decision = await insertDecision(tx, access, {
      evaluationRunId: evaluation.id,
      policyId: policy.id,
      versionId,
      adapterSha256,
      championVersionId: evaluation.championVersionId,
      championSha256: evaluation.championSha256,
      verdict: verdict.verdict,
      details: { ...verdict },
      createdBy: access.actor.kind === 'user' ? access.actor.userId : null,
      validForDays: policy.policy.passExpiresAfterDays,
    });
    return decision.verdict;
  });
}
