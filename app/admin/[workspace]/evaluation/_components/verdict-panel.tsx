import { CircleCheck, CircleHelp, CircleX, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { classNames } from '#app/_components/ui/class-names.ts';
import type { GateVerdict } from '#lib/evaluation/decide-gate.ts';
import { verdictWords } from '../_state/verdict-words.ts';

const looks: Readonly<
  Record<GateVerdict['verdict'], { readonly Icon: LucideIcon; readonly box: string; readonly ink: string }>
> = {
  pass: { Icon: CircleCheck, box: 'border-accent/40 bg-accent-soft', ink: 'text-accent-text' },
  fail: { Icon: CircleX, box: 'border-danger/40 bg-danger-soft', ink: 'text-danger' },
  inconclusive: { Icon: CircleHelp, box: 'border-warn-line/50 bg-warn-soft', ink: 'text-warn' },
};

const kinds = {
  blocks: { Icon: CircleX, ink: 'text-danger', label: 'Speaks against it' },
  undecided: { Icon: CircleHelp, ink: 'text-warn', label: 'Not decided' },
  fine: { Icon: CircleCheck, ink: 'text-accent-text', label: 'Speaks for it' },
} as const;

function ReasonList({ reasons }: { readonly reasons: GateVerdict['reasons'] }) {
  return (
    <ul className="flex flex-col gap-2">
      {reasons.map(({ kind, text }) => {
        const { Icon, ink, label } = kinds[kind];
        return (
          <li key={text} className="flex gap-2.5">
            <Icon aria-hidden className={classNames('mt-1 size-4 shrink-0', ink)} />
            <span>
              <span className="sr-only">{label}: </span>
              {text}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

/** The verdict first, then why, then what to do. */
export function VerdictPanel({
  verdict,
  obstacle,
  isWhole,
  children,
}: {
  readonly verdict: GateVerdict;
  /** What speaks for an adapter that may not serve is not folded away. */
  readonly isWhole: boolean;
  /** Why a pass carries no promotion (any more); null: it does, or there is none. */
  readonly obstacle: string | null;
  /** What can be done. */
  readonly children?: ReactNode;
}) {
  const { title, lead } = verdictWords[verdict.verdict];
  const { Icon, box, ink } = looks[verdict.verdict];
  const isFolding = !isWhole && verdict.verdict !== 'pass';
  const shown = isFolding ? verdict.reasons.filter(({ kind }) => kind !== 'fine') : verdict.reasons;
  const folded = isFolding ? verdict.reasons.filter(({ kind }) => kind === 'fine') : [];
  return (
    <section aria-label="Verdict" className={classNames('rounded-xl border p-5 sm:p-6', box)}>
      <div className="flex items-start gap-4">
        <Icon aria-hidden className={classNames('mt-1 size-8 shrink-0', ink)} strokeWidth={1.75} />
        <div className="min-w-0">
          <h2
            data-testid="verdict"
            className={classNames('font-serif text-[1.75rem] font-semibold leading-tight', ink)}
          >
            {title}
          </h2>
          <p className="mt-1 max-w-2xl text-[0.9375rem] leading-relaxed">{lead}</p>
          {verdict.moreCases === null ? null : (
            <p className="mt-2 max-w-2xl text-sm leading-relaxed">
              About <strong>{verdict.moreCases} more cases</strong> of this kind would likely decide it.
            </p>
          )}
          {verdict.verdict === 'pass' && obstacle !== null ? (
            <p className="mt-2 max-w-2xl text-sm font-medium leading-relaxed">{obstacle}</p>
          ) : null}
        </div>
      </div>
      <div className="mt-5 border-t border-line-strong/50 pt-4 text-sm leading-relaxed sm:ml-12">
        <ReasonList reasons={shown} />
        {folded.length === 0 ? null : (
          <details className="mt-2">
            <summary className="text-ink-soft">{folded.length} that speak for it</summary>
            <div className="mt-2">
              <ReasonList reasons={folded} />
            </div>
          </details>
        )}
      </div>
      {children ? <div className="mt-5 flex flex-wrap gap-2 sm:ml-12 print:hidden">{children}</div> : null}
    </section>
  );
}
