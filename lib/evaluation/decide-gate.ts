import { AppError } from '#lib/domain/errors.ts';
import { type GatePolicy, type MetricRule, OVERALL } from './gate-policy.ts';
import {
  adviseMoreCases,
  correctForMany,
  estimateMean,
  type Interval,
  meanOf,
  testMcNemar,
  testMeanBelow,
  type WeightedValue,
} from './statistics.ts';

/** One case as one system answered it, all its repeats together. */
export interface CaseOutcome {
  /** Stable over revisions of the suite. */
  readonly caseKey: string;
  /** For people: the beginning of the question. */
  readonly title: string;
  readonly area: string;
  /** `tag: value` slices, the documents among them. */
  readonly tags: readonly string[];
  /** Above 0. */
  readonly weight: number;
  readonly isMustPass: boolean;
  /** One entry a repeat. Empty: the case could not be run. */
  readonly passes: readonly boolean[];
  readonly isErrored: boolean;
  /** Of the first repeat; null where nothing was written. */
  readonly latencyMs: number | null;
}

export interface SystemReport {
  /** What was run: must agree between the two, see {@link decideGate}. */
  readonly setUp: {
    readonly suiteRevisionIds: readonly string[];
    readonly answerConfigId: string;
    readonly baseSha256: string | null;
    readonly repeats: number;
  };
  /** Null: the base alone. */
  readonly adapterSha256: string | null;
  readonly cases: readonly CaseOutcome[];
}

export const verdicts = ['pass', 'fail', 'inconclusive'] as const;
export type Verdict = (typeof verdicts)[number];

export interface GateReason {
  /** `blocks` makes a fail, `undecided` an inconclusive, `fine` is what speaks for the adapter. */
  readonly kind: 'blocks' | 'undecided' | 'fine';
  readonly metric: string | null;
  /** A sentence for a person who is no statistician. */
  readonly text: string;
}

export interface MetricComparison {
  readonly metric: string;
  readonly cases: number;
  /** Pass rates, 0 to 1. */
  readonly champion: number;
  readonly challenger: number;
  readonly championInterval: Interval;
  readonly challengerInterval: Interval;
  /** Challenger less champion. */
  readonly difference: number;
  readonly differenceInterval: Interval;
  /** Cases that only one of them passes in most repeats. */
  readonly fixed: number;
  readonly regressed: number;
  /** Largest difference between two repeats of the champion; null: one repeat shows none. */
  readonly noiseFloor: number | null;
  /** That the challenger is truly worse, corrected for the number of metrics looked at; small is bad. */
  readonly pWorse: number;
  /** That the challenger is truly no better; small is good. */
  readonly pNoBetter: number;
}

export interface GateVerdict {
  readonly verdict: Verdict;
  /** Blocking ones first. */
  readonly reasons: readonly GateReason[];
  readonly metrics: readonly MetricComparison[];
  /** Largest fall first. */
  readonly slices: readonly MetricComparison[];
  /** Further cases that would likely decide; null: none would, or nothing is undecided for want of cases. */
  readonly moreCases: number | null;
  readonly slowdown: { readonly ratio: number; readonly interval: Interval } | null;
}

/** What a difference of two pass rates can be, and what a rate can be. */
const DIFFERENCE: Interval = { low: -1, high: 1 };
const RATE: Interval = { low: 0, high: 1 };
/** Answer times further apart than a factor e⁴ tell of a hung machine and not of an adapter. */
const LOG_RATIO: Interval = { low: -4, high: 4 };

const percent = (value: number) => {
  const points = Math.abs(value) * 100;
  return `${points < 10 ? points.toFixed(1).replace(/\.0$/, '') : Math.round(points)} %`;
};
const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;

interface Pair {
  readonly champion: CaseOutcome;
  readonly challenger: CaseOutcome;
}

/**
 * Share of repeats that passed. A case that could not be run counts against the challenger, on whichever side it happened:
 * as failed where the challenger could not, as passed where the champion could not. So no missing answer ever helps to a pass.
 */
function rateCase(outcome: CaseOutcome, side: 'champion' | 'challenger'): number {
  if (outcome.isErrored || outcome.passes.length === 0) return side === 'champion' ? 1 : 0;
  return outcome.passes.filter(Boolean).length / outcome.passes.length;
}

