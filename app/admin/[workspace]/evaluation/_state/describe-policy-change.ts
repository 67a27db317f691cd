import type { GatePolicy, MetricRule } from '#lib/evaluation/gate-policy.ts';
import { formatShare } from './format-share.ts';

/** What people call each field of a policy; the form and the list of changes say the same. */
export const policyLabels = {
  error: 'Probability of a wrong decision',
  primaryMetric: 'Metric that must improve',
  isImprovementRequired: 'An improvement is required',
  minImprovement: 'Least improvement',
  maxRegressionElsewhere: 'Largest fall in any other area',
  maxSliceRegression: 'Largest fall in a slice',
  minSliceCases: 'Cases that make a slice',
  minCases: 'Least number of cases',
  maxErrorRate: 'Largest share of cases that could not be run',
  maxSlowdown: 'Longest answer time, times what serves',
  passExpiresAfterDays: 'Days that a pass is worth something',
  isFourEyesRequired: 'Four eyes: who made a version may not promote it',
} as const satisfies Record<Exclude<keyof GatePolicy, 'metrics'>, string>;

const SHARES: readonly string[] = [
  'error',
  'minImprovement',
  'maxRegressionElsewhere',
  'maxSliceRegression',
  'maxErrorRate',
];

function formatField(name: string, value: GatePolicy[keyof typeof policyLabels]): string {
  if (value === null) return 'not looked at';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'number' && SHARES.includes(name) ? formatShare(value) : String(value);
}

function describeRule({ minimum, maxRegression, isProofRequired }: MetricRule): string {
  const parts = [
    ...(minimum === null ? [] : [`at least ${formatShare(minimum)}`]),
    ...(maxRegression === null ? [] : [`a fall of at most ${formatShare(maxRegression)}`]),
    ...(isProofRequired ? ['proven'] : []),
  ];
  return parts.length === 0 ? 'not looked at' : parts.join(', ');
}

/** Each difference in a sentence; empty: there is none. */
export function describePolicyChange(before: GatePolicy, after: GatePolicy): string[] {
  const names = Object.keys(policyLabels).filter((name): name is keyof typeof policyLabels => name in policyLabels);
  const fields = names
    .filter((name) => before[name] !== after[name])
    .map((name) => `${policyLabels[name]}: ${formatField(name, before[name])} → ${formatField(name, after[name])}`);
  const metrics = [...new Set([...before.metrics, ...after.metrics].map(({ metric }) => metric))];
  const rules = metrics.flatMap((metric) => {
    const [old, now] = [before, after].map((policy) => policy.metrics.find((rule) => rule.metric === metric));
    const was = old === undefined ? 'no rule' : describeRule(old);
    const is = now === undefined ? 'no rule' : describeRule(now);
    return was === is ? [] : [`${metric}: ${was} → ${is}`];
  });
  return [...fields, ...rules];
}
