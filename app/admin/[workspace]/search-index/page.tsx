import type { Metadata } from 'next';
import type { ReactNode } from 'react';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Card, Page, Section } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { RunList } from '#app/admin/[workspace]/jobs/_components/run-list.tsx';
import { cancelRun, retryRun } from '#app/admin/[workspace]/jobs/actions.ts';
import { readIndex } from '#lib/ingestion/rebuild-index.ts';
import { listRunViews } from '#lib/jobs/manage-runs.ts';
import { RebuildForm } from './_components/rebuild-form.tsx';
import { estimateRebuild, startRebuild } from './actions.ts';

export const metadata: Metadata = { title: 'Index' };

const SHOWN_RUNS = 5;
const numbers = new Intl.NumberFormat('en');

export default async function SearchIndexPage({
  params,
}: {
  readonly params: Promise<{ readonly workspace: string }>;
}) {
  const { workspace: slug } = await params;
  const path = `/admin/${slug}/search-index`;
  const { deps, authorized, permissions } = await requireWorkspacePage(slug, 'document.write', path);
  const mayReadRuns = await requireWorkspacePage(slug, 'run.read', path);
  const [index, runs] = await Promise.all([
    readIndex(deps, authorized),
    listRunViews(deps, mayReadRuns.authorized, { limit: SHOWN_RUNS, kind: 'index.rebuild' }),
  ]);
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['Documents that answer', numbers.format(index.documents)],
    ['Chunks', numbers.format(index.chunks)],
    ['Chunk size', `${index.chunkSizes.chunkSizeTokens} tokens`],
    ['Overlap', `${index.chunkSizes.chunkOverlapTokens} tokens`],
    [
      'Embedding model',
      index.embeddingModel === null ? 'the one that runs' : `${index.embeddingModel}, ${index.dimensions} dimensions`,
    ],
    ['In use since', index.createdAt === null ? 'the first upload' : <Time key="time" value={index.createdAt} />],
  ];
  return (
    <Page
      title="Index"
      lead="How documents are cut into chunks and turned into vectors. A change indexes every document anew in the background; the present index answers until the new one is complete."
      isNarrow
    >
      {index.isModelChanged && index.pending === null ? (
        <Callout tone="danger" className="mb-6">
          The index was made with {index.embeddingModel}, and the server now runs {index.runningModel?.id}. Questions
          are refused until you set EMBEDDING_MODEL back or re-index below.
        </Callout>
      ) : null}
      {index.isSplitterOutdated && !index.isModelChanged && index.pending === null ? (
        <Callout className="mb-6">
          This index was cut by the rules of an earlier release. Re-index to have tables and code kept whole.
        </Callout>
      ) : null}
      <Section title="In use">
        <Card className="p-5">
          <dl className="grid grid-cols-1 gap-x-8 gap-y-4 sm:grid-cols-2">
            {facts.map(([name, value]) => (
              <div key={name}>
                <dt className="text-[0.8125rem] text-ink-faint">{name}</dt>
                <dd className="mt-0.5 text-sm font-medium tabular-nums [overflow-wrap:anywhere]">{value}</dd>
              </div>
            ))}
          </dl>
        </Card>
      </Section>
      <Section
        title="Change it"
        lead="Small chunks pin an answer down and cost the language model less to read; large ones keep more around it. What it costs is measured on this machine before anything starts."
      >
        <RebuildForm
          workspace={slug}
          sizes={index.pending?.chunkSizes ?? index.chunkSizes}
          maxTokens={index.runningModel?.maxTokens ?? null}
          runningModel={index.runningModel?.id ?? null}
          isRunning={index.pending !== null}
          estimateRebuild={estimateRebuild}
          startRebuild={startRebuild}
        />
      </Section>
      {runs.length === 0 ? null : (
        <Section title="Re-indexes" lead="Newest first.">
          <RunList
            workspace={slug}
            runs={runs}
            canCancel={permissions.includes('run.cancel')}
            cancelRun={cancelRun}
            retryRun={retryRun}
          />
        </Section>
      )}
    </Page>
  );
}
