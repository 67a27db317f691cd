'use client';

import { Square, ThumbsUp } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useEffect, useRef, useState } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Field, Textarea } from '#app/_components/ui/field.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { markDifferences } from '../_state/mark-differences.ts';
import { readTryStream } from '../_state/read-try-stream.ts';
import { voteInPlayground } from '../actions.ts';

export interface Candidate {
  /** Null: the base alone. */
  readonly versionId: string | null;
  readonly label: string;
}

interface Column extends Candidate {
  readonly text: string;
  readonly state: 'waiting' | 'writing' | 'done' | 'failed';
  readonly note: string;
}

/** As many as fit side by side on a wide screen. */
const MAX_COLUMNS = 6;
const keyOf = ({ versionId }: Candidate) => versionId ?? 'base';

const formatSeconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

export function Playground({
  workspace,
  candidates,
  initial,
}: {
  readonly workspace: string;
  readonly candidates: readonly Candidate[];
  /** Keys of those that are chosen at first. */
  readonly initial: readonly string[];
}) {
  const router = useRouter();
  const [chosen, setChosen] = useState<readonly string[]>(initial);
  const [question, setQuestion] = useState('');
  const [usesRetrieval, setUsesRetrieval] = useState(true);
  const [asked, setAsked] = useState<{ readonly question: string; readonly usesRetrieval: boolean } | null>(null);
  const [columns, setColumns] = useState<readonly Column[]>([]);
  const [hasVoted, setHasVoted] = useState(false);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const isRunning = columns.some(({ state }) => state === 'waiting' || state === 'writing');
  const isComplete = columns.length > 0 && columns.every(({ state }) => state === 'done');

  const change = (key: string, update: (column: Column) => Partial<Column>) =>
    setColumns((all) => all.map((column) => (keyOf(column) === key ? { ...column, ...update(column) } : column)));

  const fill = async (candidate: Candidate, body: object, signal: AbortSignal) => {
    const key = keyOf(candidate);
    try {
      const response = await fetch(`/api/w/${workspace}/adapters/try`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...body, versionId: candidate.versionId }),
        signal,
      });
      for await (const event of readTryStream(response)) {
        if (event.type === 'text-delta') change(key, ({ text }) => ({ text: text + event.text, state: 'writing' }));
        if (event.type === 'answer-final') change(key, () => ({ text: event.text }));
        if (event.type === 'try-error') throw new Error(event.error.message);
        if (event.type === 'try-finish') {
          const first = event.firstTextMs === null ? '' : `first word after ${formatSeconds(event.firstTextMs)}, `;
          const hash = event.adapterSha256 === null ? '' : ` · ${event.adapterSha256.slice(0, 12)}`;
          change(key, () => ({
            state: 'done',
            note: `${first}${formatSeconds(event.totalMs)} in all, ${event.completionTokens} tokens${hash}`,
          }));
        }
      }
    } catch (error) {
      const note = signal.aborted ? 'Stopped.' : error instanceof Error ? error.message : 'Failed.';
      change(key, () => ({ state: 'failed', note }));
    }
  };

  const ask = () => {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    const body = { question: question.trim(), usesRetrieval };
    const shown = candidates.filter((candidate) => chosen.includes(keyOf(candidate)));
    setAsked(body);
    setHasVoted(false);
    setColumns(shown.map((candidate) => ({ ...candidate, text: '', state: 'waiting', note: '' })));
    // One model answers at a time: they wait for each other on the server, in this order.
    for (const candidate of shown) void fill(candidate, body, controller.signal);
  };

  const vote = async (preferred: number | null) => {
    if (asked === null) return;
    const result = await voteInPlayground({
      workspace,
      question: asked.question,
      usedRetrieval: asked.usesRetrieval,
      answers: columns.map(({ versionId, text }) => ({ versionId, text })),
      preferred,
    });
    if (!result.ok) {
      toast.error(result.error.message);
      return;
    }
    setHasVoted(true);
    toast.success('Your vote is kept.');
    router.refresh();
  };

  const [first] = columns;
  return (
    <>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        <fieldset>
          <legend className="text-sm font-medium">Who answers</legend>
          <div className="mt-2 flex flex-wrap gap-2">
            {candidates.map((candidate) => {
              const key = keyOf(candidate);
              const isChosen = chosen.includes(key);
              return (
                <label
                  key={key}
                  className={classNames(
                    'flex cursor-pointer items-center gap-2 rounded-full border px-3.5 py-1.5 text-[0.8125rem] transition-colors',
                    isChosen
                      ? 'border-accent bg-accent-soft font-medium text-accent-text'
                      : 'border-line-strong text-ink-soft hover:bg-sunken',
                  )}
                >
                  <input
                    type="checkbox"
                    className="accent-(--color-accent)"
                    checked={isChosen}
                    disabled={!isChosen && chosen.length >= MAX_COLUMNS}
                    onChange={(event) =>
                      setChosen((all) => (event.target.checked ? [...all, key] : all.filter((other) => other !== key)))
                    }
                  />
                  {candidate.label}
                </label>
              );
            })}
          </div>
        </fieldset>
        <Field label="Question">
          {(ids) => (
            <Textarea
              {...ids}
              required
              maxLength={4000}
              className="min-h-16"
              value={question}
              onChange={(event) => setQuestion(event.target.value)}
            />
          )}
        </Field>
        <div className="flex flex-wrap items-center justify-between gap-3">
          <label className="flex items-center gap-2 text-sm">
            <input
              type="checkbox"
              className="accent-(--color-accent)"
              checked={usesRetrieval}
              onChange={(event) => setUsesRetrieval(event.target.checked)}
            />
            With the documents of this workspace, as in chat
          </label>
          <div className="flex gap-2">
            {isRunning ? (
              <Button onClick={() => running.current?.abort()}>
                <Square aria-hidden />
                Stop
              </Button>
            ) : null}
            <Button type="submit" look="primary" disabled={question.trim() === '' || chosen.length === 0 || isRunning}>
              Ask
            </Button>
          </div>
        </div>
      </form>
      {columns.length === 0 ? null : (
        <section
          aria-label="Answers"
          aria-busy={isRunning}
          className="mt-8 grid gap-4 [grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr))]"
        >
          {columns.map((column, index) => (
            <Card key={keyOf(column)} className="flex flex-col p-4">
              <h2 className="text-sm font-semibold">{column.label}</h2>
              <div
                className="mt-2 flex-1 whitespace-pre-wrap text-[0.9375rem] leading-relaxed"
                data-testid="try-answer"
              >
                {isComplete && index > 0 && first !== undefined
                  ? markDifferences(column.text, first.text).map((part, place) =>
                      part.isOwn ? (
                        // Parts have no identity but their place: the text is final.
                        <mark key={`${place}-${part.text}`} className="rounded-sm bg-accent-soft text-ink">
                          {part.text}
                        </mark>
                      ) : (
                        <span key={`${place}-${part.text}`}>{part.text}</span>
                      ),
                    )
                  : column.text}
                {column.state === 'waiting' ? <span className="text-ink-faint">Waiting for its turn …</span> : null}
              </div>
              <p className={classNames('mt-3 text-xs', column.state === 'failed' ? 'text-danger' : 'text-ink-faint')}>
                {column.note}
              </p>
              {isComplete && columns.length > 1 && !hasVoted ? (
                <Button size="sm" className="mt-3 self-start" onClick={() => void vote(index)}>
                  <ThumbsUp aria-hidden />
                  Best
                </Button>
              ) : null}
            </Card>
          ))}
        </section>
      )}
      {isComplete && columns.length > 1 ? (
        <p className="mt-4 flex flex-wrap items-center gap-3 text-sm text-ink-soft">
          Words that the first answer does not have are marked.
          {hasVoted ? null : (
            <Button size="sm" look="quiet" onClick={() => void vote(null)}>
              None is better
            </Button>
          )}
        </p>
      ) : null}
    </>
  );
}
