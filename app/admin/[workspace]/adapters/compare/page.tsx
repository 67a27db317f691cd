import type { Metadata } from 'next';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Card, Page } from '#app/_components/ui/page.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { formatBytes } from '#lib/domain/format-bytes.ts';
import { listAdapterViews, type VersionView } from '#lib/registry/read-adapters.ts';
import { describeDeletedSources } from '#lib/training/draft-retrain.ts';
import { describeMetric, describeRank, formatMetric, nameVersion, originNames } from '../_state/describe-version.ts';

export const metadata: Metadata = { title: 'Compare adapters' };

type Row = readonly [string, (version: VersionView) => string];

const rows: readonly Row[] = [
  ['Origin', ({ origin }) => originNames[origin]],
  ['Created', ({ createdAt, createdBy }) => `${createdAt.slice(0, 10)}${createdBy === null ? '' : `, ${createdBy}`}`],
  ['Serves now', ({ isServing }) => (isServing ? 'yes' : 'no')],
  ['Base model', ({ baseModel, baseSha256 }) => `${baseModel} ${baseSha256.slice(0, 12)}`],
  ['Chat template', ({ templateSha256 }) => templateSha256?.slice(0, 12) ?? 'not known'],
  ['Rank', ({ config }) => describeRank(config)],
  ['Alpha', ({ config }) => String(config.alpha)],
  ['Adapted', ({ config }) => `${config.adaptedLayers} layers: ${config.targetModules.join(', ')}`],
  ['Size', ({ sizeBytes }) => formatBytes(sizeBytes)],
  ['Data set', ({ lineage }) => lineage.dataSet?.name ?? 'none'],
  ['Parents', ({ lineage }) => lineage.parents.map(({ name, weight }) => `${name} × ${weight}`).join(', ') || 'none'],
  ['Documents', ({ lineage }) => String(lineage.documents.length)],
  ['Conversations', ({ lineage }) => String(lineage.conversationIds.length)],
  ['Settings', ({ lineage }) => (Object.keys(lineage.options).length === 0 ? 'none' : JSON.stringify(lineage.options))],
  ['Deleted sources', (version) => describeDeletedSources(version) ?? 'none'],
  ['Notes', ({ notes }) => notes || 'none'],
  ['SHA-256', ({ sha256 }) => sha256],
];

function Cell({ isChanged, children }: { readonly isChanged: boolean; readonly children: ReactNode }) {
  return (
    <td className={classNames('break-words px-2 py-2 align-top sm:px-4', isChanged && 'bg-accent-soft/60')}>
      {children}
    </td>
  );
}

export default async function ComparePage({
  params,
  searchParams,
}: {
  readonly params: Promise<{ readonly workspace: string }>;
  readonly searchParams: Promise<Readonly<Record<string, string | string[] | undefined>>>;
}) {
  const { workspace: slug } = await params;
  const { a, b } = await searchParams;
  const path = `/admin/${slug}/adapters/compare`;
  const { deps, authorized } = await requireWorkspacePage(slug, 'adapter.read', path);
  const versions = (await listAdapterViews(deps, authorized)).flatMap((adapter) => adapter.versions);
  const left = versions.find(({ id }) => id === a) ?? versions.find(({ isServing }) => isServing) ?? versions[1];
  const right = versions.find(({ id }) => id === b) ?? versions.find(({ id }) => id !== left?.id);
  const metrics = [...new Set([left, right].flatMap((version) => Object.keys(version?.metrics ?? {})))];
  const all: readonly Row[] = [
    ...metrics.map((name): Row => {
      const read = ({ metrics: measured }: VersionView) => measured[name];
      return [
        describeMetric(name),
        (version) => {
          const value = read(version);
          return value === undefined ? 'not measured' : formatMetric(value);
        },
      ];
    }),
    ...rows,
  ];
  return (
    <Page
      title="Compare adapters"
      lead={
        <Link className="underline underline-offset-4" href={`/admin/${slug}/adapters`}>
          Adapters
        </Link>
      }
    >
      {left === undefined || right === undefined ? (
        <p className="text-sm text-ink-soft">There are no two versions to compare.</p>
      ) : (
        <>
          <form className="mb-6 flex flex-wrap items-end gap-3" action={path}>
            {(
              [
                ['a', left.id],
                ['b', right.id],
              ] as const
            ).map(([name, chosen]) => (
              <Select
                key={`${name}-${chosen}`}
                name={name}
                defaultValue={chosen}
                aria-label={name === 'a' ? 'First version' : 'Second version'}
              >
                {versions.map((version) => (
                  <option key={version.id} value={version.id}>
                    {nameVersion(version)}
                  </option>
                ))}
              </Select>
            ))}
            <Button type="submit">Compare</Button>
          </form>
          <Card className="overflow-hidden">
            <table className="w-full table-fixed text-left text-[0.8125rem] sm:text-sm">
              <thead className="border-b border-line">
                <tr>
                  <th className="w-28 px-2.5 py-3 font-medium text-ink-faint sm:w-40 sm:px-4">
                    What differs is marked
                  </th>
                  {[left, right].map((version) => (
                    <th key={version.id} className="break-words px-2 py-3 font-semibold sm:px-4">
                      <Link className="hover:underline" href={`/admin/${slug}/adapters/versions/${version.id}`}>
                        {nameVersion(version)}
                      </Link>
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody className="divide-y divide-line">
                {all.map(([label, read]) => {
                  const isChanged = read(left) !== read(right);
                  return (
                    <tr key={label}>
                      <th scope="row" className="break-words px-2.5 py-2 align-top font-normal text-ink-faint sm:px-4">
                        {label}
                      </th>
                      <Cell isChanged={isChanged}>{read(left)}</Cell>
                      <Cell isChanged={isChanged}>{read(right)}</Cell>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </Card>
        </>
      )}
    </Page>
  );
}
