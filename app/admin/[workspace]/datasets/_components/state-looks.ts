import { CircleCheck, CircleX, Flag, type LucideIcon, ShieldAlert } from 'lucide-react';

interface StateLook {
  readonly label: string;
  readonly tone: 'accent' | 'warn' | 'danger' | 'neutral';
  readonly Icon: LucideIcon;
}

export const stateLooks = {
  accepted: { label: 'Accepted', tone: 'accent', Icon: CircleCheck },
  flagged: { label: 'Flagged', tone: 'warn', Icon: Flag },
  quarantined: { label: 'Quarantined', tone: 'danger', Icon: ShieldAlert },
  rejected: { label: 'Rejected', tone: 'neutral', Icon: CircleX },
} as const satisfies Readonly<Record<string, StateLook>>;
