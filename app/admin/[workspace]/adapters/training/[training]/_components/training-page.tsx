'use client';

import { Ban, RotateCcw } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { type ReactNode, useMemo } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { formatCount, formatSeconds } from '#app/_components/ui/format-amount.ts';
import { Card, Page, Section } from '#app/_components/ui/page.tsx';
import { Progress } from '#app/_components/ui/progress.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';
import type { ActionResult } from '#app/_server/action.ts';
import type { CurvePoint, TrainingView } from '#lib/training/view-training.ts';
import { StateBadge } from '../../_components/state-badge.tsx';
import { describeQueue } from '../../_state/describe-queue.ts';
import { type Curve, CurveChart } from './curve-chart.tsx';
import { Outcome } from './outcome.tsx';
import { Samples } from './samples.tsx';

type RunAction = (input: { workspace: string; runId: string }) => Promise<ActionResult<unknown>>;
type Measure = 'learningRate' | 'gradientNorm' | 'tokensPerSecond';

const SMALL_CHART_HEIGHT = 150;
const formatLoss = (value: number) => value.toFixed(2);

/** Weight of the newest step in the smoothed curve. */
const SMOOTHING = 0.15;

const measures: readonly {
  readonly key: Measure;
  readonly label: string;
  readonly format: (value: number) => string;
}[] = [
  { key: 'learningRate', label: 'Learning rate', format: (value) => value.toExponential(1) },
  { key: 'gradientNorm', label: 'Gradient norm', format: (value) => value.toPrecision(2) },
  { key: 'tokensPerSecond', label: 'Tokens a second', format: (value) => value.toFixed(0) },
];

function smooth(points: readonly { readonly x: number; readonly y: number }[]) {
  let mean: number | null = null;
  return points.map(({ x, y }) => {
    mean = mean === null ? y : mean + SMOOTHING * (y - mean);
    return { x, y: mean };
  });
}

function drawMeasure(steps: readonly CurvePoint[], key: Measure, label: string): Curve[] {
  const points = steps.flatMap((step) => {
    const value = step[key];
    return value === null ? [] : [{ x: step.step, y: value }];
  });
  return [{ label, colour: '--accent', points }];
}

function Fact({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <div className="min-w-24">
      <dt className="text-xs text-ink-faint">{label}</dt>
      <dd className="text-lg font-semibold tabular-nums leading-snug">{children}</dd>
    </div>
  );
}

function describeStage({ run, queue }: TrainingView): string {
  if (run.isCancelRequested && run.state === 'running') return 'Stopping, with a checkpoint';
  if (run.state === 'running') {
    const stage = run.stage ?? 'starting';
    return stage.charAt(0).toUpperCase() + stage.slice(1);
  }
  return describeQueue(queue ?? { ahead: 0 });
}

function Course({ training }: { readonly training: TrainingView }) {
  const { run, etaSeconds, steps, validations } = training;
  const last = steps.at(-1);
  return (
    <Card className="mb-8 p-5">
      <div className="flex flex-wrap items-baseline justify-between gap-x-6 gap-y-1">
        <p className="text-sm font-medium" aria-live="polite">
          {describeStage(training)}
        </p>
        {run.attempt > 1 ? <p className="text-[0.8125rem] text-ink-faint">attempt {run.attempt}</p> : null}
      </div>
      <Progress
        className="mt-3"
        label="Progress of the run"
        value={run.state === 'queued' ? 0 : run.progressTotal > 0 ? run.progressDone / run.progressTotal : null}
      />
      <dl className="mt-4 flex flex-wrap gap-x-8 gap-y-3">
        <Fact label="Step">
          {last === undefined ? '–' : formatCount(last.step)}
          {training.plan === null ? '' : ` / ${formatCount(training.plan.estimate.steps)}`}
        </Fact>
        <Fact label="Left">{etaSeconds === null ? '–' : formatSeconds(etaSeconds)}</Fact>
        <Fact label="Training loss">{last === undefined ? '–' : last.loss.toFixed(3)}</Fact>
        <Fact label="Validation loss">{validations.at(-1)?.loss.toFixed(3) ?? '–'}</Fact>
        <Fact label="Tokens a second">{last?.tokensPerSecond?.toFixed(0) ?? '–'}</Fact>
      </dl>
    </Card>
  );
}

