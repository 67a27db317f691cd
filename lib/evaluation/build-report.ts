import type { CaseResultRow } from '#db/repositories/evaluations.ts';
import { type AssertionResult, assertionResultSchema } from './assertion.ts';
import { type CaseAnswer, caseAnswerSchema } from './case-answer.ts';
import type { CaseOutcome, SystemReport } from './decide-gate.ts';
import type { TestCase } from './test-case.ts';

/** A case of a run, with the suite that it is from. */
export interface AskedCase {
  readonly testCaseId: string;
  readonly suiteId: string;
  readonly suiteName: string;
  readonly revisionId: string;
  readonly testCase: TestCase;
}

/** Keys are unique within a suite; two suites of a run may ask the same. */
export function nameCase(asked: Pick<AskedCase, 'suiteId' | 'testCase'>): string {
  return `${asked.suiteId}/${asked.testCase.key}`;
}

const MAX_TITLE_CHARACTERS = 90;

export function makeCaseTitle({ question }: TestCase): string {
  const line = question.replaceAll(/\s+/g, ' ').trim();
  return line.length <= MAX_TITLE_CHARACTERS ? line : `${line.slice(0, MAX_TITLE_CHARACTERS - 1).toWellFormed()}…`;
}

/** Tags, the suite and the documents that a case is about. */
function listSlices(asked: AskedCase): string[] {
  const documents = asked.testCase.assertions.flatMap((assertion) =>
    assertion.type === 'cites-document' ? [`document: ${assertion.title}`] : [],
  );
  return [...new Set([`suite: ${asked.suiteName}`, ...asked.testCase.tags, ...documents])];
}

/** One system's side of a run, for `decideGate`. A case without any result could not be run. */
export function summariseSide(
  setUp: SystemReport['setUp'],
  adapterSha256: string | null,
  cases: readonly AskedCase[],
  results: readonly CaseResultRow[],
  side: CaseResultRow['side'],
): SystemReport {
  const byCase = new Map<string, CaseResultRow[]>();
  for (const result of results) {
    if (result.side !== side || result.leg !== 'main') continue;
    byCase.set(result.testCaseId, [...(byCase.get(result.testCaseId) ?? []), result]);
  }
  return {
    setUp,
    adapterSha256,
    cases: cases.map((asked): CaseOutcome => {
      const own = (byCase.get(asked.testCaseId) ?? []).toSorted((a, b) => a.repeat - b.repeat);
      const isErrored = own.length < setUp.repeats || own.some(({ state }) => state === 'errored');
      return {
        caseKey: nameCase(asked),
        title: makeCaseTitle(asked.testCase),
        area: asked.testCase.area,
        tags: listSlices(asked),
        weight: asked.testCase.weight,
        isMustPass: asked.testCase.isMustPass,
        passes: isErrored ? [] : own.map(({ isPassed }) => isPassed),
        isErrored,
        // A kept answer tells how long it took on another day.
        latencyMs: own[0] === undefined || own[0].isCached ? null : own[0].latencyMs,
      };
    }),
  };
}

export interface SideView {
  readonly state: 'passed' | 'failed' | 'errored' | 'open';
  /** Repeats that passed, of those that were run. */
  readonly passedRepeats: number;
  readonly repeats: number;
  /** Of the first repeat. */
  readonly answer: CaseAnswer | null;
  readonly assertions: readonly AssertionResult[];
  readonly latencyMs: number | null;
  readonly error: string | null;
  readonly isCached: boolean;
}

export interface CaseView {
  readonly key: string;
  readonly caseKey: string;
  readonly suiteId: string;
  readonly suiteName: string;
  readonly title: string;
  readonly testCase: TestCase;
  /** From the champion to the challenger. */
  readonly change: 'fixed' | 'regressed' | 'still-failing' | 'still-passing' | 'errored' | 'open';
  readonly champion: SideView;
  readonly challenger: SideView;
  /** Whether the document is still here that the case was written from; false where there was none. */
  readonly isSourceHere: boolean;
  /** Whether each passes without any sources; null: not asked. */
  readonly alone: { readonly champion: boolean | null; readonly challenger: boolean | null };
}

function viewSide(results: readonly CaseResultRow[], repeats: number): SideView {
  const own = results.toSorted((a, b) => a.repeat - b.repeat);
  const [first] = own;
  const errored = own.find(({ state }) => state === 'errored');
  const passedRepeats = own.filter(({ isPassed }) => isPassed).length;
  const isOpen = own.length < repeats && errored === undefined;
  return {
    state: errored !== undefined ? 'errored' : isOpen ? 'open' : passedRepeats * 2 > own.length ? 'passed' : 'failed',
    passedRepeats,
    repeats: own.length,
    answer: first?.answer ? caseAnswerSchema.parse(first.answer) : null,
    assertions: (first?.assertions ?? []).map((assertion) => assertionResultSchema.parse(assertion)),
    latencyMs: first?.latencyMs ?? null,
    error: errored?.errorMessage ?? null,
    isCached: own.some(({ isCached }) => isCached),
  };
}

const CHANGE_ORDER = ['regressed', 'errored', 'still-failing', 'fixed', 'still-passing', 'open'] as const;

/**
 * What became of each case, worst first.
 * @param presentDocumentIds of the documents that cases were written from, those that are still here
 */
export function viewCases(
  cases: readonly AskedCase[],
  results: readonly CaseResultRow[],
  repeats: number,
  presentDocumentIds: ReadonlySet<string>,
): CaseView[] {
  const byCase = Map.groupBy(results, ({ testCaseId }) => testCaseId);
  return cases
    .map((asked): CaseView => {
      const own = byCase.get(asked.testCaseId) ?? [];
      const pick = (side: CaseResultRow['side'], leg: CaseResultRow['leg']) =>
        own.filter((result) => result.side === side && result.leg === leg);
      const champion = viewSide(pick('champion', 'main'), repeats);
      const challenger = viewSide(pick('challenger', 'main'), repeats);
      return {
        key: nameCase(asked),
        caseKey: asked.testCase.key,
        suiteId: asked.suiteId,
        suiteName: asked.suiteName,
        title: makeCaseTitle(asked.testCase),
        testCase: asked.testCase,
        change: nameChange(champion.state, challenger.state),
        champion,
        challenger,
        isSourceHere: presentDocumentIds.has(asked.testCase.source?.documentId ?? ''),
        alone: {
          champion: pick('champion', 'alone')[0]?.isPassed ?? null,
          challenger: pick('challenger', 'alone')[0]?.isPassed ?? null,
        },
      };
    })
    .sort((a, b) => CHANGE_ORDER.indexOf(a.change) - CHANGE_ORDER.indexOf(b.change));
}

function nameChange(champion: SideView['state'], challenger: SideView['state']): CaseView['change'] {
  if (champion === 'open' || challenger === 'open') return 'open';
  if (champion === 'errored' || challenger === 'errored') return 'errored';
  if (champion === challenger) return champion === 'passed' ? 'still-passing' : 'still-failing';
  return challenger === 'passed' ? 'fixed' : 'regressed';
}