function pairCases(champion: SystemReport, challenger: SystemReport): Pair[] {
  const key = (report: SystemReport) =>
    JSON.stringify([
      [...report.setUp.suiteRevisionIds].sort(),
      report.setUp.answerConfigId,
      report.setUp.baseSha256,
      report.setUp.repeats,
    ]);
  const byKey = new Map(champion.cases.map((outcome) => [outcome.caseKey, outcome]));
  const pairs = challenger.cases.flatMap((outcome) => {
    const other = byKey.get(outcome.caseKey);
    return other === undefined ? [] : [{ champion: other, challenger: outcome }];
  });
  const isSame =
    key(champion) === key(challenger) &&
    pairs.length === champion.cases.length &&
    pairs.length === challenger.cases.length &&
    byKey.size === champion.cases.length &&
    new Set(challenger.cases.map((outcome) => outcome.caseKey)).size === challenger.cases.length;
  if (!isSame) {
    throw new AppError({
      code: 'gate.not-comparable',
      message:
        'expected two reports of the same cases, suite revisions, answer configuration, base and repeats; they differ',
      userMessage: 'These two runs did not answer the same cases in the same way, so they cannot be compared.',
    });
  }
  const bad = pairs.find(({ champion: { weight } }) => !(Number.isFinite(weight) && weight > 0));
  if (bad) {
    throw new AppError({
      code: 'gate.not-comparable',
      message: `expected a weight above 0, got ${bad.champion.weight} for ${bad.champion.caseKey}`,
    });
  }
  return pairs;
}

const differencesOf = (pairs: readonly Pair[]): WeightedValue[] =>
  pairs.map(({ champion, challenger }) => ({
    value: rateCase(challenger, 'challenger') - rateCase(champion, 'champion'),
    weight: champion.weight,
  }));

const ratesOf = (pairs: readonly Pair[], side: 'champion' | 'challenger'): WeightedValue[] =>
  pairs.map((pair) => ({ value: rateCase(pair[side], side), weight: pair.champion.weight }));

function measureNoise(pairs: readonly Pair[]): number | null {
  const ran = pairs.map(({ champion }) => champion).filter((outcome) => outcome.passes.length > 1);
  if (ran.length === 0) return null;
  const repeats = Math.min(...ran.map((outcome) => outcome.passes.length));
  const rates = Array.from({ length: repeats }, (_, repeat) =>
    meanOf(ran.map((outcome) => ({ value: Number(outcome.passes[repeat] ?? false), weight: outcome.weight }))),
  );
  return Math.max(...rates) - Math.min(...rates);
}

type Uncorrected = Omit<MetricComparison, 'pWorse'> & { readonly pWorse: number };

function compare(metric: string, pairs: readonly Pair[], error: number): Uncorrected {
  const differences = differencesOf(pairs);
  const rates = { champion: ratesOf(pairs, 'champion'), challenger: ratesOf(pairs, 'challenger') };
  const fixed = differences.filter(({ value }) => value > 0.5).length;
  const regressed = differences.filter(({ value }) => value < -0.5).length;
  // Passes and failures with equal weights have an exact test; shares of repeats and unequal weights an approximate one.
  const isPlain =
    differences.every(({ value }) => value === 0 || value === 1 || value === -1) &&
    new Set(differences.map(({ weight }) => weight)).size <= 1;
  const turned = differences.map(({ value, weight }) => ({ value: -value, weight }));
  return {
    metric,
    cases: pairs.length,
    champion: meanOf(rates.champion),
    challenger: meanOf(rates.challenger),
    championInterval: estimateMean(rates.champion, RATE, error),
    challengerInterval: estimateMean(rates.challenger, RATE, error),
    difference: meanOf(differences),
    // Each end is used by itself, so each gets the whole error.
    differenceInterval: estimateMean(differences, DIFFERENCE, 2 * error),
    fixed,
    regressed,
    noiseFloor: measureNoise(pairs),
    pWorse: isPlain ? testMcNemar(regressed, fixed) : testMeanBelow(turned, 0, DIFFERENCE),
    pNoBetter: isPlain ? testMcNemar(fixed, regressed) : testMeanBelow(differences, 0, DIFFERENCE),
  };
}

