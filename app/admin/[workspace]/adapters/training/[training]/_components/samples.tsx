'use client';

import { useState } from 'react';
import { Card } from '#app/_components/ui/page.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import type { SampleView, TrainingView } from '#lib/training/view-training.ts';

const NEWEST = 'newest';

function Answer({ title, sample }: { readonly title: string; readonly sample: SampleView | undefined }) {
  return (
    <div className="min-w-0 flex-1 basis-64">
      <p className="text-xs font-medium uppercase tracking-wide text-ink-faint">{title}</p>
      <p className="mt-1.5 whitespace-pre-line break-words text-sm leading-relaxed">
        {sample === undefined ? (
          <span className="text-ink-faint">Not asked yet.</span>
        ) : sample.answer === '' ? (
          <span className="text-ink-faint">An empty answer.</span>
        ) : (
          <>
            {sample.answer}
            {sample.hasEnded ? null : <span className="text-ink-faint"> … (cut)</span>}
          </>
        )}
      </p>
    </div>
  );
}

/** The same questions to base and adapter, at any checkpoint. */
export function Samples({ samples }: { readonly samples: TrainingView['samples'] }) {
  const [chosen, setChosen] = useState(NEWEST);
  const steps = [...new Set(samples.flatMap(({ answers }) => answers.map(({ step }) => step)))]
    .filter((step) => step > 0)
    .sort((a, b) => b - a);
  const step = chosen === NEWEST ? steps[0] : Number(chosen);
  return (
    <>
      {steps.length > 1 ? (
        <label className="mb-3 flex items-center gap-3 text-sm text-ink-soft">
          The adapter as it was at
          <Select value={chosen} onChange={(event) => setChosen(event.target.value)}>
            <option value={NEWEST}>the newest checkpoint</option>
            {steps.map((each) => (
              <option key={each} value={each}>
                step {each}
              </option>
            ))}
          </Select>
        </label>
      ) : null}
      <Card className="divide-y divide-line">
        {samples.map(({ question, answers }) => (
          <div key={question} className="px-5 py-4">
            <h3 className="font-serif text-base font-semibold leading-snug">{question}</h3>
            <div className="mt-3 flex flex-wrap gap-x-8 gap-y-4">
              <Answer title="Base" sample={answers.find((answer) => answer.step === 0)} />
              <Answer
                title={step === undefined ? 'Adapter' : `Adapter, step ${step}`}
                sample={answers.find((answer) => answer.step === step)}
              />
            </div>
          </div>
        ))}
      </Card>
    </>
  );
}
