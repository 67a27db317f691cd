import { Card } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import type { EvaluationView } from '#lib/retrieval/golden-set.ts';
import type { LegMetrics, LegName } from '#lib/retrieval/retrieval-report.ts';

const WIDTH = 640;
const HEIGHT = 180;
const MARGIN = { left: 60, right: 20, top: 12, bottom: 12 };
const LINES: readonly {
  readonly leg: LegName;
  readonly label: string;
  readonly stroke: string;
  readonly dash: string;
}[] = [
  { leg: 'fused', label: 'Together', stroke: 'stroke-accent', dash: '' },
  { leg: 'lexical', label: 'By words', stroke: 'stroke-brass', dash: '7 4' },
  { leg: 'dense', label: 'By meaning', stroke: 'stroke-ink-faint', dash: '2 4' },
];
const LEGS: readonly (readonly [LegName, string])[] = [
  ['fused', 'Together'],
  ['lexical', 'By words'],
  ['dense', 'By meaning'],
  ['reranked', 'Reranked'],
];
const METRICS: readonly (keyof LegMetrics)[] = ['ndcg@10', 'recall@5', 'recall@10', 'mrr@10'];

/** nDCG@10 of each search over time, and the newest figures beside those before. */
export function EvaluationTrend({
  evaluations,
}: {
  /** Newest first. */ readonly evaluations: readonly EvaluationView[];
}) {
  const ranked = evaluations.filter(({ rankedQuestions }) => rankedQuestions > 0);
  const [newest, before] = ranked;
  if (!newest) return null;
  const oldestFirst = ranked.toReversed();
  const x = (index: number) =>
    MARGIN.left +
    (oldestFirst.length === 1 ? 0.5 : index / (oldestFirst.length - 1)) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value: number) => HEIGHT - MARGIN.bottom - value * (HEIGHT - MARGIN.top - MARGIN.bottom);
  return (
    <Card className="p-4 sm:p-5">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        className="block w-full"
        role="img"
        aria-label={`nDCG at 10 over ${ranked.length} measurements; newest ${newest.legs.fused?.['ndcg@10'].toFixed(2) ?? 'none'}`}
      >
        {[0, 0.5, 1].map((tick) => (
          <g key={tick} className="fill-ink-faint text-[18px] sm:text-[11px]">
            <line x1={MARGIN.left} x2={WIDTH - MARGIN.right} y1={y(tick)} y2={y(tick)} className="stroke-line" />
            <text x={MARGIN.left - 8} y={y(tick)} dominantBaseline="central" textAnchor="end">
              {tick.toFixed(1)}
            </text>
          </g>
        ))}
        {LINES.map(({ leg, stroke, dash }) => {
          const points = oldestFirst.flatMap(({ id, legs }, index) => {
            const value = legs[leg]?.['ndcg@10'];
            return value === undefined ? [] : [{ id, x: x(index), y: y(value) }];
          });
          return (
            <g key={leg} className={stroke} fill="none" strokeWidth={2.5}>
              <polyline points={points.map((point) => `${point.x},${point.y}`).join(' ')} strokeDasharray={dash} />
              {points.map((point) => (
                <circle key={point.id} cx={point.x} cy={point.y} r={2} />
              ))}
            </g>
          );
        })}
      </svg>
      <div className="mt-3 overflow-x-auto">
        <table className="w-full min-w-[30rem] text-sm tabular-nums">
          <caption className="sr-only">Newest measurement, with the change since the one before</caption>
          <thead>
            <tr className="border-b border-line text-left text-[0.8125rem] text-ink-faint">
              <th scope="col" className="py-2 font-normal">
                {newest.rankedQuestions} {newest.rankedQuestions === 1 ? 'question' : 'questions'},{' '}
                <Time value={newest.createdAt} />
              </th>
              {METRICS.map((metric) => (
                <th key={metric} scope="col" className="py-2 text-right font-normal">
                  {metric}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {LEGS.map(([leg, label]) => {
              const values = newest.legs[leg];
              const earlier = before?.legs[leg];
              if (!values) return null;
              return (
                <tr key={leg} className="border-b border-line last:border-0">
                  <th scope="row" className="py-2 text-left font-medium">
                    {label}
                  </th>
                  {METRICS.map((metric) => {
                    const change = earlier ? values[metric] - earlier[metric] : 0;
                    return (
                      <td key={metric} className="py-2 text-right">
                        {values[metric].toFixed(3)}
                        {Math.abs(change) >= 0.0005 ? (
                          <span className={change > 0 ? 'ml-1 text-accent-text' : 'ml-1 text-danger'}>
                            {change > 0 ? '+' : '−'}
                            {Math.abs(change).toFixed(3)}
                          </span>
                        ) : null}
                      </td>
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <ul className="mt-3 flex flex-wrap gap-x-6 gap-y-1 text-[0.8125rem] text-ink-soft">
        {LINES.map(({ leg, label, stroke, dash }) => (
          <li key={leg} className="flex items-center gap-2">
            <svg aria-hidden viewBox="0 0 24 4" className="h-1 w-6">
              <line x1={0} x2={24} y1={2} y2={2} strokeWidth={2.5} strokeDasharray={dash} className={stroke} />
            </svg>
            {label}, nDCG@10
          </li>
        ))}
      </ul>
      <p className="mt-3 text-[0.8125rem] text-ink-faint [overflow-wrap:anywhere]">
        Made with {newest.embeddingModel}, index {newest.indexConfigId?.slice(-8) ?? 'none'}, answer settings{' '}
        {newest.answerConfigId.slice(-8)}, threshold {newest.supportThreshold.toFixed(2)}.
      </p>
    </Card>
  );
}
