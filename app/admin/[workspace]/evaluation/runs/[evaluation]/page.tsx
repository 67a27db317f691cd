import { Download, Printer } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Card, Page, Section } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import type { EvaluationReport } from '#lib/evaluation/read-evaluation.ts';
import { explainStanding } from '#lib/registry/require-passing-decision.ts';
import { readServingVersion } from '#lib/registry/serving-version.ts';
import { CaseDetails } from '../../_components/case-details.tsx';
import { CopyLink } from '../../_components/copy-link.tsx';
import { ProgressPanel } from '../../_components/progress-panel.tsx';
import { ReportBody } from '../../_components/report-body.tsx';
import { ReportFacts } from '../../_components/report-facts.tsx';
import { RunControl } from '../../_components/run-controls.tsx';
import { OverrideButton, PromoteButton } from '../../_components/serve-buttons.tsx';
import { VerdictBadge } from '../../_components/verdict-badge.tsx';
import { openRun } from '../../_state/open-report.ts';
import { type CaseChange, caseChanges, changeWords } from '../../_state/verdict-words.ts';

export const metadata: Metadata = { title: 'Evaluation report' };

const CASES_A_PAGE = 25;
const first = (value: string | readonly string[] | undefined) => (typeof value === 'string' ? value : undefined);

function Cases({
  slug,
  report,
  asked,
}: {
  readonly slug: string;
  readonly report: EvaluationReport;
  readonly asked: {
    readonly show: string | undefined;
    readonly page: string | undefined;
    readonly key: string | undefined;
  };
}) {
  const { cases, summary } = report;
  const counts = Map.groupBy(cases, ({ change }) => change);
  const groups = caseChanges.filter((change) => counts.has(change));
  const named = cases.find(({ caseKey }) => caseKey === asked.key);
  const shown: CaseChange | undefined = groups.find((change) => change === (asked.show ?? named?.change)) ?? groups[0];
  if (shown === undefined) return null;
  const members = counts.get(shown) ?? [];
  const pages = Math.ceil(members.length / CASES_A_PAGE);
  const wanted = named === undefined ? Number(asked.page ?? 1) : Math.floor(members.indexOf(named) / CASES_A_PAGE) + 1;
  const page = Number.isInteger(wanted) ? Math.min(pages, Math.max(1, wanted)) : 1;
  const address = `/admin/${slug}/evaluation/runs/${summary.id}`;
  return (
    <Section title="Cases" lead={changeWords[shown].meaning}>
      <nav aria-label="Kinds of cases" className="mb-4 flex flex-wrap gap-1.5">
        {groups.map((change) => (
          <Link
            key={change}
            href={`${address}?show=${change}`}
            scroll={false}
            aria-current={change === shown ? 'true' : undefined}
            className={classNames(
              'rounded-full border px-3 py-1.5 text-[0.8125rem] tabular-nums transition-colors',
              change === shown
                ? 'border-accent bg-accent-soft font-medium text-accent-text'
                : 'border-line-strong text-ink-soft hover:border-control hover:text-ink',
            )}
          >
            {changeWords[change].label} {counts.get(change)?.length ?? 0}
          </Link>
        ))}
      </nav>
      <Card className="divide-y divide-line overflow-hidden">
        {members.slice((page - 1) * CASES_A_PAGE, page * CASES_A_PAGE).map((view, index) => (
          <CaseDetails
            key={view.key}
            workspace={slug}
            evaluationId={summary.id}
            view={view}
            championName={summary.champion.name}
            challengerName={summary.challenger.name}
            isOpen={named === undefined ? index === 0 && page === 1 : view.key === named.key}
          />
        ))}
      </Card>
      {pages > 1 ? (
        <nav aria-label="Pages of cases" className="mt-4 flex items-center justify-between text-sm">
          {page > 1 ? (
            <Link
              className="underline underline-offset-4"
              scroll={false}
              href={`${address}?show=${shown}&page=${page - 1}`}
            >
              Previous
            </Link>
          ) : (
            <span />
          )}
          <span className="tabular-nums text-ink-faint">
            {page} of {pages}
          </span>
          {page < pages ? (
            <Link
              className="underline underline-offset-4"
              scroll={false}
              href={`${address}?show=${shown}&page=${page + 1}`}
            >
              Next
            </Link>
          ) : (
            <span />
          )}
        </nav>
      ) : null}
    </Section>
  );
}

