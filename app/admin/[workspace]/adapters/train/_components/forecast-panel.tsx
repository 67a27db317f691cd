'use client';

import { CircleCheck } from 'lucide-react';
import type { ReactNode } from 'react';
import { Callout } from '#app/_components/ui/callout.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { formatCount, formatGigabytes, formatSeconds } from '#app/_components/ui/format-amount.ts';
import { Card } from '#app/_components/ui/page.tsx';
import type { ForecastView } from '#lib/training/forecast-training.ts';

function Fact({
  label,
  children,
  detail,
}: {
  readonly label: string;
  readonly children: ReactNode;
  readonly detail?: ReactNode;
}) {
  return (
    <div className="px-5 py-3">
      <dt className="text-[0.8125rem] text-ink-faint">{label}</dt>
      <dd className="mt-0.5 text-lg font-semibold tabular-nums leading-snug">{children}</dd>
      {detail ? <dd className="mt-0.5 text-[0.8125rem] leading-snug text-ink-soft">{detail}</dd> : null}
    </div>
  );
}

/** What a run would take, before anything is started. */
export function ForecastPanel({
  view,
  error,
  isPending,
}: {
  readonly view: ForecastView | null;
  readonly error: string | null;
  readonly isPending: boolean;
}) {
  if (error !== null) return <Callout tone="danger">{error}</Callout>;
  if (view === null) {
    return (
      <Card className="p-5">
        <p className="animate-breathe text-sm text-ink-faint">Reading the rows and planning the steps…</p>
      </Card>
    );
  }
  const { forecast, advice, blockers } = view;
  const isTight = forecast.memoryBytes > forecast.availableBytes;
  return (
    <div
      className={classNames('flex flex-col gap-4 transition-opacity', isPending && 'opacity-60')}
      aria-busy={isPending}
    >
      <Card>
        <dl className="divide-y divide-line" aria-live="polite">
          <Fact
            label="Time"
            detail={
              forecast.seconds === null
                ? 'Nobody has measured this machine yet; the worker does so when it starts.'
                : 'on an idle machine; chat goes first, so it takes longer while people ask'
            }
          >
            {forecast.seconds === null ? 'Unknown' : `about ${formatSeconds(forecast.seconds)}`}
          </Fact>
          <Fact
            label="Steps"
            detail={`${formatCount(forecast.usedRows)} rows, ${formatCount(forecast.tokens)} tokens in all passes${
              forecast.leftOutRows > 0 ? `; ${formatCount(forecast.leftOutRows)} rows are too long` : ''
            }`}
          >
            {formatCount(forecast.steps)}
          </Fact>
          <Fact
            label="Memory"
            detail={
              <>
                {formatGigabytes(forecast.availableBytes)} are free. Beside it, {formatGigabytes(forecast.weightBytes)}{' '}
                of weights are read from the disk
                {forecast.areWeightsReady ? '.' : '; they are unpacked there first, once for this base.'}
              </>
            }
          >
            <span className={isTight ? 'text-danger' : ''}>{formatGigabytes(forecast.memoryBytes)}</span>
          </Fact>
        </dl>
      </Card>
      {isTight ? (
        <Callout tone="danger" title="It will not fit">
          Shorten the sequences, adapt fewer layers, or free memory. The run would be refused.
        </Callout>
      ) : null}
      {blockers.map(({ code, text }) => (
        <Callout key={code} tone="danger" title="It may not start">
          {text}
        </Callout>
      ))}
      {advice.map(({ code, tone, text }) => (
        <Callout key={code} tone={tone}>
          {text}
        </Callout>
      ))}
      {advice.length === 0 && blockers.length === 0 ? (
        <p className="flex items-start gap-2 text-sm text-ink-soft">
          <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-accent-text" />
          Nothing about these rows speaks against training.
        </p>
      ) : null}
    </div>
  );
}
