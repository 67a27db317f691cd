import { classNames } from '#app/_components/ui/class-names.ts';

/** Beyond it, a scale for small differences would help nobody. */
const SMALLEST_SCALE = 0.1;

/** One scale for all bars of a table: the widest interval fits. */
export function findScale(
  comparisons: readonly { readonly differenceInterval: { readonly low: number; readonly high: number } }[],
): number {
  return Math.max(
    SMALLEST_SCALE,
    ...comparisons.flatMap(({ differenceInterval: { low, high } }) =>
      [Math.abs(low), Math.abs(high)].filter(Number.isFinite),
    ),
  );
}

/** A difference with the interval that it lies in, about a line for "no difference". The numbers stand beside it. */
export function DifferenceBar({
  difference,
  interval,
  scale,
}: {
  readonly difference: number;
  readonly interval: { readonly low: number; readonly high: number };
  readonly scale: number;
}) {
  if (!Number.isFinite(difference)) return null;
  const place = (value: number) => 50 + 50 * Math.max(-1, Math.min(1, value / scale));
  const low = place(interval.low);
  const high = place(interval.high);
  const tone = interval.high < 0 ? 'bg-danger' : interval.low > 0 ? 'bg-accent' : 'bg-ink-faint';
  return (
    <div aria-hidden className="relative h-5">
      <div className="absolute inset-x-0 top-1/2 h-px bg-line" />
      <div className="absolute inset-y-0 left-1/2 w-px bg-line-strong" />
      <div
        className={classNames('absolute top-1/2 h-1.5 -translate-y-1/2 rounded-full opacity-35 print:border', tone)}
        style={{ left: `${low}%`, width: `${Math.max(1, high - low)}%` }}
      />
      <div
        className={classNames(
          'absolute top-1/2 size-2.5 -translate-x-1/2 -translate-y-1/2 rounded-full print:border',
          tone,
        )}
        style={{ left: `${place(difference)}%` }}
      />
    </div>
  );
}
