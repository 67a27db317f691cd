'use client';

import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { classNames } from '#app/_components/ui/class-names.ts';

const tabs = [
  { label: 'Runs', part: '' },
  { label: 'Suites', part: '/suites' },
  { label: 'Gate policy', part: '/policy' },
  { label: 'Time line', part: '/history' },
] as const;

export function EvaluationTabs({ workspace }: { readonly workspace: string }) {
  const root = `/admin/${workspace}/evaluation`;
  const pathname = usePathname();
  const here = tabs.findLast(({ part }) => part !== '' && pathname.startsWith(`${root}${part}`)) ?? tabs[0];
  return (
    <nav
      aria-label="Evaluation"
      className="mx-auto w-full max-w-5xl overflow-x-auto px-4 pt-5 sm:px-8 sm:pt-7 print:hidden"
    >
      <ul className="flex gap-1 border-b border-line">
        {tabs.map(({ label, part }) => (
          <li key={label}>
            <Link
              href={`${root}${part}`}
              aria-current={here.label === label ? 'page' : undefined}
              className={classNames(
                '-mb-px block whitespace-nowrap border-b-2 px-3 py-2 text-sm transition-colors',
                here.label === label
                  ? 'border-accent font-medium text-ink'
                  : 'border-transparent text-ink-soft hover:border-line-strong hover:text-ink',
              )}
            >
              {label}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
