'use client';

import { ChevronRight, Play, Plus, X } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useEffect, useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Field, Input, Textarea } from '#app/_components/ui/field.tsx';
import { formatCount } from '#app/_components/ui/format-amount.ts';
import { Card, Section } from '#app/_components/ui/page.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';
import type { FrozenDataSet } from '#lib/training/data-set-source.ts';
import type { RetrainDraft } from '#lib/training/draft-retrain.ts';
import type { ForecastView } from '#lib/training/forecast-training.ts';
import type { Preset, PresetName, TrainingOption } from '#lib/training/training-options.ts';
import { ForecastPanel } from './forecast-panel.tsx';
import { OptionControl } from './option-control.tsx';
import { findProblem, type OptionValues, toConfig, toValues } from './option-values.ts';

interface TrainingRequest {
  workspace: string;
  dataSetVersionId: string;
  config: Record<string, unknown>;
  threads: number;
}

interface Question {
  readonly id: string;
  readonly text: string;
}

const groups = [
  ['adapter', 'The adapter'],
  ['learning', 'Learning'],
  ['length', 'How long'],
  ['batch', 'What goes into a step'],
  ['watching', 'Watching'],
] as const satisfies readonly (readonly [TrainingOption['group'], string])[];

const MAX_QUESTIONS = 5;
const FORECAST_DELAY_MS = 500;

