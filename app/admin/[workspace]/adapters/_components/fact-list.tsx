import type { ReactNode } from 'react';

export function FactList({ facts }: { readonly facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="divide-y divide-line text-sm">
      {facts.map(([label, value]) => (
        <div key={label} className="grid gap-x-4 gap-y-0.5 py-2 sm:grid-cols-[11rem_1fr]">
          <dt className="text-ink-faint">{label}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Hash({ value }: { readonly value: string }) {
  return <code className="break-all font-mono text-xs">{value}</code>;
}
