import type { ReactNode } from 'react';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Section } from '#app/_components/ui/page.tsx';
import type { EvaluationReport } from '#lib/evaluation/read-evaluation.ts';
import { ComparisonTable } from './comparison-table.tsx';
import { VerdictPanel } from './verdict-panel.tsx';

/** Slices that are shown at first, worst on top. */
const SHOWN_SLICES = 8;

/** Verdict, metrics and slices; pages put the cases below. */
export function ReportBody({
  report,
  obstacle,
  isWhole,
  children,
}: {
  readonly report: EvaluationReport;
  readonly obstacle: string | null;
  /** Nothing is folded away, for paper. */
  readonly isWhole: boolean;
  /** What can be done with the verdict. */
  readonly children?: ReactNode;
}) {
  const { verdict } = report;
  if (verdict === null) {
    return report.summary.challenger.versionId === null && report.summary.state === 'succeeded' ? (
      <Callout title="Measured, not judged">
        The base was the challenger, and the base needs no promotion. The cases below show how far it agrees with what
        serves{report.settings.repeats > 1 ? ', and with itself' : ''}.
      </Callout>
    ) : null;
  }
  const worst = verdict.slices.slice(0, SHOWN_SLICES);
  const rest = verdict.slices.slice(SHOWN_SLICES);
  return (
    <>
      <VerdictPanel verdict={verdict} obstacle={obstacle} isWhole={isWhole}>
        {children}
      </VerdictPanel>
      <Section
        title="How many cases pass"
        lead="What serves now → the challenger. The bar is where the true difference lies; when it crosses the middle, chance may explain it."
      >
        <ComparisonTable label="Metrics" comparisons={verdict.metrics} />
        {verdict.slowdown === null ? null : (
          <p className="mt-3 text-sm tabular-nums text-ink-soft">
            Answers take {verdict.slowdown.ratio.toFixed(2)} times as long as what serves now (
            {verdict.slowdown.interval.low.toFixed(2)} to {verdict.slowdown.interval.high.toFixed(2)}).
          </p>
        )}
      </Section>
      {worst.length === 0 ? null : (
        <Section title="Slices" lead="The same by suite, document and tag. The worst come first.">
          <ComparisonTable label="Slices" comparisons={isWhole ? verdict.slices : worst} />
          {isWhole || rest.length === 0 ? null : (
            <details className="mt-3">
              <summary className="text-sm text-ink-soft">{rest.length} more</summary>
              <div className="mt-3">
                <ComparisonTable label="More slices" comparisons={rest} />
              </div>
            </details>
          )}
        </Section>
      )}
    </>
  );
}
