'use client';

import { Check, Pencil, Undo2, X } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { ConfirmDialog } from '#app/_components/ui/confirm-dialog.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { countOf } from '#app/_components/ui/format-amount.ts';
import { Card } from '#app/_components/ui/page.tsx';
import { RunButtons, RunError } from '#app/_components/ui/run-buttons.tsx';
import { isMoving, RunProgress } from '#app/_components/ui/run-progress.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';
import type { DraftView } from '#lib/evaluation/draft-cases.ts';
import type { DraftReport } from '#lib/evaluation/draft-set.ts';
import type { RunView } from '#lib/jobs/manage-runs.ts';
import { describeAssertion } from '../_state/assertion-looks.ts';
import { cancelDrafts, discardDrafts, editDraft, resumeDrafts, reviewDrafts, takeInDrafts } from '../actions.ts';
import { CaseForm } from './case-form.tsx';
import { CaseSourceNote } from './case-source.tsx';

interface DraftReviewProps {
  readonly workspace: string;
  readonly draftSetId: string;
  /** Null: the suite is made when the first cases are taken in. */
  readonly suiteId: string | null;
  readonly suiteName: string;
  readonly drafts: readonly DraftView[];
  readonly report: DraftReport;
  readonly run: RunView | null;
  readonly canWrite: boolean;
  readonly documents: readonly { readonly id: string; readonly title: string }[];
}

const stateLooks = {
  open: null,
  accepted: { label: 'accepted', tone: 'accent' },
  dropped: { label: 'dropped', tone: 'neutral' },
  taken: { label: 'in the suite', tone: 'neutral' },
} as const;

function describeReport({ read, unasked, known }: DraftReport, count: number): string {
  return [
    `${countOf(count, 'draft')} from ${countOf(read, 'statement')}`,
    ...(unasked > 0 ? [`${unasked} times the model wrote no question of use`] : []),
    ...(known > 0 ? [`${known} asked already`] : []),
  ].join(' · ');
}

/** What the model has written, for a person to accept, edit or drop. Nothing of it is asked before it is in a revision. */
export function DraftReview(props: DraftReviewProps) {
  const { workspace, draftSetId, suiteId, suiteName, drafts, report, run, canWrite, documents } = props;
  const router = useRouter();
  const [editing, setEditing] = useState<DraftView | null>(null);
  const [name, setName] = useState(suiteName);
  const review = useAction(reviewDrafts);
  const edit = useAction(editDraft);
  const take = useAction(takeInDrafts);
  useRefreshWhile(isMoving(run));
  const set = { workspace, draftSetId };
  const suites = `/admin/${workspace}/evaluation/suites`;
  const documentIds = new Set(documents.map(({ id }) => id));
  const accepted = drafts.filter(({ state }) => state === 'accepted');
  const unquestioned = drafts.filter(({ state, doubt }) => state === 'open' && doubt === null);

  const decide = (draftIds: readonly string[], state: 'open' | 'accepted' | 'dropped') =>
    review.run({ ...set, draftIds: [...draftIds], state }, () => router.refresh());
  return (
    <>
      <Card className="mb-6">
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3.5 sm:px-5">
          <div className="min-w-0 flex-1 basis-56">
            <p className="text-sm font-medium" aria-live="polite">
              {run === null || run.state === 'succeeded'
                ? 'Written'
                : run.state === 'failed'
                  ? 'Writing stopped'
                  : run.state === 'cancelled'
                    ? 'Writing was cancelled'
                    : 'The model is writing'}
            </p>
            <p className="text-[0.8125rem] leading-snug text-ink-faint">{describeReport(report, drafts.length)}</p>
            <RunError run={run} />
          </div>
          <RunProgress run={run} />
          {canWrite ? <RunButtons run={run} cancel={() => cancelDrafts(set)} retry={() => resumeDrafts(set)} /> : null}
          {canWrite ? (
            <ConfirmDialog
              trigger={
                <Button size="sm" look="quiet">
                  Discard
                </Button>
              }
              title="Discard these drafts?"
              description="The drafts are forgotten, and writing stops. Cases that are in the suite already stay there."
              confirmLabel="Discard the drafts"
              onConfirm={async () => {
                const result = await discardDrafts(set);
                if (!result.ok) {
                  toast.error(result.error.message);
                  return false;
                }
                router.push(suiteId === null ? suites : `${suites}/${suiteId}`);
                return true;
              }}
            />
          ) : null}
        </div>
      </Card>

      {review.error === null ? null : (
        <Callout tone="danger" className="mb-4">
          {review.error}
        </Callout>
      )}
      {canWrite && unquestioned.length > 1 ? (
        <div className="mb-3 flex flex-wrap items-center justify-between gap-3">
          <p className="text-[0.8125rem] text-ink-soft">
            Read each before you accept it: the gate will hold adapters to what it says.
          </p>
          <Button
            size="sm"
            isPending={review.isPending}
            onClick={() =>
              decide(
                unquestioned.map(({ id }) => id),
                'accepted',
              )
            }
          >
            <Check aria-hidden />
            Accept the {unquestioned.length} without doubts
          </Button>
        </div>
      ) : null}
      {drafts.length === 0 ? (
        <p className="text-sm text-ink-soft">
          {isMoving(run) ? 'The first draft appears as soon as it is written.' : 'There are no drafts.'}
        </p>
      ) : (
        <Card>
          <ul aria-label="Drafts" className="divide-y divide-line">
            {drafts.map((draft) => (
              <DraftRow
                key={draft.id}
                draft={draft}
                workspace={workspace}
                isLinked={documentIds.has(draft.testCase.source?.documentId ?? '')}
                canWrite={canWrite}
                onDecide={(state) => decide([draft.id], state)}
                onEdit={() => setEditing(draft)}
              />
            ))}
          </ul>
        </Card>
      )}

      {canWrite && accepted.length > 0 ? (
        <form
          aria-label="Take in"
          className="sticky bottom-3 z-10 mt-4 rounded-xl border border-line-strong bg-raised p-4 shadow-float"
          onSubmit={(event) => {
            event.preventDefault();
            take.run({ ...set, suiteName: name }, ({ suiteId: into, added }) => {
              toast.success(
                added === accepted.length
                  ? `Added ${countOf(added, 'case')}.`
                  : `Added ${countOf(added, 'case')}; ${accepted.length - added} asked what the suite asks already.`,
              );
              router.push(`${suites}/${into}`);
            });
          }}
        >
          {take.error === null ? null : (
            <Callout tone="danger" className="mb-3">
              {take.error}
            </Callout>
          )}
          <div className="flex flex-wrap items-end justify-between gap-3">
            {suiteId === null ? (
              <Field
                label={`Name of the suite, with ${countOf(accepted.length, 'accepted draft')}`}
                className="min-w-0 flex-1 basis-56"
              >
                {(ids) => (
                  <Input
                    {...ids}
                    required
                    maxLength={120}
                    value={name}
                    onChange={(event) => setName(event.target.value)}
                  />
                )}
              </Field>
            ) : (
              <p className="min-w-0 flex-1 basis-56 self-center text-sm text-ink-soft">
                {countOf(accepted.length, 'accepted draft')} {accepted.length === 1 ? 'becomes a case' : 'become cases'}{' '}
                of one new revision.
              </p>
            )}
            <Button type="submit" look="primary" isPending={take.isPending}>
              {suiteId === null ? 'Make the suite' : 'Add to the suite'}
            </Button>
          </div>
        </form>
      ) : null}

      <Dialog
        isOpen={editing !== null}
        onOpenChange={(isOpen) => {
          if (!isOpen) setEditing(null);
        }}
        title="Edit the draft"
        description="Saving accepts it."
        className="max-w-2xl"
      >
        {editing?.testCase.source === undefined ? null : (
          <div className="mb-5">
            <CaseSourceNote
              workspace={workspace}
              source={editing.testCase.source}
              isLinked={documentIds.has(editing.testCase.source.documentId)}
            />
          </div>
        )}
        {editing === null ? null : (
          <CaseForm
            workspace={workspace}
            initial={editing.testCase}
            saveLabel="Save and accept"
            isPending={edit.isPending}
            error={edit.error}
            documentTitles={[...new Set(documents.map(({ title }) => title))]}
            areas={['grounding', 'citations', 'refusal']}
            onSave={(testCase) =>
              edit.run({ ...set, draftId: editing.id, testCase }, () => {
                setEditing(null);
                router.refresh();
              })
            }
          />
        )}
      </Dialog>
    </>
  );
}

