import { Ban, CircleAlert, CircleCheck, Clock, LoaderCircle } from 'lucide-react';
import { Badge } from '#app/_components/ui/badge.tsx';
import type { RunView } from '#lib/jobs/manage-runs.ts';

const looks = {
  queued: { tone: 'neutral', Icon: Clock, label: 'Waiting' },
  running: { tone: 'accent', Icon: LoaderCircle, label: 'Training' },
  succeeded: { tone: 'accent', Icon: CircleCheck, label: 'Done' },
  failed: { tone: 'danger', Icon: CircleAlert, label: 'Failed' },
  cancelled: { tone: 'warn', Icon: Ban, label: 'Cancelled' },
} as const;

export function StateBadge({ state }: { readonly state: RunView['state'] }) {
  const { tone, Icon, label } = looks[state];
  return (
    <Badge tone={tone}>
      <Icon aria-hidden className={state === 'running' ? 'animate-spin' : ''} />
      {label}
    </Badge>
  );
}
