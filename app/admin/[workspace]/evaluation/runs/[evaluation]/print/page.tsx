import type { Metadata } from 'next';
import Link from 'next/link';
import { notFound } from 'next/navigation';
import { Button } from '#app/_components/ui/button.tsx';
import { Card, Page, Section } from '#app/_components/ui/page.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { CaseDetails } from '../../../_components/case-details.tsx';
import { PrintButton } from '../../../_components/print-button.tsx';
import { ReportBody } from '../../../_components/report-body.tsx';
import { ReportFacts } from '../../../_components/report-facts.tsx';
import { openRun } from '../../../_state/open-report.ts';
import { caseChanges, changeWords } from '../../../_state/verdict-words.ts';

export const metadata: Metadata = { title: 'Evaluation report' };

/** What both pass fills paper and tells nothing. */
const PRINTED = caseChanges.filter((change) => change !== 'still-passing' && change !== 'open');

export default async function PrintedReportPage({
  params,
}: {
  readonly params: Promise<{ readonly workspace: string; readonly evaluation: string }>;
}) {
  const { workspace: slug, evaluation: evaluationId } = await params;
  const report = `/admin/${slug}/evaluation/runs/${evaluationId}`;
  const { deps, authorized, workspace } = await requireWorkspacePage(slug, 'evaluation.read', `${report}/print`);
  const opened = await openRun(deps, authorized, evaluationId);
  if (opened.isMoving) notFound();
  const { summary, cases } = opened.report;
  return (
    <div className="on-paper min-h-dvh bg-white text-ink [color-scheme:light]">
      <Page
        title={`${summary.challenger.name} against ${summary.champion.name}`}
        lead={`${workspace.name}, ${summary.createdAt.toISOString().slice(0, 16).replace('T', ' ')} UTC. ${summary.title}.`}
        actions={
          <span className="flex gap-2 print:hidden">
            <PrintButton />
            <Button asChild>
              <Link href={report}>Back to the report</Link>
            </Button>
          </span>
        }
      >
        <ReportBody report={opened.report} obstacle={null} isWhole />
        {PRINTED.map((change) => {
          const members = cases.filter((view) => view.change === change);
          return members.length === 0 ? null : (
            <Section
              key={change}
              title={`${changeWords[change].label}: ${members.length}`}
              lead={changeWords[change].meaning}
            >
              <Card className="divide-y divide-line">
                {members.map((view) => (
                  <CaseDetails
                    key={view.key}
                    workspace={slug}
                    evaluationId={evaluationId}
                    view={view}
                    championName={summary.champion.name}
                    challengerName={summary.challenger.name}
                    isOpen
                  />
                ))}
              </Card>
            </Section>
          );
        })}
        <Section title="What was compared">
          <ReportFacts workspace={slug} report={opened.report} />
        </Section>
      </Page>
    </div>
  );
}
