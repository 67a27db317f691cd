import { CircleCheck, CircleX } from 'lucide-react';
import Link from 'next/link';
import { Button } from '#app/_components/ui/button.tsx';
import { formatCount, formatSeconds } from '#app/_components/ui/format-amount.ts';
import { Card } from '#app/_components/ui/page.tsx';
import type { TrainingView } from '#lib/training/view-training.ts';

function Loss({ label, base, adapter }: { readonly label: string; readonly base: number; readonly adapter: number }) {
  const change = (adapter - base) / base;
  return (
    <div className="px-5 py-4">
      <dt className="text-[0.8125rem] text-ink-faint">{label}</dt>
      <dd className="mt-1 flex flex-wrap items-baseline gap-x-2 tabular-nums">
        <span className="text-sm text-ink-soft">{base.toFixed(3)}</span>
        <span aria-hidden className="text-ink-faint">
          →
        </span>
        <span className="sr-only">with the adapter</span>
        <span className="text-xl font-semibold">{adapter.toFixed(3)}</span>
        <span className={change <= 0 ? 'text-sm text-accent-text' : 'text-sm text-danger'}>
          {change <= 0 ? '−' : '+'}
          {Math.abs(change * 100).toFixed(0)} %
        </span>
      </dd>
    </div>
  );
}

/** What came of a run: likelihoods against the base, and what the canary found. */
export function Outcome({ workspace, training }: { readonly workspace: string; readonly training: TrainingView }) {
  if (training.outcome === null) return null;
  const { result, canary } = training.outcome;
  const { heldOut, baseLoss, bestLoss } = result;
  const checks =
    canary === null
      ? []
      : ([
          [`${canary.changed} of ${canary.prompts} answers differ from the base's`, canary.changed > 0],
          [
            `${canary.endedByAdapter} of ${canary.prompts} answers end by themselves (${canary.endedByBase} with the base)`,
            canary.endedByAdapter > 0 || canary.endedByBase === 0,
          ],
          [
            canary.leakedByAdapter === 0
              ? 'No answer gives away the template or the instructions'
              : `${canary.leakedByAdapter} answers give away the template or the instructions (${canary.leakedByBase} with the base)`,
            canary.leakedByAdapter <= canary.leakedByBase,
          ],
          [
            canary.loopedByAdapter === 0
              ? 'No answer goes round in circles'
              : `${canary.loopedByAdapter} answers go round in circles (${canary.loopedByBase} with the base)`,
            canary.loopedByAdapter <= canary.loopedByBase || canary.loopedByAdapter * 2 <= canary.prompts,
          ],
        ] as const);
  return (
    <Card>
      <dl className="grid divide-line max-sm:divide-y sm:auto-cols-fr sm:grid-flow-col sm:divide-x">
        {heldOut === null ? null : (
          <Loss
            label={`Held-out rows (${formatCount(heldOut.rows)}), nats a token`}
            base={heldOut.baseLoss}
            adapter={heldOut.adapterLoss}
          />
        )}
        {baseLoss === null || bestLoss === null ? null : (
          <Loss label="Validation rows, nats a token" base={baseLoss} adapter={bestLoss} />
        )}
        <div className="px-5 py-4">
          <dt className="text-[0.8125rem] text-ink-faint">Trained</dt>
          <dd className="mt-1 text-xl font-semibold tabular-nums">{formatCount(result.steps)} steps</dd>
          <dd className="text-[0.8125rem] text-ink-soft tabular-nums">
            {formatCount(result.tokens)} tokens in {formatSeconds(result.seconds)}; the adapter is that of step{' '}
            {result.adapterStep}
          </dd>
        </div>
      </dl>
      {checks.length === 0 ? null : (
        <ul className="grid gap-2 border-t border-line px-5 py-4 sm:grid-cols-2">
          {checks.map(([text, isFine]) => (
            <li key={text} className="flex items-start gap-2 text-sm leading-snug">
              {isFine ? (
                <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-accent-text" />
              ) : (
                <CircleX aria-hidden className="mt-0.5 size-4 shrink-0 text-danger" />
              )}
              {text}
            </li>
          ))}
        </ul>
      )}
      {training.resultVersionId === null ? null : (
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2 border-t border-line px-5 py-4">
          <Button look="primary" asChild>
            <Link href={`/admin/${workspace}/adapters/versions/${training.resultVersionId}`}>Open the version</Link>
          </Button>
          <p className="min-w-0 flex-1 truncate text-[0.8125rem] text-ink-faint">
            SHA-256 <code className="font-mono text-xs">{training.artifactSha256}</code>
          </p>
        </div>
      )}
    </Card>
  );
}
