/**
 * The arithmetic behind a verdict: paired comparisons of two systems on the same cases. Pure and repeatable: equal input gives
 * equal output, resampling included.
 */

/** Both ends belong to it. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Resamples of a bootstrap: enough that the ends of a 99 % interval move by less than its rounding in a report. */
const RESAMPLES = 2000;

/** Repeatable numbers in [0, 1): Mulberry32. */
function createDraw(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** ln of the binomial coefficient, as a sum of logarithms. */
function logChoose(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= Math.min(k, n - k); i += 1) sum += Math.log((n - i + 1) / i);
  return sum;
}

/** P(X ≥ k) for X ~ Binomial(n, p), summed term by term; exact but for rounding. @param p in (0, 1) */
export function binomialUpperTail(k: number, n: number, p: number): number {
  if (k <= 0) return 1;
  if (k > n) return 0;
  let sum = 0;
  for (let i = k; i <= n; i += 1) sum += Math.exp(logChoose(n, i) + i * Math.log(p) + (n - i) * Math.log1p(-p));
  return Math.min(1, sum);
}

/**
 * One-sided exact test of McNemar that the first of two counts of discordant pairs is the larger one by more than chance.
 * @param wins pairs that only the one passed
 * @param losses pairs that only the other passed
 * @returns p-value; 1 when there are no discordant pairs
 * @see McNemar, Psychometrika 12 (1947); exact by the binomial distribution
 */
export function testMcNemar(wins: number, losses: number): number {
  return binomialUpperTail(wins, wins + losses, 0.5);
}

/** Horner's scheme, highest power first. */
function evaluate(polynomial: readonly number[], x: number): number {
  return polynomial.reduce((sum, coefficient) => sum * x + coefficient, 0);
}

/** Quantile of the standard normal distribution, |error| < 1.2e-9. @see Acklam, 2003 (rational approximation) */
export function normalQuantile(probability: number): number {
  const a = [
    -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1,
    2.506628277459239,
  ] as const;
  const b = [
    -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1, 1,
  ] as const;
  const c = [
    -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ] as const;
  const d = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1] as const;
  if (probability <= 0) return Number.NEGATIVE_INFINITY;
  if (probability >= 1) return Number.POSITIVE_INFINITY;
  const tail = 0.02425;
  if (probability < tail) {
    const q = Math.sqrt(-2 * Math.log(probability));
    return evaluate(c, q) / evaluate(d, q);
  }
  if (probability > 1 - tail) return -normalQuantile(1 - probability);
  const q = probability - 0.5;
  const r = q * q;
  return (q * evaluate(a, r)) / evaluate(b, r);
}