/** A training run while it goes on and after it is over. */
export function TrainingPage({
  workspace,
  training,
  canCancel,
  cancelRun,
  retryRun,
}: {
  readonly workspace: string;
  readonly training: TrainingView;
  readonly canCancel: boolean;
  readonly cancelRun: RunAction;
  readonly retryRun: RunAction;
}) {
  const router = useRouter();
  const { run, steps, validations, samples, log } = training;
  const isMoving = run.state === 'queued' || run.state === 'running';
  useRefreshWhile(isMoving);
  const act = (action: RunAction) => () =>
    void (async () => {
      const result = await action({ workspace, runId: run.id });
      if (!result.ok) toast.error(result.error.message);
      router.refresh();
    })();
  const lossCurves = useMemo((): Curve[] => {
    const points = steps.map(({ step, loss }) => ({ x: step, y: loss }));
    return [
      { label: 'Each step', colour: '--line-strong', points },
      { label: 'Training', colour: '--accent', points: smooth(points) },
      {
        label: 'Validation',
        colour: '--brass',
        hasDots: true,
        points: validations.map(({ step, loss }) => ({ x: step, y: loss })),
      },
    ];
  }, [steps, validations]);
  return (
    <Page
      title={
        <span className="flex flex-wrap items-center gap-x-4 gap-y-2">
          {training.adapterName} <StateBadge state={run.state} />
        </span>
      }
      lead={
        <>
          {run.title}, asked for <Time value={run.createdAt} />.{' '}
          <Link
            href={`/admin/${workspace}/adapters/training`}
            className="text-accent-text underline underline-offset-4"
          >
            All training runs
          </Link>
        </>
      }
      actions={
        canCancel && isMoving && !run.isCancelRequested ? (
          <Button onClick={act(cancelRun)}>
            <Ban aria-hidden />
            Cancel
          </Button>
        ) : canCancel && (run.state === 'failed' || run.state === 'cancelled') ? (
          <Button look="primary" onClick={act(retryRun)}>
            <RotateCcw aria-hidden />
            Go on from the checkpoint
          </Button>
        ) : null
      }
    >
      {run.state === 'failed' && run.error !== null ? (
        <Callout tone="danger" title="The run failed" className="mb-8">
          {run.error.message} <code className="font-mono text-xs text-ink-faint">{run.error.code}</code>
        </Callout>
      ) : null}
      {isMoving && run.error !== null ? (
        <Callout tone="warn" title="It will be tried again" className="mb-8">
          {run.error.message}
        </Callout>
      ) : null}
      {isMoving ? <Course training={training} /> : null}
      {training.outcome === null ? null : (
        <div className="mb-8">
          <Outcome workspace={workspace} training={training} />
        </div>
      )}

      <Section
        title="Loss"
        lead="How surprised the model is by the right words, in nats a token. Lower is better; the dots are rows that it is not trained on."
      >
        <Card className="p-4 sm:p-5">
          {steps.length === 0 && validations.length === 0 ? (
            <p className="py-10 text-center text-sm text-ink-faint">The curve begins with the first step.</p>
          ) : (
            <CurveChart
              curves={lossCurves}
              label={`Training loss over ${steps.length} steps${steps.length > 0 ? `, now ${steps.at(-1)?.loss.toFixed(3)}` : ''}`}
              formatValue={formatLoss}
            />
          )}
        </Card>
        {steps.length === 0 ? null : (
          <div className="mt-4 grid gap-4 sm:grid-cols-3">
            {measures.map(({ key, label, format }) => (
              <MeasureChart key={key} steps={steps} measure={key} label={label} format={format} />
            ))}
          </div>
        )}
      </Section>

      {samples.length === 0 ? null : (
        <Section
          title="What it says"
          lead="The same questions to the base and to the adapter of each checkpoint, without retrieval."
        >
          <Samples samples={samples} />
        </Section>
      )}

      <Section title="Events">
        <Card>
          <ol className="max-h-96 divide-y divide-line overflow-y-auto">
            {log.map(({ id, level, message, at }) => (
              <li key={id} className="flex gap-4 px-5 py-2.5 text-[0.8125rem] leading-snug">
                <Time value={at} className="w-20 shrink-0 text-ink-faint" />
                <span
                  className={classNames(
                    'min-w-0 break-words',
                    level === 'error' ? 'text-danger' : level === 'warn' ? 'text-warn' : 'text-ink-soft',
                  )}
                >
                  {message}
                </span>
              </li>
            ))}
            {log.length === 0 ? <li className="px-5 py-4 text-sm text-ink-faint">Nothing has happened yet.</li> : null}
          </ol>
        </Card>
      </Section>

      <Section title="Configuration">
        <Card>
          <details className="group">
            <summary className="px-5 py-4 text-sm">
              {training.preset === 'custom' ? 'Own options' : `Preset ${training.preset}`} on {training.baseModel},{' '}
              {training.threads} {training.threads === 1 ? 'thread' : 'threads'}
            </summary>
            <pre className="overflow-x-auto border-t border-line px-5 py-4 font-mono text-xs leading-relaxed">
              {JSON.stringify({ base: training.baseSha256, ...training.config }, null, 2)}
            </pre>
          </details>
        </Card>
      </Section>
    </Page>
  );
}

function MeasureChart({
  steps,
  measure,
  label,
  format,
}: {
  readonly steps: readonly CurvePoint[];
  readonly measure: Measure;
  readonly label: string;
  readonly format: (value: number) => string;
}) {
  const curves = useMemo(() => drawMeasure(steps, measure, label), [steps, measure, label]);
  return (
    <Card className="p-4">
      <CurveChart curves={curves} label={`${label} over the steps`} height={SMALL_CHART_HEIGHT} formatValue={format} />
    </Card>
  );
}
