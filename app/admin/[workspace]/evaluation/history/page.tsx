import type { Metadata } from 'next';
import Link from 'next/link';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Card, Page, Section } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { listChampionHistory } from '#lib/registry/read-adapters.ts';
import { type Moment, readMoment } from '#lib/registry/read-moment.ts';
import { ChampionHistory } from '../../adapters/_components/champion-history.tsx';
import { FactList, Hash } from '../../adapters/_components/fact-list.tsx';
import { MomentForm } from '../_components/moment-form.tsx';

export const metadata: Metadata = { title: 'Time line' };

const SHOWN_EVENTS = 100;
const SHOWN_DOCUMENTS = 200;

const kinds = {
  promote: 'after it had passed an evaluation',
  override: 'without a passing evaluation',
  rollback: 'by a rollback',
} as const;

function MomentView({ slug, moment }: { readonly slug: string; readonly moment: Moment }) {
  const { serving, since, answered, documents, suites, policyNumber } = moment;
  const provenance = answered?.provenance ?? null;
  return (
    <div data-testid="moment">
      <Card className="px-4 py-2 sm:px-5">
        <FactList
          facts={[
            [
              'Answered',
              serving === null ? (
                'The base model alone'
              ) : (
                <>
                  {serving.isDeleted ? (
                    `${serving.label} (deleted since)`
                  ) : (
                    <Link
                      className="underline underline-offset-4"
                      href={`/admin/${slug}/adapters/versions/${serving.id}`}
                    >
                      {serving.label}
                    </Link>
                  )}
                  <br />
                  <Hash value={serving.sha256} />
                </>
              ),
            ],
            ...(since === null
              ? []
              : [
                  [
                    'Since',
                    <>
                      <Time value={since.at} />, {kinds[since.kind]}, by {since.actor}: “{since.reason}”
                      {since.evaluationId === null ? null : (
                        <>
                          {' '}
                          <Link
                            className="underline underline-offset-4"
                            href={`/admin/${slug}/evaluation/runs/${since.evaluationId}`}
                          >
                            Report
                          </Link>
                        </>
                      )}
                    </>,
                  ] as const,
                ]),
            ...(provenance === null || answered === null
              ? [['Base and prompt', 'Not known: nobody had asked anything before.'] as const]
              : [
                  [
                    'Base model',
                    <>
                      {provenance.baseModel ?? 'none: answers were quotations'}
                      {provenance.baseSha256 === null ? null : (
                        <>
                          <br />
                          <Hash value={provenance.baseSha256} />
                        </>
                      )}
                    </>,
                  ] as const,
                  [
                    'Prompt',
                    <>
                      {provenance.promptVersion}, answer settings <Hash value={provenance.answerConfigId} />
                      {provenance.chatTemplateSha256 === null ? null : (
                        <>
                          <br />
                          chat template <Hash value={provenance.chatTemplateSha256} />
                        </>
                      )}
                    </>,
                  ] as const,
                  ['Embedding model', provenance.embeddingModel] as const,
                  [
                    'As told by',
                    <>
                      the last answer before, <Time value={answered.at} />
                    </>,
                  ] as const,
                ]),
            [
              'Suites',
              suites.length === 0 ? (
                'none'
              ) : (
                <ul key="suites">
                  {suites.map((suite) => (
                    <li key={suite.suiteId}>
                      {suite.isArchived ? (
                        `${suite.name}, revision ${suite.number} (archived since)`
                      ) : (
                        <Link
                          className="underline underline-offset-4"
                          href={`/admin/${slug}/evaluation/suites/${suite.suiteId}?revision=${suite.number}`}
                        >
                          {suite.name}, revision {suite.number}
                        </Link>
                      )}
                    </li>
                  ))}
                </ul>
              ),
            ],
            [
              'Gate policy',
              policyNumber === null ? (
                'the product’s default'
              ) : (
                <Link className="underline underline-offset-4" href={`/admin/${slug}/evaluation/policy`}>
                  version {policyNumber}
                </Link>
              ),
            ],
          ]}
        />
      </Card>
      <h3 className="mb-2 mt-6 font-serif text-lg font-semibold">
        {documents.length} {documents.length === 1 ? 'document' : 'documents'}
      </h3>
      {documents.length === 0 ? (
        <p className="text-sm text-ink-soft">None was indexed by then.</p>
      ) : (
        <Card>
          <ul className="max-h-96 divide-y divide-line overflow-y-auto">
            {documents.slice(0, SHOWN_DOCUMENTS).map((document) => (
              <li
                key={document.documentId}
                className="flex flex-wrap items-baseline gap-x-3 px-4 py-2.5 text-sm sm:px-5"
              >
                <Link
                  className="min-w-0 flex-1 basis-40 underline-offset-4 hover:underline"
                  href={`/w/${slug}/sources/${document.documentId}`}
                >
                  {document.title}
                </Link>
                <span className="text-[0.8125rem] text-ink-faint">
                  version {document.ordinal}
                  {document.isCurrent ? '' : ', answers no more'}
                </span>
                <code className="font-mono text-xs text-ink-faint">{document.blobSha256.slice(0, 12)}</code>
              </li>
            ))}
          </ul>
        </Card>
      )}
      {documents.length > SHOWN_DOCUMENTS ? (
        <p className="mt-2 text-[0.8125rem] text-ink-faint">and {documents.length - SHOWN_DOCUMENTS} more</p>
      ) : null}
      <p className="mt-2 text-[0.8125rem] leading-snug text-ink-faint">
        Documents whose text was wiped since are not listed; messages keep the passages that they were given.
      </p>
    </div>
  );
}

export default async function HistoryPage({
  params,
  searchParams,
}: {
  readonly params: Promise<{ readonly workspace: string }>;
  readonly searchParams: Promise<{ readonly at?: string | readonly string[] }>;
}) {
  const [{ workspace: slug }, { at }] = await Promise.all([params, searchParams]);
  const path = `/admin/${slug}/evaluation/history`;
  const { deps, authorized } = await requireWorkspacePage(slug, 'evaluation.read', path);
  const registry = await requireWorkspacePage(slug, 'adapter.read', path);
  const asked = typeof at === 'string' ? new Date(at) : null;
  const isReadable = asked !== null && Number.isFinite(asked.getTime());
  const [events, moment] = await Promise.all([
    listChampionHistory(deps, registry.authorized, { limit: SHOWN_EVENTS }),
    isReadable ? readMoment(deps, authorized, asked) : null,
  ]);
  return (
    <Page title="Time line" lead="What answered in this workspace, and what it answered from, at any moment.">
      <Section title="What answered then?">
        <MomentForm key={moment?.at ?? ''} path={path} at={moment?.at ?? null} />
        {asked !== null && !isReadable ? (
          <Callout tone="danger" className="mt-4">
            That is no date and time.
          </Callout>
        ) : null}
        {moment === null ? null : (
          <div className="mt-5">
            <MomentView slug={slug} moment={moment} />
          </div>
        )}
      </Section>
      <Section
        title="Every change"
        lead="Promotions, rollbacks, and what served without a pass, each with its reason. It cannot be edited."
      >
        <ChampionHistory workspace={slug} events={events} />
      </Section>
    </Page>
  );
}