/** Φ(x), |error| < 7.5e-8. @see Abramowitz, Stegun 26.2.17 */
function normalDistribution(x: number): number {
  if (x < 0) return 1 - normalDistribution(-x);
  const t = 1 / (1 + 0.2316419 * x);
  const polynomial = evaluate([1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.31938153, 0], t);
  return 1 - (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
}

export interface WeightedValue {
  readonly value: number;
  /** Above 0. */
  readonly weight: number;
}

/** Weighted mean; NaN for no values. */
export function meanOf(values: readonly WeightedValue[]): number {
  const weight = values.reduce((sum, each) => sum + each.weight, 0);
  return values.reduce((sum, each) => sum + each.value * each.weight, 0) / weight;
}

interface Spread {
  readonly mean: number;
  /** Of the mean. */
  readonly standardError: number;
}

/**
 * Mean and standard error with one imagined case at either end of what a value can be. Without them a suite whose answers
 * all agree would claim certainty about the questions that it does not hold.
 * @see Agresti, Min, Statistics in Medicine 24 (2005): ½ added to each cell of the paired 2×2 table
 */
function measureSpread(values: readonly WeightedValue[], ends: Interval): Spread {
  const typical = values.reduce((sum, each) => sum + each.weight, 0) / Math.max(1, values.length);
  const weight = Number.isFinite(typical) && typical > 0 ? typical : 1;
  const all = [...values, { value: ends.low, weight }, { value: ends.high, weight }];
  const mean = meanOf(all);
  const total = all.reduce((sum, each) => sum + each.weight, 0);
  const variance = all.reduce((sum, each) => sum + (each.weight * (each.value - mean)) ** 2, 0) / total ** 2;
  return { mean, standardError: Math.sqrt(variance) };
}

/**
 * Percentile interval of a weighted mean under resampling of cases. Cases are drawn, not repeats: repeats of one case are not
 * independent, so a value is a case's mean over its repeats.
 * @param error probability of the mean lying outside, both sides together
 * @see Efron, Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13
 */
export function bootstrapMean(values: readonly WeightedValue[], error: number, seed = 1): Interval {
  if (values.length === 0) return { low: Number.NaN, high: Number.NaN };
  const draw = createDraw(seed);
  const count = values.length;
  const weights = Float64Array.from(values, (each) => each.weight);
  const products = Float64Array.from(values, (each) => each.weight * each.value);
  const means = new Float64Array(RESAMPLES);
  for (let resample = 0; resample < RESAMPLES; resample += 1) {
    let weight = 0;
    let sum = 0;
    for (let i = 0; i < count; i += 1) {
      const index = Math.floor(draw() * count);
      weight += weights[index] ?? 0;
      sum += products[index] ?? 0;
    }
    means[resample] = sum / weight;
  }
  means.sort();
  const at = (share: number) =>
    means[Math.min(RESAMPLES - 1, Math.max(0, Math.round(share * (RESAMPLES - 1))))] ?? Number.NaN;
  return { low: at(error / 2), high: at(1 - error / 2) };
}

/**
 * Interval of a mean whose values lie between `ends`: the bootstrap's, widened to the one by {@link measureSpread} where that
 * is wider. So it is honest with few cases and with cases that all agree.
 * @param error probability of the mean lying outside, both sides together
 */
export function estimateMean(values: readonly WeightedValue[], ends: Interval, error: number): Interval {
  if (values.length === 0) return { low: Number.NaN, high: Number.NaN };
  const resampled = bootstrapMean(values, error);
  const { mean, standardError } = measureSpread(values, ends);
  const reach = normalQuantile(1 - error / 2) * standardError;
  return {
    low: Math.max(ends.low, Math.min(resampled.low, mean - reach)),
    high: Math.min(ends.high, Math.max(resampled.high, mean + reach)),
  };
}

/**
 * One-sided p-value that the true mean of differences is below `limit`, by the normal approximation with the same two imagined
 * cases. For values that are not passes and failures.
 */
export function testMeanBelow(values: readonly WeightedValue[], limit: number, ends: Interval): number {
  if (values.length === 0) return 1;
  const { mean, standardError } = measureSpread(values, ends);
  return standardError === 0 ? Number(mean >= limit) : normalDistribution((mean - limit) / standardError);
}

const shareOf = (values: readonly boolean[]) => values.filter(Boolean).length / values.length;

/**
 * Cohen's κ: how far two raters agree beyond what their habits alone would give. 1 is full agreement, 0 is chance.
 * @returns NaN when both always say the same one thing, or nothing was rated
 */
export function measureKappa(first: readonly boolean[], second: readonly boolean[]): number {
  const observed = shareOf(first.map((value, index) => value === second[index]));
  const [a, b] = [shareOf(first), shareOf(second)];
  const expected = a * b + (1 - a) * (1 - b);
  return expected === 1 ? Number.NaN : (observed - expected) / (1 - expected);
}

/**
 * Holm's step-down correction: which of several claims still hold when all are looked at together.
 * @returns for each p-value, in the same order, the adjusted one: compare it with the error allowed for the whole family
 * @see Holm, Scandinavian Journal of Statistics 6 (1979)
 */
export function correctForMany(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  const adjusted = pValues.map(() => 1);
  let largest = 0;
  for (const [rank, { p, index }] of order.entries()) {
    largest = Math.max(largest, Math.min(1, p * (pValues.length - rank)));
    adjusted[index] = largest;
  }
  return adjusted;
}

/** Beyond this many further cases a suite is not the remedy. */
const MAX_ADVISED_CASES = 5000;

/**
 * How many more cases would likely decide whether the mean lies above or below `limit`, if further cases are like those at
 * hand.
 * @param error of the decision, one side
 * @param power probability that they decide it. Default 0.8
 * @returns null: the mean lies so near the limit that no reasonable number would
 */
export function adviseMoreCases(
  values: readonly WeightedValue[],
  limit: number,
  ends: Interval,
  error: number,
  power = 0.8,
): number | null {
  if (values.length === 0) return null;
  const { standardError } = measureSpread(values, ends);
  // Of the cases at hand alone: the two at the ends would draw a handful to the middle, and hundreds would seem needed.
  const distance = Math.abs(meanOf(values) - limit);
  const deviation = standardError * Math.sqrt(values.length + 2);
  if (distance === 0) return null;
  const needed = Math.ceil((((normalQuantile(1 - error) + normalQuantile(power)) * deviation) / distance) ** 2);
  // What the intervals at hand have left open is open: at least one more case.
  const more = Math.max(1, needed - values.length);
  return more > MAX_ADVISED_CASES ? null : more;
}
