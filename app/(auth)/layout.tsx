import type { ReactNode } from 'react';
import { Logo } from '../_components/logo.tsx';

/** The door: a spine of cloth on the left, the form on the page. */
export default function AuthLayout({ children }: { readonly children: ReactNode }) {
  return (
    <div className="flex min-h-dvh flex-col lg:flex-row">
      <header className="flex shrink-0 flex-col justify-between bg-spine px-6 py-5 text-spine-ink lg:sticky lg:top-0 lg:h-dvh lg:w-[38%] lg:max-w-xl lg:px-12 lg:py-12">
        <Logo />
        <div className="hidden lg:block">
          <p className="max-w-sm font-serif text-[2.125rem] font-semibold leading-[1.18] tracking-[-0.015em]">
            Answers from your own manuals, with the page to prove it.
          </p>
          <p className="mt-5 max-w-sm text-[0.9375rem] leading-relaxed text-spine-soft">
            Everything runs on this machine. No document and no question leaves it.
          </p>
        </div>
        <p className="hidden text-xs text-spine-soft lg:block">Lorehouse</p>
      </header>
      <main className="flex flex-1 items-start justify-center px-5 py-10 sm:px-10 lg:items-center">
        <div className="w-full max-w-sm">{children}</div>
      </main>
    </div>
  );
}
