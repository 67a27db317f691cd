import { classNames } from '#app/_components/ui/class-names.ts';
import { Card } from '#app/_components/ui/page.tsx';
import type { MetricComparison } from '#lib/evaluation/decide-gate.ts';
import { formatChange, formatShare } from '../_state/format-share.ts';
import { DifferenceBar, findScale } from './difference-bar.tsx';

const nameMetric = (metric: string) => (metric === 'overall' ? 'All cases' : metric);

function describeCertainty({ pWorse, pNoBetter, difference }: MetricComparison): string {
  if (difference < 0) return pWorse <= 0.05 ? 'worse, hardly by chance' : 'may be chance';
  if (difference > 0) return pNoBetter <= 0.05 ? 'better, hardly by chance' : 'may be chance';
  return 'no difference';
}

/** Pass rates of both, with the interval of their difference. */
export function ComparisonTable({
  label,
  comparisons,
}: {
  readonly label: string;
  readonly comparisons: readonly MetricComparison[];
}) {
  const scale = findScale(comparisons);
  return (
    <Card>
      <ul aria-label={label} className="divide-y divide-line">
        {comparisons.map((comparison) => {
          const { metric, cases, champion, challenger, difference, differenceInterval: interval } = comparison;
          return (
            <li
              key={metric}
              className="grid gap-x-6 gap-y-1.5 px-4 py-3.5 text-sm sm:grid-cols-[minmax(8rem,1.2fr)_minmax(9rem,1fr)_minmax(10rem,1.4fr)] sm:items-center sm:px-5 print:break-inside-avoid"
            >
              <div className="min-w-0">
                <p
                  className={classNames(
                    '[overflow-wrap:anywhere]',
                    metric === 'overall' ? 'font-semibold' : 'font-medium',
                  )}
                >
                  {nameMetric(metric)}
                </p>
                <p className="text-xs tabular-nums text-ink-faint">
                  {cases} {cases === 1 ? 'case' : 'cases'} · {comparison.fixed} fixed · {comparison.regressed} lost
                </p>
              </div>
              <p className="tabular-nums">
                <span
                  className="text-ink-soft"
                  title={`between ${formatShare(comparison.championInterval.low)} and ${formatShare(comparison.championInterval.high)}`}
                >
                  {formatShare(champion)}
                </span>
                <span aria-hidden className="mx-1.5 text-ink-faint">
                  →
                </span>
                <span className="sr-only">to</span>
                <strong className="font-semibold">{formatShare(challenger)}</strong>
                <span className="block text-xs text-ink-faint">
                  {formatShare(comparison.championInterval.low)}–{formatShare(comparison.championInterval.high)} →{' '}
                  {formatShare(comparison.challengerInterval.low)}–{formatShare(comparison.challengerInterval.high)}
                </span>
              </p>
              <div className="min-w-0">
                <DifferenceBar difference={difference} interval={interval} scale={scale} />
                <p className="mt-0.5 text-xs tabular-nums text-ink-soft">
                  <strong className="font-semibold text-ink">{formatChange(difference)}</strong> (
                  {formatChange(interval.low)} to {formatChange(interval.high)}), {describeCertainty(comparison)}
                </p>
              </div>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
