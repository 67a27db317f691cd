import { Download, GraduationCap } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { CopyButton } from '#app/_components/ui/copy-button.tsx';
import { Card, Page, Section } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { readAddressed, requireWorkspacePage } from '#app/_server/page.ts';
import { readVersionPage } from '#lib/training/data-set/read-version-page.ts';

export const metadata: Metadata = { title: 'Data set version' };

interface VersionPageProps {
  readonly params: Promise<{ readonly workspace: string; readonly dataSetId: string; readonly versionId: string }>;
  readonly searchParams: Promise<Readonly<Record<string, string | string[] | undefined>>>;
}

const splitNames = { train: 'Train', validation: 'Validation', 'held-out': 'Held out' } as const;
const splitUses = {
  train: 'what the adapter learns from',
  validation: 'watched while it learns',
  'held-out': 'measured once it has learned',
} as const;

export default async function VersionPage({ params, searchParams }: VersionPageProps) {
  const { workspace: slug, dataSetId, versionId } = await params;
  const { against } = await searchParams;
  const address = `/admin/${slug}/datasets/${dataSetId}`;
  const { deps, authorized, permissions } = await requireWorkspacePage(
    slug,
    'dataset.read',
    `${address}/versions/${versionId}`,
  );
  const againstId = typeof against === 'string' && against !== '' ? against : null;
  const ids = [versionId, dataSetId, ...(againstId === null ? [] : [againstId])];
  const page = await readAddressed(ids, () => readVersionPage(deps, authorized, { versionId, dataSetId, againstId }));
  const { version, splits, intents, documents, goneRows, others, difference } = page;
  const total = splits.reduce((sum, { rows }) => sum + rows, 0);
  return (
    <Page
      title={`${page.dataSetName}, version ${version.ordinal}`}
      lead={
        <>
          <Link href={address} className="text-accent-text underline underline-offset-4 decoration-1">
            {page.dataSetName}
          </Link>
          {' · '}frozen <Time value={version.createdAt.toISOString()} />
          {version.notes === '' ? '' : ` · ${version.notes}`}
        </>
      }
      actions={
        <>
          <Button asChild>
            <a href={`/api/w/${slug}/datasets/${dataSetId}/versions/${versionId}/export`} download>
              <Download aria-hidden />
              Export JSONL
            </a>
          </Button>
          {permissions.includes('adapter.write') ? (
            <Button asChild look="primary">
              <Link href={`/admin/${slug}/adapters/train?data=${versionId}`}>
                <GraduationCap aria-hidden />
                Train on it
              </Link>
            </Button>
          ) : null}
        </>
      }
    >
      <Card className="mb-6 flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3.5 sm:px-5">
        <p className="min-w-0 flex-1">
          <span className="block text-[0.8125rem] text-ink-faint">SHA-256 of the exported file</span>
          <code className="font-mono text-[0.8125rem] [overflow-wrap:anywhere]">{version.sha256}</code>
        </p>
        <CopyButton text={version.sha256} label="Copy the checksum" />
      </Card>
      {goneRows === 0 ? null : (
        <Callout tone="warn" className="mb-6" title="Some sources are gone">
          {goneRows === 1 ? 'One row came' : `${goneRows.toLocaleString('en')} rows came`} from documents or
          conversations that were deleted since. Freeze again and train on the new version to leave them out.
        </Callout>
      )}
      {splits.every(({ split, rows }) => split === 'train' || rows > 0) ? null : (
        <Callout tone="warn" className="mb-6" title="Too few groups to hold rows out">
          Rows of one document or one intent stay together. Bring in rows about other things, so that some can be held
          out.
        </Callout>
      )}
      <ul className="grid grid-cols-1 gap-3 sm:grid-cols-3">
        {splits.map(({ split, rows, groups, sha256 }) => (
          <li key={split}>
            <Card className="h-full px-5 py-4">
              <p className="text-sm font-medium">{splitNames[split]}</p>
              <p className="mt-1 text-[1.75rem] font-semibold tabular-nums leading-tight tracking-tight">
                {rows.toLocaleString('en')}
              </p>
              <p className="text-[0.8125rem] text-ink-faint">
                {total === 0 ? 0 : Math.round((100 * rows) / total)} % in{' '}
                {groups === 1 ? '1 group' : `${groups} groups`}, {splitUses[split]}
              </p>
              {rows === 0 ? null : (
                <code className="mt-2 block truncate font-mono text-xs text-ink-faint">{sha256}</code>
              )}
            </Card>
          </li>
        ))}
      </ul>
      {others.length === 0 ? null : (
        <Section
          title="Compared"
          lead={
            <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
              with
              {others.map(({ id, ordinal }) => (
                <Link
                  key={id}
                  href={`${address}/versions/${versionId}?against=${id}`}
                  aria-current={page.againstId === id ? 'true' : undefined}
                  className={
                    page.againstId === id ? 'font-semibold text-ink' : 'text-accent-text underline underline-offset-4'
                  }
                >
                  version {ordinal}
                </Link>
              ))}
            </span>
          }
        >
          {difference === null ? null : (
            <Card>
              <dl className="grid grid-cols-2 divide-line sm:grid-cols-5 sm:divide-x">
                {(
                  [
                    ['Added', difference.added],
                    ['Removed', difference.removed],
                    ['Reworded', difference.changed],
                    ['Other split', difference.moved],
                    ['Same', difference.same],
                  ] as const
                ).map(([label, count]) => (
                  <div key={label} className="px-5 py-3.5">
                    <dt className="text-[0.8125rem] text-ink-faint">{label}</dt>
                    <dd className="text-xl font-semibold tabular-nums">{count.toLocaleString('en')}</dd>
                  </div>
                ))}
              </dl>
            </Card>
          )}
        </Section>
      )}
      <Section title="What is in it" lead="Each group stands in one split, whole.">
        <Card>
          <ul className="divide-y divide-line text-sm">
            {documents.map(({ id, title, rows, split }) => (
              <li key={id} className="flex flex-wrap items-baseline gap-x-4 gap-y-1 px-4 py-2.5 sm:px-5">
                <span className="min-w-0 flex-1 truncate">{title}</span>
                <span className="text-[0.8125rem] text-ink-faint">document</span>
                <span className="w-20 text-right tabular-nums">{rows.toLocaleString('en')}</span>
                <span className="w-24 text-[0.8125rem] text-ink-soft">{splitNames[split]}</span>
              </li>
            ))}
            {intents.map(({ intent, rows, split }) => (
              <li key={intent} className="flex flex-wrap items-baseline gap-x-4 gap-y-1 px-4 py-2.5 sm:px-5">
                <span className="min-w-0 flex-1 truncate">{intent}</span>
                <span className="text-[0.8125rem] text-ink-faint">intent</span>
                <span className="w-20 text-right tabular-nums">{rows.toLocaleString('en')}</span>
                <span className="w-24 text-[0.8125rem] text-ink-soft">{splitNames[split]}</span>
              </li>
            ))}
          </ul>
        </Card>
      </Section>
    </Page>
  );
}
