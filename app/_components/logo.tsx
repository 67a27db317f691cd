import { classNames } from './ui/class-names.ts';

/** A book laid face down is the roof; lines of text are the walls. */
export function LogoMark({ className }: { readonly className?: string }) {
  return (
    <svg viewBox="0 0 32 32" fill="none" strokeLinecap="round" strokeLinejoin="round" aria-hidden className={className}>
      <path d="M4 14.6 16 5.5l12 9.1" className="stroke-spine-brass" strokeWidth="2.8" />
      <path d="M8.5 18h15M8.5 22.4h15M8.5 26.8h9" stroke="currentColor" strokeWidth="2.1" />
    </svg>
  );
}

export function Logo({ className }: { readonly className?: string }) {
  return (
    <span className={classNames('inline-flex items-center gap-2.5', className)}>
      <LogoMark className="size-6 shrink-0" />
      <span className="font-serif text-[1.1875rem] font-semibold tracking-[-0.005em]">Lorehouse</span>
    </span>
  );
}