function groupPairs(pairs: readonly Pair[], names: (outcome: CaseOutcome) => readonly string[]): Map<string, Pair[]> {
  const groups = new Map<string, Pair[]>();
  for (const pair of pairs) {
    for (const name of new Set(names(pair.champion))) groups.set(name, [...(groups.get(name) ?? []), pair]);
  }
  return groups;
}

/**
 * Decide whether the challenger may take the champion's place. Pure: the same policy and reports give the same verdict.
 *
 * - *Fail*: a fall is proven (error shared out over all metrics and slices by Holm's correction) and larger than the policy
 *   allows, a must-pass case fails, too many cases could not be run, or a minimum is proven to be missed.
 * - *Inconclusive*: nothing is proven against it, but what the policy asks for is not proven either, or was measured to be
 *   missed. Says how many more cases would likely decide.
 * - *Pass*: everything that the policy asks for holds. Where improvement is required, a challenger that is no better passes
 *   with at most the probability `policy.error`.
 * @throws AppError `gate.not-comparable` when the reports are not of the same cases and set-up
 */
export function decideGate(policy: GatePolicy, champion: SystemReport, challenger: SystemReport): GateVerdict {
  const pairs = pairCases(champion, challenger);
  const reasons: GateReason[] = [];
  const say = (kind: GateReason['kind'], metric: string | null, text: string) => reasons.push({ kind, metric, text });
  const advice: (number | null)[] = [];

  const areas = groupPairs(pairs, (outcome) => [outcome.area]);
  const groups = new Map([[OVERALL, pairs], ...[...areas].filter(([area]) => area !== OVERALL)]);
  const sliceGroups = new Map(
    [...groupPairs(pairs, (outcome) => outcome.tags)].filter(([, members]) => members.length >= policy.minSliceCases),
  );

  checkRun(policy, pairs, say, advice);

  const rules = new Map(policy.metrics.map((rule) => [rule.metric, rule]));
  const ruleOf = (metric: string): MetricRule =>
    rules.get(metric) ?? {
      metric,
      minimum: null,
      maxRegression: policy.maxRegressionElsewhere,
      isProofRequired: false,
    };

  const metrics = pairs.length === 0 ? [] : [...groups].map(([name, members]) => compare(name, members, policy.error));
  const slices = [...sliceGroups].map(([name, members]) => compare(name, members, policy.error));
  const corrected = correctForMany([...metrics, ...slices].map((comparison) => comparison.pWorse));
  const withCorrection = (comparison: Uncorrected, index: number): MetricComparison => ({
    ...comparison,
    pWorse: corrected[index] ?? 1,
  });
  const checkedMetrics = metrics.map(withCorrection);
  const checkedSlices = slices.map((slice, index) => withCorrection(slice, metrics.length + index));

  for (const comparison of checkedMetrics) {
    checkMetric(policy, ruleOf(comparison.metric), comparison, groups.get(comparison.metric) ?? [], say, advice);
  }
  for (const rule of policy.metrics) {
    if (!groups.has(rule.metric) && (rule.minimum !== null || rule.isProofRequired)) {
      say(
        'undecided',
        rule.metric,
        `The policy asks for ${rule.metric}, but no case of the chosen suites measures it.`,
      );
    }
  }
  const primary = checkedMetrics.find((comparison) => comparison.metric === policy.primaryMetric);
  if (policy.isImprovementRequired) {
    checkImprovement(policy, primary, groups.get(policy.primaryMetric) ?? [], say, advice);
  }
  for (const slice of checkedSlices) {
    const limit = policy.maxSliceRegression;
    if (limit === null || slice.pWorse > policy.error || -slice.difference <= tolerance(limit, slice)) continue;
    say(
      'blocks',
      slice.metric,
      `In the slice “${slice.metric}” the adapter passes ${percent(slice.difference)} less than what serves now; at most ${percent(limit)} is allowed.`,
    );
  }
  const slowdown = checkSpeed(policy, pairs, say);

  const isFailed = reasons.some((reason) => reason.kind === 'blocks');
  const isOpen = reasons.some((reason) => reason.kind === 'undecided');
  const order = { blocks: 0, undecided: 1, fine: 2 } as const;
  const known = advice.filter((more) => more !== null);
  return {
    verdict: isFailed ? 'fail' : isOpen ? 'inconclusive' : 'pass',
    reasons: reasons.sort((a, b) => order[a.kind] - order[b.kind]),
    metrics: checkedMetrics,
    slices: checkedSlices.sort((a, b) => a.difference - b.difference),
    moreCases: isFailed || !isOpen || known.length < advice.length || known.length === 0 ? null : Math.max(...known),
    slowdown,
  };
}

