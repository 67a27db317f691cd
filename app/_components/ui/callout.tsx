import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { classNames } from './class-names.ts';

const tones = {
  info: { box: 'border-line-strong bg-raised text-ink-soft', icon: 'text-accent-text', Icon: Info },
  warn: { box: 'border-warn-line/50 bg-warn-soft text-ink', icon: 'text-warn', Icon: TriangleAlert },
  danger: { box: 'border-danger/40 bg-danger-soft text-ink', icon: 'text-danger', Icon: CircleAlert },
} as const;

/** A note that stands in the page. `danger` is announced at once; the others are read in order. */
export function Callout({
  tone = 'info',
  title,
  actions,
  className,
  children,
}: {
  readonly tone?: keyof typeof tones;
  readonly title?: ReactNode;
  readonly actions?: ReactNode;
  readonly className?: string;
  readonly children?: ReactNode;
}) {
  const { box, icon, Icon } = tones[tone];
  return (
    <div
      role={tone === 'danger' ? 'alert' : undefined}
      className={classNames('flex gap-3 rounded-lg border px-4 py-3 text-sm leading-relaxed', box, className)}
    >
      <Icon aria-hidden className={classNames('mt-0.5 size-4 shrink-0', icon)} />
      <div className="min-w-0 flex-1">
        {title ? <p className="font-semibold text-ink">{title}</p> : null}
        {children}
        {actions ? <div className="mt-2.5 flex flex-wrap gap-2">{actions}</div> : null}
      </div>
    </div>
  );
}
