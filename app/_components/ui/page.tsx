import type { ReactNode } from 'react';
import { classNames } from './class-names.ts';

/** Frame of every page that is not the chat: a heading, a sentence on what it is for, actions, content. */
export function Page({
  title,
  lead,
  actions,
  isNarrow,
  children,
}: {
  readonly title: ReactNode;
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  readonly isNarrow?: boolean;
  readonly children: ReactNode;
}) {
  return (
    <div
      className={classNames('mx-auto w-full px-4 pb-20 pt-8 sm:px-8 sm:pt-12', isNarrow ? 'max-w-3xl' : 'max-w-5xl')}
    >
      <header className="mb-8 flex flex-wrap items-end justify-between gap-x-6 gap-y-4">
        <div className="min-w-0 max-w-2xl">
          <h1 className="font-serif text-[2rem] font-semibold leading-tight tracking-[-0.01em]">{title}</h1>
          {lead ? <p className="mt-2 text-[0.9375rem] leading-relaxed text-ink-soft">{lead}</p> : null}
        </div>
        {actions ? <div className="flex flex-wrap gap-2">{actions}</div> : null}
      </header>
      {children}
    </div>
  );
}

export function Section({
  title,
  lead,
  actions,
  className,
  children,
}: {
  readonly title: string;
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  readonly className?: string;
  readonly children: ReactNode;
}) {
  return (
    <section className={classNames('mt-12 first:mt-0', className)} aria-label={title}>
      <div className="mb-4 flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
        <div className="min-w-0 max-w-2xl">
          <h2 className="font-serif text-xl font-semibold">{title}</h2>
          {lead ? <p className="mt-1 text-sm leading-relaxed text-ink-soft">{lead}</p> : null}
        </div>
        {actions}
      </div>
      {children}
    </section>
  );
}

export function Card({ className, children }: { readonly className?: string; readonly children: ReactNode }) {
  return (
    <div className={classNames('rounded-xl border border-line bg-raised shadow-raised', className)}>{children}</div>
  );
}

export function EmptyState({
  icon,
  title,
  children,
  actions,
}: {
  readonly icon: ReactNode;
  readonly title: string;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
}) {
  return (
    <div className="flex flex-col items-center rounded-xl border border-dashed border-line-strong px-6 py-14 text-center">
      <div className="mb-4 grid size-12 place-items-center rounded-full bg-accent-soft text-accent-text [&_svg]:size-5">
        {icon}
      </div>
      <h2 className="font-serif text-xl font-semibold">{title}</h2>
      {children ? <div className="mt-2 max-w-md text-sm leading-relaxed text-ink-soft">{children}</div> : null}
      {actions ? <div className="mt-6 flex flex-wrap justify-center gap-2">{actions}</div> : null}
    </div>
  );
}

export function Skeleton({ className }: { readonly className?: string }) {
  return <div aria-hidden className={classNames('animate-breathe rounded-md bg-sunken', className)} />;
}
