import Link from 'next/link';
import { Card } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import type { EvaluationReport } from '#lib/evaluation/read-evaluation.ts';
import { FactList, Hash } from '../../adapters/_components/fact-list.tsx';

function Side({
  workspace,
  side,
}: {
  readonly workspace: string;
  readonly side: EvaluationReport['summary']['champion'];
}) {
  return (
    <>
      {side.versionId === null ? (
        side.name
      ) : (
        <Link className="underline underline-offset-4" href={`/admin/${workspace}/adapters/versions/${side.versionId}`}>
          {side.name}
        </Link>
      )}
      {side.sha256 === null ? null : (
        <>
          <br />
          <Hash value={side.sha256} />
        </>
      )}
    </>
  );
}

/** Everything that produced the answers. */
export function ReportFacts({ workspace, report }: { readonly workspace: string; readonly report: EvaluationReport }) {
  const { summary, settings, pinned, suites, standing, answerConfigId } = report;
  return (
    <Card className="px-4 py-2 sm:px-5">
      <FactList
        facts={[
          ['Challenger', <Side key="challenger" workspace={workspace} side={summary.challenger} />],
          ['Served then', <Side key="champion" workspace={workspace} side={summary.champion} />],
          [
            'Suites',
            <ul key="suites">
              {suites.map((suite) => (
                <li key={suite.id}>
                  <Link
                    className="underline underline-offset-4"
                    href={`/admin/${workspace}/evaluation/suites/${suite.id}?revision=${suite.revisionNumber}`}
                  >
                    {suite.name}, revision {suite.revisionNumber}
                  </Link>
                </li>
              ))}
            </ul>,
          ],
          [
            'Asked',
            `${settings.repeats === 1 ? 'once' : `${settings.repeats} times`}, temperature 0, seed ${settings.seed}${settings.isAlsoAlone ? ', also without sources' : ''}`,
          ],
          ...(pinned === null
            ? []
            : [
                [
                  'Base model',
                  <>
                    {pinned.baseModel ?? 'none'}
                    {pinned.baseSha256 === null ? null : (
                      <>
                        <br />
                        <Hash value={pinned.baseSha256} />
                      </>
                    )}
                  </>,
                ] as const,
                ['Embedding model', pinned.embeddingModel ?? 'none'] as const,
                ['Documents', <Hash key="documents" value={pinned.documentsSha256} />] as const,
              ]),
          ['Answer settings', <Hash key="config" value={answerConfigId} />],
          ...(standing === null
            ? []
            : [
                [
                  'Decided',
                  <>
                    <Time value={standing.decision.createdAt.toISOString()} />
                    {standing.decision.verdict === 'pass' ? (
                      <>, worth something until {standing.decision.expiresAt.toISOString().slice(0, 10)}</>
                    ) : null}
                    {standing.isPolicyCurrent ? ', under the policy of now' : ', under a policy that was changed since'}
                  </>,
                ] as const,
              ]),
        ]}
      />
    </Card>
  );
}
