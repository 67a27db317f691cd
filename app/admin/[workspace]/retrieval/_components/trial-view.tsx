'use client';

import { Ban, Bookmark, BookmarkCheck } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Card } from '#app/_components/ui/page.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';
import type { Trial, TrialCandidate } from '#lib/retrieval/golden-set.ts';
import { describeFate } from '../_state/describe-fate.ts';

function Rank({ name, rank, score }: { readonly name: string; readonly rank: number | null; readonly score: string }) {
  return (
    <div className="min-w-20">
      <dt className="text-xs text-ink-faint">{name}</dt>
      <dd className="text-sm tabular-nums">
        {rank === null ? (
          <span className="text-ink-faint">not found</span>
        ) : (
          <>
            <span className="font-medium">{rank}.</span> <span className="text-ink-soft">{score}</span>
          </>
        )}
      </dd>
    </div>
  );
}

/** Everything that led to the sources of one question, and the marks that make it part of the golden set. */
export function TrialView({
  workspace,
  trial,
  canMark,
  markPassage,
  markUnanswerable,
}: {
  readonly workspace: string;
  readonly trial: Trial;
  readonly canMark: boolean;
  readonly markPassage: (input: {
    workspace: string;
    question: string;
    chunkId: string;
    isWanted: boolean;
  }) => Promise<ActionResult<unknown>>;
  readonly markUnanswerable: (input: { workspace: string; question: string }) => Promise<ActionResult<unknown>>;
}) {
  const router = useRouter();
  const marking = useAction(markPassage);
  const refusing = useAction(markUnanswerable);
  const isSupported = trial.supportScore >= trial.supportThreshold;
  const problem = marking.error ?? refusing.error;
  const rankOf = (chunkId: string) => trial.candidates.find((each) => each.chunkId === chunkId)?.fusedRank;
  const isReranked = trial.candidates.some((each) => each.rerankScore !== null);
  const toggle = (candidate: TrialCandidate) =>
    marking.run({ workspace, question: trial.query, chunkId: candidate.chunkId, isWanted: !candidate.isMarked }, () =>
      router.refresh(),
    );
  return (
    <div className="mt-6">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2 text-sm">
        <Badge tone={isSupported ? 'accent' : 'warn'}>{isSupported ? 'Would be answered' : 'Would be refused'}</Badge>
        <span className="tabular-nums text-ink-soft">
          support {trial.supportScore.toFixed(2)}, threshold {trial.supportThreshold.toFixed(2)}
        </span>
        <span className="tabular-nums text-ink-faint">
          {Math.round(trial.timingsMs.total)} ms
          {trial.denseMethod === 'index' ? ', vectors by index' : ', all vectors compared'}
        </span>
      </div>
      {trial.plan.parts.length > 0 ? (
        <p className="mt-2 text-sm text-ink-soft">
          Searched for in parts as well: {trial.plan.parts.map((part) => `“${part}”`).join(', ')}
        </p>
      ) : null}
      {trial.plan.documentTitles.length > 0 ? (
        <p className="mt-2 text-sm text-ink-soft">
          Only in {trial.plan.documentTitles.map((title) => `“${title}”`).join(', ')}, because the question names it.
        </p>
      ) : null}
      {trial.rerankProblem === null ? null : (
        <Callout tone="warn" className="mt-3">
          Nothing was reranked: {trial.rerankProblem}
        </Callout>
      )}
      {problem === null ? null : (
        <Callout tone="danger" className="mt-3">
          {problem}
        </Callout>
      )}
      {trial.candidates.length === 0 ? (
        <p className="mt-6 text-sm text-ink-soft">Neither search found anything in this workspace.</p>
      ) : (
        <Card className="mt-5 overflow-hidden">
          <ol className="divide-y divide-line">
            {trial.candidates.map((candidate) => (
              <li
                key={candidate.chunkId}
                className={classNames('px-4 py-4 sm:px-5', candidate.fate.kind === 'source' ? '' : 'bg-paper/60')}
              >
                <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
                  <p className="min-w-0 flex-1 basis-60 text-sm font-medium [overflow-wrap:anywhere]">
                    {candidate.documentTitle}, page {candidate.pageNumber}
                    {candidate.headings.length > 0 ? (
                      <span className="block text-[0.8125rem] font-normal text-ink-faint">
                        {candidate.headings.join(' › ')}
                      </span>
                    ) : null}
                  </p>
                  <Badge tone={candidate.fate.kind === 'source' ? 'accent' : 'neutral'}>
                    {describeFate(candidate.fate, rankOf)}
                  </Badge>
                </div>
                <dl className="mt-2 flex flex-wrap gap-x-6 gap-y-2">
                  <Rank
                    name="By words"
                    rank={candidate.lexical?.rank ?? null}
                    score={candidate.lexical?.score.toFixed(2) ?? ''}
                  />
                  <Rank
                    name="By meaning"
                    rank={candidate.dense?.rank ?? null}
                    score={candidate.dense?.similarity.toFixed(2) ?? ''}
                  />
                  <Rank name="Together" rank={candidate.fusedRank} score={candidate.fusedScore.toFixed(4)} />
                  {isReranked ? (
                    <div>
                      <dt className="text-xs text-ink-faint">Reranker</dt>
                      <dd className="text-sm tabular-nums">{candidate.rerankScore?.toFixed(3) ?? 'not read'}</dd>
                    </div>
                  ) : null}
                </dl>
                <p className="mt-2 line-clamp-4 whitespace-pre-line font-serif text-[0.9375rem] leading-relaxed text-ink-soft">
                  {candidate.text}
                </p>
                {canMark ? (
                  <Button
                    size="sm"
                    look={candidate.isMarked ? 'primary' : 'secondary'}
                    aria-pressed={candidate.isMarked}
                    className="mt-3"
                    disabled={marking.isPending}
                    onClick={() => toggle(candidate)}
                  >
                    {candidate.isMarked ? <BookmarkCheck aria-hidden /> : <Bookmark aria-hidden />}
                    {candidate.isMarked ? 'Marked as right' : 'Should be found'}
                  </Button>
                ) : null}
              </li>
            ))}
          </ol>
        </Card>
      )}
      {canMark ? (
        <div className="mt-4 flex flex-wrap items-center gap-3">
          <Button
            size="sm"
            aria-pressed={trial.kind === 'unanswerable'}
            isPending={refusing.isPending}
            disabled={trial.kind === 'unanswerable'}
            onClick={() => refusing.run({ workspace, question: trial.query }, () => router.refresh())}
          >
            <Ban aria-hidden />
            {trial.kind === 'unanswerable'
              ? 'Marked: the documents do not answer this'
              : 'The documents do not answer this'}
          </Button>
        </div>
      ) : null}
    </div>
  );
}
