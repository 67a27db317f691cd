import type { Metadata } from 'next';
import Link from 'next/link';
import { Card, Page, Section } from '#app/_components/ui/page.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { tallyVotes } from '#lib/registry/playground.ts';
import { listAdapterViews } from '#lib/registry/read-adapters.ts';
import { type Candidate, Playground } from '../_components/playground.tsx';
import { nameVersion } from '../_state/describe-version.ts';

export const metadata: Metadata = { title: 'Playground' };

export default async function PlaygroundPage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace: slug } = await params;
  const { deps, authorized } = await requireWorkspacePage(slug, 'adapter.read', `/admin/${slug}/adapters/playground`);
  const [adapters, tallies] = await Promise.all([listAdapterViews(deps, authorized), tallyVotes(deps, authorized)]);
  const versions = adapters.flatMap((adapter) => adapter.versions);
  const candidates: Candidate[] = [
    { versionId: null, label: 'Base' },
    ...versions.map((version) => ({ versionId: version.id, label: nameVersion(version) })),
  ];
  const [newest] = versions.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt));
  const beside = versions.find(({ isServing }) => isServing) ?? newest;
  return (
    <Page
      title="Playground"
      lead={
        <>
          One question to several versions side by side. Nothing of it is stored but your votes.{' '}
          <Link className="underline underline-offset-4" href={`/admin/${slug}/adapters`}>
            Back to the adapters
          </Link>
        </>
      }
    >
      <Playground
        workspace={slug}
        candidates={candidates}
        initial={['base', ...(beside === undefined ? [] : [beside.id])]}
      />
      {tallies.length === 0 ? null : (
        <Section title="Votes so far" lead="An impression, no evaluation: questions and voters are whoever came by.">
          <Card>
            <ul className="divide-y divide-line text-sm">
              {tallies.map((tally) => (
                <li key={tally.label} className="flex justify-between gap-4 px-4 py-2.5 sm:px-5">
                  <span className="min-w-0 truncate">{tally.label}</span>
                  <span className="tabular-nums text-ink-soft">
                    preferred {tally.preferred} of {tally.compared}
                  </span>
                </li>
              ))}
            </ul>
          </Card>
        </Section>
      )}
    </Page>
  );
}
