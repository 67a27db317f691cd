import type { Metadata } from 'next';
import Link from 'next/link';
import { notFound } from 'next/navigation';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Card, Page } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { readAddressed, requireWorkspacePage } from '#app/_server/page.ts';
import { readCaseHistory } from '#lib/evaluation/read-evaluation.ts';
import { readSuite } from '#lib/evaluation/suites.ts';
import { stateWords } from '../../../../_state/verdict-words.ts';

export const metadata: Metadata = { title: 'History of a case' };

export default async function CaseHistoryPage({
  params,
}: {
  readonly params: Promise<{ readonly workspace: string; readonly suite: string; readonly key: string }>;
}) {
  const { workspace: slug, suite: suiteId, key } = await params;
  const suitePath = `/admin/${slug}/evaluation/suites/${suiteId}`;
  const { deps, authorized } = await requireWorkspacePage(slug, 'evaluation.read', `${suitePath}/cases/${key}`);
  const { suite, cases } = await readAddressed([suiteId], () => readSuite(deps, authorized, { suiteId }));
  const history = await readCaseHistory(deps, authorized, { suiteId, caseKey: key });
  const testCase = cases.find((each) => each.key === key);
  if (testCase === undefined && history.length === 0) notFound();
  return (
    <Page
      title={testCase?.question ?? key}
      lead={
        <>
          How this case has gone in every run, newest first.{' '}
          <Link className="underline underline-offset-4" href={`${suitePath}?case=${key}`}>
            {suite.name}
          </Link>
          {testCase === undefined ? ' holds it no more.' : ''}
        </>
      }
    >
      {history.length === 0 ? (
        <p className="text-sm text-ink-soft">No run has asked it yet.</p>
      ) : (
        <Card>
          <ol className="divide-y divide-line">
            {history.map((entry) => (
              <li
                key={`${entry.evaluationId}-${entry.system.sha256 ?? 'base'}-${entry.createdAt.toISOString()}`}
                className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3 text-sm sm:px-5"
              >
                <Badge tone={stateWords[entry.state].tone}>{stateWords[entry.state].label}</Badge>
                <span className="min-w-0 flex-1 basis-40 font-medium">{entry.system.name}</span>
                <span className="text-[0.8125rem] text-ink-faint">
                  revision {entry.revisionNumber} · <Time value={entry.createdAt.toISOString()} /> ·{' '}
                  <Link
                    className="underline underline-offset-4"
                    href={`/admin/${slug}/evaluation/runs/${entry.evaluationId}?case=${key}`}
                  >
                    report
                  </Link>
                </span>
              </li>
            ))}
          </ol>
        </Card>
      )}
    </Page>
  );
}