function DraftRow({
  draft,
  workspace,
  isLinked,
  canWrite,
  onDecide,
  onEdit,
}: {
  readonly draft: DraftView;
  readonly workspace: string;
  readonly isLinked: boolean;
  readonly canWrite: boolean;
  readonly onDecide: (state: 'open' | 'accepted' | 'dropped') => void;
  readonly onEdit: () => void;
}) {
  const { testCase, state, doubt } = draft;
  const look = stateLooks[state];
  const isDropped = state === 'dropped';
  const { question, source, assertions } = testCase;
  return (
    <li className="flex flex-wrap items-start gap-x-3 gap-y-2 px-4 py-4 sm:flex-nowrap sm:px-5">
      <div className="min-w-0 flex-1 basis-full sm:basis-0">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-sm font-medium [overflow-wrap:anywhere]">
          <span className={classNames(isDropped && 'font-normal text-ink-soft line-through')}>{question}</span>
          {look === null ? null : <Badge tone={look.tone}>{look.label}</Badge>}
        </p>
        {isDropped ? null : (
          <>
            <p className="mt-0.5 text-[0.8125rem] leading-snug text-ink-soft [overflow-wrap:anywhere]">
              {assertions.map(describeAssertion).join('; ')}
            </p>
            {source === undefined ? null : <CaseSourceNote workspace={workspace} source={source} isLinked={isLinked} />}
            {doubt === null ? null : (
              <p className="mt-1.5 text-[0.8125rem] leading-snug text-warn">
                The model’s own answer does not follow from the quote ({doubt}), so the quote stands in its place. Check
                that it answers the question.
              </p>
            )}
          </>
        )}
      </div>
      {canWrite && state !== 'taken' ? (
        <div className="flex shrink-0 gap-1">
          {state === 'open' ? (
            <>
              <Button size="sm" aria-label={`Accept “${question}”`} onClick={() => onDecide('accepted')}>
                <Check aria-hidden />
                Accept
              </Button>
              <Button look="quiet" size="icon-sm" aria-label={`Edit “${question}”`} onClick={onEdit}>
                <Pencil aria-hidden />
              </Button>
              <Button look="quiet" size="icon-sm" aria-label={`Drop “${question}”`} onClick={() => onDecide('dropped')}>
                <X aria-hidden />
              </Button>
            </>
          ) : (
            <>
              <Button look="quiet" size="icon-sm" aria-label={`Edit “${question}”`} onClick={onEdit}>
                <Pencil aria-hidden />
              </Button>
              <Button
                look="quiet"
                size="icon-sm"
                aria-label={`Undo for “${question}”`}
                onClick={() => onDecide('open')}
              >
                <Undo2 aria-hidden />
              </Button>
            </>
          )}
        </div>
      ) : null}
    </li>
  );
}