export function TrainForm({
  workspace,
  base,
  versions,
  initialVersionId,
  draft,
  presets,
  options,
  threads,
  forecastTraining,
  startTraining,
}: {
  readonly workspace: string;
  readonly base: {
    readonly id: string;
    readonly sha256: string;
    readonly layers: number;
    readonly contextTokens: number;
  };
  readonly versions: readonly FrozenDataSet[];
  readonly initialVersionId: string;
  /** What the fields begin with; null: the balanced preset. */
  readonly draft: RetrainDraft | null;
  readonly presets: readonly (Preset & { readonly name: PresetName })[];
  readonly options: readonly TrainingOption[];
  readonly threads: { readonly initial: number; readonly max: number };
  readonly forecastTraining: (input: TrainingRequest) => Promise<ActionResult<ForecastView>>;
  readonly startTraining: (
    input: TrainingRequest & { adapterName: string; notes: string; questions: string[] },
  ) => Promise<ActionResult<{ readonly trainingRunId: string }>>;
}) {
  const router = useRouter();
  const start = useAction(startTraining);
  const [versionId, setVersionId] = useState(initialVersionId);
  const [preset, setPreset] = useState<PresetName | 'custom'>(
    draft === null
      ? 'balanced'
      : (presets.find(({ config }) => JSON.stringify(config) === JSON.stringify(draft.config))?.name ?? 'custom'),
  );
  const [values, setValues] = useState<OptionValues>(() => {
    const first = draft?.config ?? presets.find(({ name }) => name === 'balanced')?.config;
    return first === undefined ? {} : toValues(options, first);
  });
  const [threadCount, setThreadCount] = useState(String(draft?.threads ?? threads.initial));
  /** Null: those that the data set suggests. */
  const [ownQuestions, setOwnQuestions] = useState<readonly Question[] | null>(
    draft?.questions.map((text) => ({ id: text, text })) ?? null,
  );
  const [view, setView] = useState<ForecastView | null>(null);
  const [forecastError, setForecastError] = useState<string | null>(null);
  const [isForecasting, setForecasting] = useState(true);

  const threadNumber = Number(threadCount);
  const areThreadsFine = Number.isInteger(threadNumber) && threadNumber >= 1 && threadNumber <= threads.max;
  const problems = options.filter((option) => findProblem(option, values[option.path]) !== null);
  const isSound = problems.length === 0 && areThreadsFine;
  const request = isSound
    ? JSON.stringify({
        workspace,
        dataSetVersionId: versionId,
        config: toConfig(options, values),
        threads: threadNumber,
      })
    : null;
  const questions = ownQuestions ?? (view?.questions ?? []).map((text) => ({ id: text, text }));

  useEffect(() => {
    if (request === null) return undefined;
    let isCurrent = true;
    const timer = setTimeout(() => {
      void (async () => {
        setForecasting(true);
        try {
          const input: TrainingRequest = JSON.parse(request);
          const result = await forecastTraining(input);
          if (!isCurrent) return;
          if (result.ok) setView(result.data);
          setForecastError(result.ok ? null : result.error.message);
        } catch {
          if (isCurrent) setForecastError('Lorehouse cannot be reached, so nothing can be estimated.');
        }
        if (isCurrent) setForecasting(false);
      })();
    }, FORECAST_DELAY_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [request, forecastTraining]);

  const choosePreset = (name: PresetName) => {
    const chosen = presets.find((each) => each.name === name);
    if (chosen === undefined) return;
    setPreset(name);
    setValues(toValues(options, chosen.config));
  };

  return (
    <form
      className="grid items-start gap-x-10 gap-y-10 lg:grid-cols-[minmax(0,1fr)_19rem]"
      onSubmit={(event) => {
        event.preventDefault();
        if (request === null) return;
        const data = new FormData(event.currentTarget);
        const read = (name: string) => {
          const value = data.get(name);
          return typeof value === 'string' ? value.trim() : '';
        };
        const input: TrainingRequest = JSON.parse(request);
        start.run(
          {
            ...input,
            adapterName: read('adapterName'),
            notes: read('notes'),
            questions: questions.map(({ text }) => text.trim()).filter((text) => text !== ''),
          },
          ({ trainingRunId }) => router.push(`/admin/${workspace}/adapters/training/${trainingRunId}`),
        );
      }}
    >
      <div className="min-w-0">
        <Section title="What to train">
          <Card className="grid gap-5 p-5 sm:grid-cols-2">
            <Field label="Data set" hint="A frozen version, so that the run can be repeated." className="sm:col-span-2">
              {(ids) => (
                <Select
                  {...ids}
                  className="w-full"
                  value={versionId}
                  onChange={(event) => {
                    setVersionId(event.target.value);
                    setOwnQuestions(null);
                  }}
                >
                  {versions.map(({ versionId: id, name, number, rowCounts }) => (
                    <option key={id} value={id}>
                      {name}, version {number} — {formatCount(rowCounts.train)} training,{' '}
                      {formatCount(rowCounts.validation)} validation, {formatCount(rowCounts['held-out'])} held-out rows
                    </option>
                  ))}
                </Select>
              )}
            </Field>
            <Field label="Adapter" hint="A new name makes a new adapter; a known one gets a new version.">
              {(ids) => (
                <Input
                  {...ids}
                  name="adapterName"
                  required
                  maxLength={80}
                  placeholder="Support voice"
                  defaultValue={draft?.adapterName}
                />
              )}
            </Field>
            <div>
              <p className="text-sm font-medium">Base model</p>
              <p className="mt-2.5 truncate text-sm" title={base.sha256}>
                {base.id}
              </p>
              <p className="mt-2 text-[0.8125rem] leading-snug text-ink-faint">
                The one in use: {base.layers} layers, reads {formatCount(base.contextTokens)} tokens. Choose another
                with <code className="font-mono text-xs">npm run models -- use</code>.
              </p>
            </div>
          </Card>
        </Section>

        <Section title="How thoroughly">
          <fieldset className="grid gap-3 sm:grid-cols-3">
            <legend className="sr-only">Preset</legend>
            {presets.map(({ name, label, meaning }) => (
              <label
                key={name}
                className={classNames(
                  'cursor-pointer rounded-xl border bg-raised p-4 shadow-raised transition-colors has-focus-visible:outline-2 has-focus-visible:outline-offset-2',
                  preset === name ? 'border-accent ring-1 ring-accent' : 'border-line hover:border-control',
                )}
              >
                <span className="flex items-center gap-2.5">
                  <input
                    type="radio"
                    name="preset"
                    value={name}
                    className="size-4 accent-accent"
                    checked={preset === name}
                    onChange={() => choosePreset(name)}
                  />
                  <span className="text-sm font-semibold">{label}</span>
                </span>
                <span className="mt-2 block text-[0.8125rem] leading-snug text-ink-soft">{meaning}</span>
              </label>
            ))}
          </fieldset>
          {preset === 'custom' ? (
            <p className="mt-3 text-[0.8125rem] text-ink-soft">
              You have changed options below; none of the presets is in force as it is.
            </p>
          ) : null}

          <details className="group mt-4 rounded-xl border border-line bg-raised shadow-raised">
            <summary className="flex list-none items-center gap-2 px-5 py-4 text-sm font-medium [&::-webkit-details-marker]:hidden">
              <ChevronRight aria-hidden className="size-4 text-ink-faint transition-transform group-open:rotate-90" />
              Advanced
              <span className="font-normal text-ink-faint">every option of the trainer</span>
              {problems.length > 0 ? <span className="ml-auto text-danger">{problems.length} to correct</span> : null}
            </summary>
            <div className="flex flex-col gap-8 border-t border-line px-5 py-6">
              {groups.map(([group, label]) => (
                <div key={group}>
                  <h3 className="font-serif text-base font-semibold">{label}</h3>
                  <div className="mt-4 grid gap-x-8 gap-y-6 sm:grid-cols-2">
                    {options
                      .filter((option) => option.group === group)
                      .map((option) => (
                        <OptionControl
                          key={option.path}
                          option={option}
                          value={values[option.path]}
                          onChange={(value) => {
                            setPreset('custom');
                            setValues((before) => ({ ...before, [option.path]: value }));
                          }}
                        />
                      ))}
                    {group === 'watching' ? (
                      <Field
                        label="Threads"
                        hint="Cores that compute. One stays free for answering, unless you take it."
                        error={areThreadsFine ? undefined : `A whole number from 1 to ${threads.max}.`}
                      >
                        {(ids) => (
                          <Input
                            {...ids}
                            name="threads"
                            inputMode="numeric"
                            className="max-w-36 tabular-nums"
                            value={threadCount}
                            onChange={(event) => setThreadCount(event.target.value)}
                          />
                        )}
                      </Field>
                    ) : null}
                  </div>
                </div>
              ))}
            </div>
          </details>
        </Section>

        <Section
          title="Questions to watch"
          lead="Base and adapter answer them side by side at every checkpoint, so that you hear the voice change."
        >
          <Card className="flex flex-col gap-2 p-5">
            {questions.map(({ id, text }, index) => (
              <span key={id} className="flex items-center gap-2">
                <Input
                  aria-label={`Question ${index + 1}`}
                  value={text}
                  maxLength={500}
                  onChange={(event) =>
                    setOwnQuestions(questions.map((each) => (each.id === id ? { id, text: event.target.value } : each)))
                  }
                />
                <Button
                  look="quiet"
                  size="icon-sm"
                  aria-label={`Remove question ${index + 1}`}
                  onClick={() => setOwnQuestions(questions.filter((each) => each.id !== id))}
                >
                  <X aria-hidden />
                </Button>
              </span>
            ))}
            {questions.length < MAX_QUESTIONS ? (
              <div>
                <Button
                  size="sm"
                  onClick={() => setOwnQuestions([...questions, { id: `own-${Date.now()}`, text: '' }])}
                >
                  <Plus aria-hidden />
                  Add a question
                </Button>
              </div>
            ) : null}
          </Card>
        </Section>

        <Section title="Notes">
          <Card className="p-5">
            <Field label="Notes" isLabelHidden hint="Why this run: they stay with the version.">
              {(ids) => (
                <Textarea {...ids} name="notes" maxLength={2000} className="min-h-20" defaultValue={draft?.notes} />
              )}
            </Field>
          </Card>
        </Section>
      </div>

      <aside aria-label="Before you start" className="lg:sticky lg:top-8">
        <h2 className="mb-4 font-serif text-xl font-semibold">Before you start</h2>
        <ForecastPanel view={view} error={forecastError} isPending={isForecasting} />
        {start.error === null ? null : (
          <Callout tone="danger" className="mt-4">
            {start.error}
          </Callout>
        )}
        <Button
          type="submit"
          look="primary"
          size="lg"
          className="mt-5 w-full"
          isPending={start.isPending}
          disabled={!isSound || (view !== null && view.blockers.length > 0)}
        >
          <Play aria-hidden />
          Start training
        </Button>
        <p className="mt-3 text-[0.8125rem] leading-snug text-ink-faint">
          You may close the page. A run survives restarts and goes on from its newest checkpoint.
        </p>
      </aside>
    </form>
  );
}
