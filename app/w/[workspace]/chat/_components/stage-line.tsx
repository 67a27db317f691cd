'use client';

import { useEffect, useState } from 'react';
import { classNames } from '#app/_components/ui/class-names.ts';
import type { LiveTurn, Stage } from '../_state/live-turn.ts';

export const stageLabels: Readonly<Record<Stage, string>> = {
  searching: 'Searching your documents',
  waiting: 'Waiting for the model',
  reading: 'Reading the passages',
  writing: 'Writing',
  checking: 'Checking every claim against the passages',
};

const steps: readonly Stage[] = ['searching', 'reading', 'writing', 'checking'];
const stepOf = (stage: Stage) => (stage === 'waiting' ? steps.indexOf('reading') : steps.indexOf(stage));

/** Before this, a count of seconds would only flicker. */
const SHOW_SECONDS_AFTER_MS = 1_500;

function Seconds({ sinceMs }: { readonly sinceMs: number }) {
  const [nowMs, setNowMs] = useState(sinceMs);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  const elapsedMs = nowMs - sinceMs;
  if (elapsedMs < SHOW_SECONDS_AFTER_MS) return null;
  return <span className="tabular-nums text-ink-faint">{Math.floor(elapsedMs / 1000)} s</span>;
}

/** What the product is doing, as four marks and a line of words. Announced elsewhere: this one is for the eye. */
export function StageLine({ turn }: { readonly turn: LiveTurn }) {
  const stage = turn.stage ?? 'searching';
  const current = stepOf(stage);
  return (
    <div aria-hidden className="flex items-center gap-3 text-sm text-ink-soft">
      <span className="flex items-center gap-1">
        {steps.map((step, index) => (
          <span
            key={step}
            className={classNames(
              'h-1.5 rounded-full transition-all duration-300',
              index < current && 'w-1.5 bg-accent',
              index === current && 'w-5 animate-breathe bg-accent',
              index > current && 'w-1.5 bg-line-strong',
            )}
          />
        ))}
      </span>
      <span>{stageLabels[stage]}</span>
      <Seconds key={stage} sinceMs={turn.stageStartedAtMs} />
    </div>
  );
}
