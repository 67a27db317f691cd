export interface SupportSample {
  readonly kind: 'answerable' | 'unanswerable';
  /** 0 to 1. */
  readonly supportScore: number;
}

export interface RefusalPoint {
  readonly threshold: number;
  /** Share of the answerable questions below the threshold, 0 to 1. */
  readonly falseRefusals: number;
  /** Share of the unanswerable questions below the threshold, 0 to 1. */
  readonly refusals: number;
}

/** Thresholds looked at, 0 to 1 by hundredths. */
const STEPS = 100;

const shareBelow = (scores: readonly number[], threshold: number) =>
  scores.filter((score) => score < threshold).length / scores.length;

/** What each threshold would refuse; empty unless there are questions of both kinds. */
export function traceRefusals(samples: readonly SupportSample[]): RefusalPoint[] {
  const scoresOf = (kind: SupportSample['kind']) =>
    samples.filter((sample) => sample.kind === kind).map((sample) => sample.supportScore);
  const answerable = scoresOf('answerable');
  const unanswerable = scoresOf('unanswerable');
  if (answerable.length === 0 || unanswerable.length === 0) return [];
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    const threshold = step / STEPS;
    return {
      threshold,
      falseRefusals: shareBelow(answerable, threshold),
      refusals: shareBelow(unanswerable, threshold),
    };
  });
}

/**
 * The threshold that refuses most unanswerable questions without refusing more than `maxFalseRefusals` of the answerable ones; of
 * several alike the lowest.
 * @returns null for an empty curve
 */
export function chooseThreshold(curve: readonly RefusalPoint[], maxFalseRefusals: number): RefusalPoint | null {
  const [first, ...others] = curve.filter((point) => point.falseRefusals <= maxFalseRefusals);
  if (first === undefined) return null;
  return others.reduce((best, point) => (point.refusals > best.refusals ? point : best), first);
}
