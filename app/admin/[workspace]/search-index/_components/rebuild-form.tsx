'use client';

import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';
import { describeMinutes } from '../_state/describe-minutes.ts';

interface RebuildInput {
  readonly workspace: string;
  readonly chunkSizeTokens: number;
  readonly chunkOverlapTokens: number;
}
interface Cost {
  readonly documents: number;
  readonly chunks: number;
  readonly minutes: number | null;
}

const numbers = new Intl.NumberFormat('en');

/** First what it costs, then the button that starts it. A changed number asks for the cost again. */
export function RebuildForm({
  workspace,
  sizes,
  maxTokens,
  runningModel,
  isRunning,
  estimateRebuild,
  startRebuild,
}: {
  readonly workspace: string;
  readonly sizes: { readonly chunkSizeTokens: number; readonly chunkOverlapTokens: number };
  readonly maxTokens: number | null;
  readonly runningModel: string | null;
  readonly isRunning: boolean;
  readonly estimateRebuild: (input: RebuildInput) => Promise<ActionResult<Cost>>;
  readonly startRebuild: (input: RebuildInput) => Promise<ActionResult<unknown>>;
}) {
  const router = useRouter();
  const [size, setSize] = useState(String(sizes.chunkSizeTokens));
  const [overlap, setOverlap] = useState(String(sizes.chunkOverlapTokens));
  const [cost, setCost] = useState<Cost | null>(null);
  const estimating = useAction(estimateRebuild);
  const starting = useAction(startRebuild);
  const input = { workspace, chunkSizeTokens: Number(size), chunkOverlapTokens: Number(overlap) };
  const change = (set: (value: string) => void) => (event: { readonly target: { readonly value: string } }) => {
    set(event.target.value);
    setCost(null);
    estimating.clearError();
    starting.clearError();
  };
  const error = estimating.error ?? starting.error;
  return (
    <Card className="p-5">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (cost === null) {
            estimating.run(input, setCost);
            return;
          }
          starting.run(input, () => {
            setCost(null);
            toast.success('Re-indexing has begun.');
            router.refresh();
          });
        }}
      >
        <div className="grid gap-5 sm:grid-cols-2">
          <Field
            label="Chunk size in tokens"
            hint={maxTokens === null ? 'At least 40.' : `40 to ${maxTokens}, the most that the embedding model reads.`}
          >
            {(ids) => (
              <Input
                {...ids}
                type="number"
                inputMode="numeric"
                required
                min={40}
                {...(maxTokens === null ? {} : { max: maxTokens })}
                value={size}
                onChange={change(setSize)}
              />
            )}
          </Field>
          <Field label="Overlap in tokens" hint="Sentences that a chunk repeats from the one before; 0 for none.">
            {(ids) => (
              <Input
                {...ids}
                type="number"
                inputMode="numeric"
                required
                min={0}
                value={overlap}
                onChange={change(setOverlap)}
              />
            )}
          </Field>
        </div>
        <p className="mt-4 text-[0.8125rem] text-ink-faint">
          {runningModel === null
            ? 'The embedding model is not running, so nothing can be indexed now.'
            : `Embedding model: ${runningModel}, the one that runs.`}
        </p>
        <div aria-live="polite">
          {cost === null ? null : (
            <Callout className="mt-4">
              {numbers.format(cost.documents)} {cost.documents === 1 ? 'document' : 'documents'}
              {cost.chunks > 0 ? `, about ${numbers.format(cost.chunks)} chunks` : ''}: {describeMinutes(cost.minutes)}.
              Until it is done the present index answers, and chat goes first.
            </Callout>
          )}
          {error === null ? null : (
            <Callout tone="danger" className="mt-4">
              {error}
            </Callout>
          )}
        </div>
        <div className="mt-5 flex justify-end">
          {cost === null ? (
            <Button type="submit" isPending={estimating.isPending} disabled={isRunning || runningModel === null}>
              {isRunning ? 'A re-index is under way' : 'Show what it costs'}
            </Button>
          ) : (
            <Button type="submit" look="primary" isPending={starting.isPending}>
              Re-index now
            </Button>
          )}
        </div>
      </form>
    </Card>
  );
}
