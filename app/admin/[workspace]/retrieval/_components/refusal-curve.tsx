'use client';

import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Field } from '#app/_components/ui/field.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';
import type { RefusalPoint } from '#lib/retrieval/trace-refusals.ts';

const WIDTH = 640;
const HEIGHT = 260;
const MARGIN = { left: 60, right: 20, top: 12, bottom: 34 };

const x = (threshold: number) => MARGIN.left + threshold * (WIDTH - MARGIN.left - MARGIN.right);
const y = (share: number) => HEIGHT - MARGIN.bottom - share * (HEIGHT - MARGIN.top - MARGIN.bottom);
const draw = (curve: readonly RefusalPoint[], share: (point: RefusalPoint) => number) =>
  curve.map((point, index) => `${index === 0 ? 'M' : 'L'}${x(point.threshold)} ${y(share(point))}`).join(' ');
const percent = (share: number) => `${Math.round(share * 100)} %`;
const TICKS = [0, 0.25, 0.5, 0.75, 1];

/** What each threshold would refuse of the golden set, and the choice of one. */
export function RefusalCurve({
  workspace,
  curve,
  counts,
  proposed,
  active,
  canApply,
  applySupportThreshold,
}: {
  readonly workspace: string;
  /** By hundredths, 0 to 1. */
  readonly curve: readonly RefusalPoint[];
  readonly counts: { readonly answerable: number; readonly unanswerable: number };
  readonly proposed: RefusalPoint | null;
  readonly active: number;
  readonly canApply: boolean;
  readonly applySupportThreshold: (input: { workspace: string; threshold: number }) => Promise<ActionResult<unknown>>;
}) {
  const router = useRouter();
  const applying = useAction(applySupportThreshold);
  const [chosen, setChosen] = useState(active);
  const point = curve[Math.round(chosen * 100)];
  const apply = (threshold: number) =>
    applying.run({ workspace, threshold }, () => {
      toast.success(`From now on answers below ${threshold.toFixed(2)} are refusals.`);
      router.refresh();
    });
  return (
    <Card className="p-4 sm:p-5">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        className="block w-full"
        role="img"
        aria-label={
          point
            ? `At a threshold of ${chosen.toFixed(2)}, ${percent(point.refusals)} of the unanswerable questions and ${percent(point.falseRefusals)} of the answerable ones are refused.`
            : 'Share of refused questions by threshold'
        }
      >
        {TICKS.map((tick) => (
          <g key={tick} className="fill-ink-faint text-[18px] sm:text-[11px]">
            <line x1={x(0)} x2={x(1)} y1={y(tick)} y2={y(tick)} className="stroke-line" />
            <text x={MARGIN.left - 8} y={y(tick)} dominantBaseline="central" textAnchor="end">
              {percent(tick)}
            </text>
            <text x={x(tick)} y={HEIGHT - 12} textAnchor="middle">
              {tick.toFixed(2)}
            </text>
          </g>
        ))}
        <line x1={x(chosen)} x2={x(chosen)} y1={y(0)} y2={y(1)} className="stroke-ink-faint" strokeDasharray="4 4" />
        <path d={draw(curve, (each) => each.refusals)} fill="none" strokeWidth={2.5} className="stroke-accent" />
        <path
          d={draw(curve, (each) => each.falseRefusals)}
          fill="none"
          strokeWidth={2.5}
          strokeDasharray="7 4"
          className="stroke-danger"
        />
      </svg>
      <ul className="mt-1 flex flex-wrap gap-x-6 gap-y-1 text-[0.8125rem] text-ink-soft">
        <li className="flex items-center gap-2">
          <span aria-hidden className="h-0.5 w-6 bg-accent" />
          Rightly refused, of {counts.unanswerable} unanswerable
        </li>
        <li className="flex items-center gap-2">
          <span aria-hidden className="w-6 border-t-2 border-dashed border-danger" />
          Wrongly refused, of {counts.answerable} answerable
        </li>
      </ul>
      <Field label={`Threshold ${chosen.toFixed(2)}`} className="mt-5">
        {(ids) => (
          <input
            {...ids}
            type="range"
            min={0}
            max={1}
            step={0.01}
            value={chosen}
            onChange={(event) => setChosen(Number(event.target.value))}
            className="w-full accent-[var(--accent)]"
          />
        )}
      </Field>
      {point ? (
        <p className="mt-1 text-sm tabular-nums text-ink-soft">
          Refuses {percent(point.refusals)} of the unanswerable questions and {percent(point.falseRefusals)} of the
          answerable ones. In use: {active.toFixed(2)}.
        </p>
      ) : null}
      {proposed === null || proposed.threshold === active ? null : (
        <p className="mt-1 text-sm tabular-nums text-ink-soft">
          {proposed.threshold.toFixed(2)} refuses the most that can be had with at most one in ten wrongly refused.
        </p>
      )}
      {applying.error === null ? null : (
        <Callout tone="danger" className="mt-3">
          {applying.error}
        </Callout>
      )}
      {canApply ? (
        <div className="mt-4 flex flex-wrap gap-2">
          <Button
            look="primary"
            isPending={applying.isPending}
            disabled={chosen === active}
            onClick={() => apply(chosen)}
          >
            Use {chosen.toFixed(2)}
          </Button>
          {proposed === null || proposed.threshold === chosen ? null : (
            <Button onClick={() => setChosen(proposed.threshold)}>Look at {proposed.threshold.toFixed(2)}</Button>
          )}
        </div>
      ) : null}
    </Card>
  );
}
