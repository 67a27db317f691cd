import { Search } from 'lucide-react';
import type { Metadata } from 'next';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { Page, Section } from '#app/_components/ui/page.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { MarksButton } from '#app/admin/[workspace]/evaluation/_components/marks-button.tsx';
import { RunList } from '#app/admin/[workspace]/jobs/_components/run-list.tsx';
import { cancelRun, retryRun } from '#app/admin/[workspace]/jobs/actions.ts';
import { AppError } from '#lib/domain/errors.ts';
import { listRunViews } from '#lib/jobs/manage-runs.ts';
import { readRetrievalOverview, type Trial, tryQuery } from '#lib/retrieval/golden-set.ts';
import type { SearchDeps } from '#lib/retrieval/search.ts';
import { EvaluationTrend } from './_components/evaluation-trend.tsx';
import { GoldenList } from './_components/golden-list.tsx';
import { RefusalCurve } from './_components/refusal-curve.tsx';
import { TrialView } from './_components/trial-view.tsx';
import {
  applySupportThreshold,
  markPassage,
  markUnanswerable,
  measureRetrieval,
  removeGoldenQuestion,
} from './actions.ts';

export const metadata: Metadata = { title: 'Retrieval' };

const MAX_QUERY_LENGTH = 500;
const SHOWN_RUNS = 1;

/** What stands in the way of a trial is said in its place; the rest of the page is there all the same. */
async function readTrial(
  deps: SearchDeps,
  access: Parameters<typeof tryQuery>[1],
  query: string,
): Promise<{ readonly trial: Trial | null; readonly problem: string | null }> {
  if (query === '') return { trial: null, problem: null };
  try {
    return { trial: await tryQuery(deps, access, query), problem: null };
  } catch (error) {
    if (!AppError.isInstance(error)) throw error;
    return { trial: null, problem: error.userMessage };
  }
}

export default async function RetrievalPage({
  params,
  searchParams,
}: {
  readonly params: Promise<{ readonly workspace: string }>;
  readonly searchParams: Promise<{ readonly q?: string | readonly string[] }>;
}) {
  const [{ workspace: slug }, { q }] = await Promise.all([params, searchParams]);
  const query = (typeof q === 'string' ? q : '').trim().slice(0, MAX_QUERY_LENGTH);
  const path = `/admin/${slug}/retrieval`;
  const { deps, authorized, permissions } = await requireWorkspacePage(slug, 'evaluation.read', path);
  const mayReadRuns = await requireWorkspacePage(slug, 'run.read', path);
  const [overview, runs, { trial, problem }] = await Promise.all([
    readRetrievalOverview(deps, authorized),
    listRunViews(deps, mayReadRuns.authorized, { limit: SHOWN_RUNS, kind: 'retrieval.evaluate' }),
    readTrial(deps, authorized, query),
  ]);
  const [run] = runs;
  const isMeasuring = run?.state === 'queued' || run?.state === 'running';
  return (
    <Page
      title="Retrieval"
      lead="What a question finds, and why. Mark what it should have found: the marks show whether a change makes search better or worse."
    >
      <Section title="Try a question">
        <form method="get" className="flex flex-wrap items-end gap-2">
          <Field label="Question" isLabelHidden className="min-w-0 flex-1 basis-72">
            {(ids) => (
              <Input
                {...ids}
                key={query}
                name="q"
                type="search"
                required
                maxLength={MAX_QUERY_LENGTH}
                defaultValue={query}
                placeholder="How often must the seal be oiled?"
              />
            )}
          </Field>
          <Button type="submit" look="primary">
            <Search aria-hidden />
            Search
          </Button>
        </form>
        {problem === null ? null : (
          <Callout tone="danger" className="mt-4">
            {problem}
          </Callout>
        )}
        {trial === null ? null : (
          <TrialView
            workspace={slug}
            trial={trial}
            canMark={permissions.includes('evaluation.write')}
            markPassage={markPassage}
            markUnanswerable={markUnanswerable}
          />
        )}
      </Section>
      <Section
        title="Golden set"
        lead="Questions with the passages that they should find, and questions that the documents do not answer."
        actions={
          overview.questions.length > 0 && permissions.includes('evaluation.write') ? (
            <MarksButton workspace={slug} label="Make test cases of them" />
          ) : null
        }
      >
        <GoldenList
          workspace={slug}
          questions={overview.questions}
          canEdit={permissions.includes('evaluation.write')}
          canMeasure={permissions.includes('evaluation.run')}
          isMeasuring={isMeasuring}
          removeGoldenQuestion={removeGoldenQuestion}
          measureRetrieval={measureRetrieval}
        />
        {run !== undefined && run.state !== 'succeeded' ? (
          <div className="mt-4">
            <RunList
              workspace={slug}
              runs={runs}
              canCancel={permissions.includes('run.cancel')}
              cancelRun={cancelRun}
              retryRun={retryRun}
            />
          </div>
        ) : null}
      </Section>
      {overview.evaluations.some(({ rankedQuestions }) => rankedQuestions > 0) ? (
        <Section
          title="Trend"
          lead="How high the marked passages stand, measurement by measurement. 1 is perfect: every marked passage first."
        >
          <EvaluationTrend evaluations={overview.evaluations} />
        </Section>
      ) : null}
      <Section
        title="Refusals"
        lead="An answer whose sources support it too little is a refusal. A higher threshold refuses more of what the documents do not answer, and more of what they do."
      >
        {overview.curve.length === 0 ? (
          <p className="text-sm leading-relaxed text-ink-soft">
            The curve needs questions of both kinds, those that the documents answer and those that they do not, and one
            measurement. In use: {overview.supportThreshold.toFixed(2)}.
          </p>
        ) : (
          <RefusalCurve
            key={overview.supportThreshold}
            workspace={slug}
            curve={overview.curve}
            counts={overview.sampleCounts}
            proposed={overview.proposed}
            active={overview.supportThreshold}
            canApply={permissions.includes('workspace.configure')}
            applySupportThreshold={applySupportThreshold}
          />
        )}
      </Section>
    </Page>
  );
}
