import { Badge } from '#app/_components/ui/badge.tsx';
import type { EvaluationSummary } from '#lib/evaluation/read-evaluation.ts';
import { verdictWords } from '../_state/verdict-words.ts';

const states = {
  queued: { label: 'Waiting', tone: 'neutral' },
  running: { label: 'Running', tone: 'accent' },
  succeeded: { label: 'Measured', tone: 'neutral' },
  failed: { label: 'Broke off', tone: 'danger' },
  cancelled: { label: 'Cancelled', tone: 'warn' },
} as const;

/** The verdict where there is one, else how far the run is. */
export function VerdictBadge({ summary }: { readonly summary: Pick<EvaluationSummary, 'verdict' | 'state'> }) {
  const { verdict, state } = summary;
  const { label, tone } =
    verdict === null ? states[state] : { label: verdictWords[verdict].badge, tone: verdictWords[verdict].tone };
  return (
    <Badge tone={tone} className="font-sans">
      {label}
    </Badge>
  );
}