type Say = (kind: GateReason['kind'], metric: string | null, text: string) => void;

/** What repeats of the champion differ by is no one's fault. */
function tolerance(limit: number, comparison: MetricComparison): number {
  return Math.max(limit, comparison.noiseFloor ?? 0);
}

function checkRun(policy: GatePolicy, pairs: readonly Pair[], say: Say, advice: (number | null)[]): void {
  const share = (side: 'champion' | 'challenger') =>
    pairs.filter((pair) => pair[side].isErrored || pair[side].passes.length === 0).length / Math.max(1, pairs.length);
  const errored = share('challenger');
  if (errored > policy.maxErrorRate) {
    say(
      'blocks',
      null,
      `With the adapter ${percent(errored)} of the cases could not be run; at most ${percent(policy.maxErrorRate)} is allowed.`,
    );
  }
  const baseline = share('champion');
  if (baseline > policy.maxErrorRate) {
    say(
      'undecided',
      null,
      `With what serves now ${percent(baseline)} of the cases could not be run, so there is nothing to compare with. Look at the errors and run again.`,
    );
  }
  const mustPass = pairs.filter((pair) => pair.challenger.isMustPass);
  const missed = mustPass.filter((pair) => rateCase(pair.challenger, 'challenger') < 1);
  for (const { challenger } of missed) {
    const times = challenger.passes.length > 1 ? ' in every repeat' : '';
    say(
      'blocks',
      challenger.area,
      challenger.isErrored
        ? `The case “${challenger.title}” must pass${times}, and could not be run.`
        : `The case “${challenger.title}” must pass${times}, and failed.`,
    );
  }
  if (mustPass.length > 0 && missed.length === 0) {
    say(
      'fine',
      null,
      mustPass.length === 1 ? 'The case that must pass did.' : `All ${mustPass.length} cases that must pass did.`,
    );
  }
  if (pairs.length < policy.minCases) {
    const more = policy.minCases - pairs.length;
    advice.push(more);
    say(
      'undecided',
      null,
      `The suites hold ${count(pairs.length, 'case')}; the policy asks for at least ${policy.minCases}. Add ${more}.`,
    );
  }
}

function checkMetric(
  policy: GatePolicy,
  rule: MetricRule,
  comparison: MetricComparison,
  pairs: readonly Pair[],
  say: Say,
  advice: (number | null)[],
): void {
  const { metric, difference, differenceInterval: interval } = comparison;
  const name = metric === OVERALL ? 'Over all cases' : `In ${metric}`;
  if (rule.minimum !== null && comparison.challenger < rule.minimum) {
    const text = `${name} the adapter passes ${percent(comparison.challenger)}; the policy asks for at least ${percent(rule.minimum)}.`;
    // One look at one number: the interval's upper end alone decides.
    const isProven = comparison.challengerInterval.high < rule.minimum;
    say(isProven ? 'blocks' : 'undecided', metric, isProven ? text : `${text} With so few cases that may be chance.`);
    if (!isProven) advice.push(adviseMoreCases(ratesOf(pairs, 'challenger'), rule.minimum, RATE, policy.error));
  }
  if (rule.maxRegression === null) return;
  const allowed = tolerance(rule.maxRegression, comparison);
  const change = `${name} the adapter passes ${percent(comparison.challenger)}, what serves now ${percent(comparison.champion)} (${comparison.fixed} fixed, ${comparison.regressed} lost)`;
  if (comparison.pWorse <= policy.error && -difference > allowed) {
    say('blocks', metric, `${change}. That is worse, and more than chance explains.`);
    return;
  }
  const advise = () => advice.push(adviseMoreCases(differencesOf(pairs), -allowed, DIFFERENCE, policy.error));
  if (-difference > allowed) {
    advise();
    say(
      'undecided',
      metric,
      `${change}. That is more of a fall than the allowed ${percent(allowed)}, but with ${count(comparison.cases, 'case')} it may be chance.`,
    );
    return;
  }
  if (rule.isProofRequired && interval.low < -allowed) {
    advise();
    say(
      'undecided',
      metric,
      `${change}. With ${count(comparison.cases, 'case')} a fall of up to ${percent(interval.low)} cannot be ruled out; the policy wants proof that it is no more than ${percent(allowed)}.`,
    );
    return;
  }
  say('fine', metric, `${change}.`);
}