export default async function ReportPage({
  params,
  searchParams,
}: {
  readonly params: Promise<{ readonly workspace: string; readonly evaluation: string }>;
  readonly searchParams: Promise<Readonly<Record<string, string | readonly string[] | undefined>>>;
}) {
  const [{ workspace: slug, evaluation: evaluationId }, query] = await Promise.all([params, searchParams]);
  const path = `/admin/${slug}/evaluation/runs/${evaluationId}`;
  const { deps, authorized, permissions } = await requireWorkspacePage(slug, 'evaluation.read', path);
  const opened = await openRun(deps, authorized, evaluationId);
  const summary = opened.isMoving ? opened.progress.summary : opened.report.summary;
  const canRun = permissions.includes('evaluation.run');
  const head = {
    title: (
      <span className="flex flex-wrap items-center gap-x-4 gap-y-2">
        {summary.challenger.name} <VerdictBadge summary={summary} />
      </span>
    ),
    lead: (
      <>
        {summary.title}, against {summary.champion.name}, started <Time value={summary.createdAt.toISOString()} />
        {summary.createdByName === null ? '' : ` by ${summary.createdByName}`}.
      </>
    ),
  };
  if (opened.isMoving) {
    return (
      <Page
        {...head}
        actions={
          canRun && !summary.isCancelRequested ? (
            <RunControl kind="cancel" workspace={slug} evaluationId={evaluationId} />
          ) : null
        }
      >
        <ProgressPanel progress={opened.progress} />
      </Page>
    );
  }

  const { report } = opened;
  const { standing, verdict } = report;
  const serving = await readServingVersion(deps, authorized);
  const isServing = serving !== null && serving.id === summary.challenger.versionId;
  const obstacle = isServing
    ? 'It serves this workspace now.'
    : standing === null
      ? null
      : explainStanding(standing, serving?.id ?? null);
  const { versionId } = summary.challenger;
  return (
    <Page
      {...head}
      actions={
        <>
          <CopyLink path={path} />
          <Button asChild>
            <Link href={`${path}/print`}>
              <Printer aria-hidden />
              Print
            </Link>
          </Button>
          {(['json', 'csv', 'junit'] as const).map((format) => (
            <Button key={format} asChild>
              <a href={`/api/w/${slug}/evaluations/${evaluationId}/export?format=${format}`} download>
                <Download aria-hidden />
                {format === 'junit' ? 'JUnit' : format.toUpperCase()}
              </a>
            </Button>
          ))}
        </>
      }
    >
      {summary.state === 'failed' || summary.state === 'cancelled' ? (
        <Callout
          tone={summary.state === 'failed' ? 'danger' : 'warn'}
          className="mb-6"
          title={summary.state === 'failed' ? 'The run broke off' : 'The run was cancelled'}
          actions={canRun ? <RunControl kind="resume" workspace={slug} evaluationId={evaluationId} /> : null}
        >
          {summary.error ?? 'What was answered until then is kept, and going on asks only the rest.'}
        </Callout>
      ) : null}
      <ReportBody report={report} obstacle={obstacle} isWhole={false}>
        {verdict?.verdict === 'pass' &&
        obstacle === null &&
        versionId !== null &&
        permissions.includes('adapter.promote') ? (
          <PromoteButton workspace={slug} versionId={versionId} label={summary.challenger.name} />
        ) : null}
        {standing !== null && !standing.isPolicyCurrent && canRun ? (
          <RunControl kind="decide" workspace={slug} evaluationId={evaluationId} />
        ) : null}
        {versionId !== null && canRun && !isServing ? (
          <Button asChild>
            <Link href={`/admin/${slug}/evaluation/new?version=${versionId}`}>Evaluate again</Link>
          </Button>
        ) : null}
        {versionId !== null && !isServing && obstacle !== null && permissions.includes('gate.override') ? (
          <OverrideButton workspace={slug} versionId={versionId} label={summary.challenger.name} />
        ) : null}
      </ReportBody>
      <Cases
        slug={slug}
        report={report}
        asked={{ show: first(query['show']), page: first(query['page']), key: first(query['case']) }}
      />
      <Section title="What was compared">
        <ReportFacts workspace={slug} report={report} />
      </Section>
    </Page>
  );
}
