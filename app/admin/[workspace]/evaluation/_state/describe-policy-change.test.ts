import { expect, it } from 'vitest';
import { DEFAULT_GATE_POLICY } from '#lib/evaluation/gate-policy.ts';
import { describePolicyChange, policyLabels } from './describe-policy-change.ts';

it('names every field that differs, and nothing else', () => {
  expect(describePolicyChange(DEFAULT_GATE_POLICY, DEFAULT_GATE_POLICY)).toEqual([]);
  const changed = describePolicyChange(DEFAULT_GATE_POLICY, {
    ...DEFAULT_GATE_POLICY,
    isImprovementRequired: false,
    maxSliceRegression: null,
    minCases: 5,
    metrics: [
      { metric: 'overall', minimum: 0.5, maxRegression: 0.02, isProofRequired: true },
      ...DEFAULT_GATE_POLICY.metrics.slice(1, -1),
      { metric: 'voice', minimum: null, maxRegression: null, isProofRequired: false },
    ],
  });
  expect(changed).toEqual([
    'An improvement is required: yes → no',
    'Largest fall in a slice: 10 % → not looked at',
    'Least number of cases: 30 → 5',
    'overall: a fall of at most 2 % → at least 50 %, a fall of at most 2 %, proven',
    'forgetting: a fall of at most 5 % → no rule',
    'voice: no rule → not looked at',
  ]);
});

it('has words for every field of a policy', () => {
  expect(Object.keys(DEFAULT_GATE_POLICY).filter((name) => name !== 'metrics' && !(name in policyLabels))).toEqual([]);
});