function checkImprovement(
  policy: GatePolicy,
  primary: MetricComparison | undefined,
  pairs: readonly Pair[],
  say: Say,
  advice: (number | null)[],
): void {
  if (primary === undefined) {
    say(
      'undecided',
      policy.primaryMetric,
      `The policy asks for an improvement in ${policy.primaryMetric}, but no case of the chosen suites measures it.`,
    );
    return;
  }
  const { metric, difference, differenceInterval: interval } = primary;
  const name = metric === OVERALL ? 'over all cases' : `in ${metric}`;
  const wanted = Math.max(policy.minImprovement, primary.noiseFloor ?? 0);
  if (primary.pNoBetter <= policy.error && difference >= wanted && difference > 0) {
    say(
      'fine',
      metric,
      `It is better ${name} by ${percent(difference)} (at least ${percent(Math.max(0, interval.low))} with ${percent(1 - policy.error)} certainty).`,
    );
    return;
  }
  if (interval.high < policy.minImprovement) {
    say(
      'blocks',
      metric,
      `It is no better ${name}: the gain is at most ${percent(Math.max(0, interval.high))}, and the policy asks for ${percent(policy.minImprovement)}.`,
    );
    return;
  }
  const isNoise = primary.noiseFloor !== null && primary.noiseFloor > policy.minImprovement && difference < wanted;
  // A larger sample helps against chance, not against a gain that is measured too small.
  advice.push(adviseMoreCases(differencesOf(pairs), difference > wanted ? 0 : wanted, DIFFERENCE, policy.error));
  say(
    'undecided',
    metric,
    isNoise
      ? `The difference ${name} of ${percent(difference)} is within what two runs of the same model differ by (${percent(wanted)}).`
      : difference > 0
        ? `It looks better ${name} by ${percent(difference)} (${primary.fixed} fixed, ${primary.regressed} lost), but with ${count(primary.cases, 'case')} that may be chance or less than the ${percent(wanted)} that the policy asks for.`
        : `It is not shown to be better ${name} (${primary.fixed} fixed, ${primary.regressed} lost), and the policy asks for a gain of ${percent(wanted)}.`,
  );
}

function checkSpeed(policy: GatePolicy, pairs: readonly Pair[], say: Say): GateVerdict['slowdown'] {
  const logs = pairs.flatMap(({ champion, challenger }): WeightedValue[] => {
    if (!champion.latencyMs || !challenger.latencyMs) return [];
    const value = Math.log(challenger.latencyMs / champion.latencyMs);
    return [{ value: Math.min(LOG_RATIO.high, Math.max(LOG_RATIO.low, value)), weight: 1 }];
  });
  if (logs.length === 0) return null;
  const interval = estimateMean(logs, LOG_RATIO, 2 * policy.error);
  const slowdown = {
    ratio: Math.exp(meanOf(logs)),
    interval: { low: Math.exp(interval.low), high: Math.exp(interval.high) },
  };
  if (policy.maxSlowdown === null) return slowdown;
  const text = `Answers take ${slowdown.ratio.toFixed(2)} times as long; at most ${policy.maxSlowdown.toFixed(2)} times is allowed`;
  if (slowdown.interval.low > policy.maxSlowdown) say('blocks', 'latency', `${text}.`);
  else if (slowdown.ratio > policy.maxSlowdown) {
    say('undecided', 'latency', `${text}, but the times scatter too much to be sure. Run again on a quiet machine.`);
  } else say('fine', 'latency', `${text}.`);
  return slowdown;
}
