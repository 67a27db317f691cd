'use client';

import { Gauge, Trash2 } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { toast } from 'sonner';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Card, EmptyState } from '#app/_components/ui/page.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';
import type { GoldenQuestionView } from '#lib/retrieval/golden-set.ts';

function describeResult(question: GoldenQuestionView): string {
  if (question.latest === null) return 'not measured yet';
  const support = `support ${question.latest.supportScore.toFixed(2)}`;
  if (question.passages.length === 0) return support;
  return question.latest.sourceRank === null
    ? `not among the sources, ${support}`
    : `source ${question.latest.sourceRank}, ${support}`;
}

export function GoldenList({
  workspace,
  questions,
  canEdit,
  canMeasure,
  isMeasuring,
  removeGoldenQuestion,
  measureRetrieval,
}: {
  readonly workspace: string;
  readonly questions: readonly GoldenQuestionView[];
  readonly canEdit: boolean;
  readonly canMeasure: boolean;
  readonly isMeasuring: boolean;
  readonly removeGoldenQuestion: (input: { workspace: string; questionId: string }) => Promise<ActionResult<unknown>>;
  readonly measureRetrieval: (input: { workspace: string }) => Promise<ActionResult<unknown>>;
}) {
  const router = useRouter();
  const removing = useAction(removeGoldenQuestion);
  const measuring = useAction(measureRetrieval);
  const error = removing.error ?? measuring.error;
  if (questions.length === 0) {
    return (
      <EmptyState icon={<Gauge aria-hidden />} title="No questions yet">
        Try a question above and mark the passages that it should find, or say that the documents do not answer it.
        Twenty questions are enough to see whether a change helps.
      </EmptyState>
    );
  }
  return (
    <>
      {error === null ? null : (
        <Callout tone="danger" className="mb-4">
          {error}
        </Callout>
      )}
      {canMeasure ? (
        <Button
          look="primary"
          className="mb-4"
          isPending={measuring.isPending}
          disabled={isMeasuring}
          onClick={() =>
            measuring.run({ workspace }, () => {
              toast.success('Measuring. The result appears below.');
              router.refresh();
            })
          }
        >
          <Gauge aria-hidden />
          {isMeasuring ? 'Measuring' : 'Measure now'}
        </Button>
      ) : null}
      <Card>
        <ul className="max-h-[28rem] divide-y divide-line overflow-y-auto">
          {questions.map((question) => (
            <li key={question.id} className="flex items-start gap-3 px-4 py-3 sm:px-5">
              <div className="min-w-0 flex-1">
                <Link
                  href={`/admin/${workspace}/retrieval?q=${encodeURIComponent(question.question)}`}
                  className="text-sm font-medium underline-offset-4 hover:underline [overflow-wrap:anywhere]"
                >
                  {question.question}
                </Link>
                <p className="mt-0.5 text-[0.8125rem] tabular-nums text-ink-faint">{describeResult(question)}</p>
              </div>
              <Badge tone={question.kind === 'unanswerable' ? 'warn' : 'neutral'}>
                {question.kind === 'unanswerable'
                  ? 'not answered'
                  : `${question.passages.length} ${question.passages.length === 1 ? 'passage' : 'passages'}`}
              </Badge>
              {canEdit ? (
                <Button
                  look="quiet"
                  size="icon-sm"
                  aria-label={`Remove “${question.question}” from the golden set`}
                  disabled={removing.isPending}
                  onClick={() => removing.run({ workspace, questionId: question.id }, () => router.refresh())}
                >
                  <Trash2 aria-hidden />
                </Button>
              ) : null}
            </li>
          ))}
        </ul>
      </Card>
    </>
  );
}
