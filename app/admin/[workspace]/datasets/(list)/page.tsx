import { Database } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Card, EmptyState, Page } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { listDataSets, readConsent } from '#lib/training/data-set/manage-data-sets.ts';
import { ConsentSwitch } from '../_components/consent-switch.tsx';
import { CreateDataSetDialog } from '../_components/create-data-set-dialog.tsx';
import { createDataSet, setConsent } from '../actions.ts';

export const metadata: Metadata = { title: 'Data sets' };

export default async function DataSetsPage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace: slug } = await params;
  const page = await requireWorkspacePage(slug, 'dataset.read', `/admin/${slug}/datasets`);
  const { deps, authorized, permissions } = page;
  const canWrite = permissions.includes('dataset.write');
  const [dataSets, learns] = await Promise.all([listDataSets(deps, authorized), readConsent(deps, authorized)]);
  const create = canWrite ? <CreateDataSetDialog workspace={slug} createDataSet={createDataSet} /> : null;
  return (
    <Page
      title="Data sets"
      lead="What an adapter learns from: your manuals, your chat logs, answers that people liked or put right. Every row is checked, and you have the last word."
      actions={dataSets.length === 0 ? null : create}
    >
      {dataSets.length === 0 ? (
        <EmptyState icon={<Database aria-hidden />} title="No data set yet" actions={create}>
          A data set collects rows, cleans them and lets you review them. Frozen, it is what a training run reads, and
          it never changes again.
        </EmptyState>
      ) : (
        <Card>
          <ul className="divide-y divide-line">
            {dataSets.map(({ dataSet, rowCount, acceptedCount, latestOrdinal }) => (
              <li key={dataSet.id} className="relative flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-4 sm:px-5">
                <div className="min-w-0 flex-1 basis-56">
                  <Link
                    href={`/admin/${slug}/datasets/${dataSet.id}`}
                    className="block truncate text-[0.9375rem] font-medium after:absolute after:inset-0 hover:underline"
                  >
                    {dataSet.name}
                  </Link>
                  <p className="mt-0.5 text-[0.8125rem] text-ink-faint">
                    {rowCount === 0
                      ? 'no rows yet'
                      : `${acceptedCount.toLocaleString('en')} of ${rowCount.toLocaleString('en')} rows accepted`}{' '}
                    · made <Time value={dataSet.createdAt.toISOString()} />
                  </p>
                </div>
                {latestOrdinal === 0 ? (
                  <Badge>not frozen</Badge>
                ) : (
                  <Badge tone="accent">{latestOrdinal === 1 ? '1 version' : `${latestOrdinal} versions`}</Badge>
                )}
              </li>
            ))}
          </ul>
        </Card>
      )}
      <ConsentSwitch
        workspace={slug}
        isOn={learns}
        canDecide={permissions.includes('workspace.configure')}
        setConsent={setConsent}
      />
    </Page>
  );
}
