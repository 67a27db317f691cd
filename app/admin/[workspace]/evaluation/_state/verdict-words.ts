import type { GateVerdict } from '#lib/evaluation/decide-gate.ts';

/** What a verdict means for whoever has to act on it. */
export const verdictWords = {
  pass: {
    title: 'It may serve',
    lead: 'Everything that the policy asks for holds. You can let it answer.',
    badge: 'Pass',
    tone: 'accent',
  },
  fail: {
    title: 'It must not serve',
    lead: 'The policy rules it out, for the reasons below. What serves now stays.',
    badge: 'Fail',
    tone: 'danger',
  },
  inconclusive: {
    title: 'It is not decided',
    lead: 'Nothing is proven against it, but what the policy asks for is not shown either. What serves now stays.',
    badge: 'Inconclusive',
    tone: 'warn',
  },
} as const satisfies Record<GateVerdict['verdict'], unknown>;

/** Names of changes of a case between champion and challenger, worst first. */
export const changeWords = {
  regressed: { label: 'Lost', meaning: 'What serves now passes them, the challenger does not.', tone: 'danger' },
  errored: { label: 'Could not be run', meaning: 'They count against the challenger.', tone: 'danger' },
  'still-failing': { label: 'Still failing', meaning: 'Neither passes them.', tone: 'warn' },
  fixed: { label: 'Fixed', meaning: 'The challenger passes what fails now.', tone: 'accent' },
  'still-passing': { label: 'Still passing', meaning: 'Both pass them.', tone: 'neutral' },
  open: { label: 'Not asked yet', meaning: 'The run ended before them.', tone: 'neutral' },
} as const;
export type CaseChange = keyof typeof changeWords;
export const caseChanges = Object.keys(changeWords).filter((key): key is CaseChange => key in changeWords);

/** How one side did on one case. */
export const stateWords = {
  passed: { label: 'Passed', tone: 'accent' },
  failed: { label: 'Failed', tone: 'danger' },
  errored: { label: 'Could not be run', tone: 'warn' },
  open: { label: 'Not asked', tone: 'neutral' },
} as const;
