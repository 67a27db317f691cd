import { FlaskConical, GitCompareArrows, GraduationCap, History, Layers, TriangleAlert } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { RefreshWhile } from '#app/_components/documents/refresh-while.tsx';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Card, EmptyState, Page, Section } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { formatBytes } from '#lib/domain/format-bytes.ts';
import { listRunViews } from '#lib/jobs/manage-runs.ts';
import {
  type AdapterView,
  type ChampionEventView,
  listAdapterViews,
  listChampionHistory,
  type VersionLabel,
  type VersionView,
} from '#lib/registry/read-adapters.ts';
import { describeDeletedSources, draftRetrain } from '#lib/training/draft-retrain.ts';
import { BlendDialog } from '../_components/blend-dialog.tsx';
import { ChampionHistory } from '../_components/champion-history.tsx';
import { ImportDialog } from '../_components/import-dialog.tsx';
import { RenameDialog } from '../_components/rename-dialog.tsx';
import { RetrainList } from '../_components/retrain-list.tsx';
import { ServingCard } from '../_components/serving-card.tsx';
import { describeRank, nameVersion, originNames } from '../_state/describe-version.ts';

export const metadata: Metadata = { title: 'Adapters' };

const SHOWN_EVENTS = 50;
/** Former champions that are one click away; the others are on their own pages. */
const OFFERED_FORMER = 3;

/** What served before, newest first, each once; what is deleted can serve no more. */
function listFormer(events: readonly ChampionEventView[], servingId: string | null): (VersionLabel | null)[] {
  const former = new Map<string, VersionLabel | null>();
  for (const { from } of events) if (from?.isDeleted !== true) former.set(from?.id ?? '', from);
  former.delete(servingId ?? '');
  return [...former.values()].slice(0, OFFERED_FORMER);
}

function VersionRow({ workspace, version }: { readonly workspace: string; readonly version: VersionView }) {
  const deleted = describeDeletedSources(version);
  return (
    <li>
      <Link
        href={`/admin/${workspace}/adapters/versions/${version.id}`}
        className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3 text-sm transition-colors hover:bg-sunken/60 sm:px-5"
      >
        <span className="w-24 font-medium">Version {version.number}</span>
        <span className="min-w-0 flex-1 basis-48 text-ink-soft">
          {originNames[version.origin]} · {describeRank(version.config)} · {formatBytes(version.sizeBytes)}
          <span className="text-ink-faint">
            {' '}
            · <Time value={version.createdAt} />
            {version.createdBy === null ? '' : ` · ${version.createdBy}`}
          </span>
        </span>
        {deleted === null ? null : (
          <Badge tone="warn" title={deleted}>
            <TriangleAlert aria-hidden />
            Learned from deleted sources
          </Badge>
        )}
        {version.isServing ? <Badge tone="accent">Serves now</Badge> : null}
        <code className="font-mono text-xs text-ink-faint">{version.sha256.slice(0, 12)}</code>
      </Link>
    </li>
  );
}

export default async function AdaptersPage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace: slug } = await params;
  const { deps, authorized, permissions } = await requireWorkspacePage(slug, 'adapter.read', `/admin/${slug}/adapters`);
  const [adapters, events, status] = await Promise.all([
    listAdapterViews(deps, authorized),
    listChampionHistory(deps, authorized, { limit: SHOWN_EVENTS }),
    deps.runtime.readStatus().catch(() => null),
  ]);
  const canWrite = permissions.includes('adapter.write');
  const versions = adapters.flatMap((adapter) => adapter.versions);
  const serving = versions.find(({ isServing }) => isServing) ?? null;
  const [last = null] = events;
  return (
    <Page
      title="Adapters"
      lead="Small trained additions to the base model: the voice and the skill of this workspace. One of them answers at a time, or the base model alone."
      actions={
        <>
          {canWrite ? (
            <Button look="primary" asChild>
              <Link href={`/admin/${slug}/adapters/train`}>
                <GraduationCap aria-hidden />
                Train
              </Link>
            </Button>
          ) : null}
          <Button asChild>
            <Link href={`/admin/${slug}/adapters/training`}>
              <History aria-hidden />
              Training runs
            </Link>
          </Button>
          <Button asChild>
            <Link href={`/admin/${slug}/adapters/playground`}>
              <FlaskConical aria-hidden />
              Playground
            </Link>
          </Button>
          {versions.length < 2 ? null : (
            <Button asChild>
              <Link href={`/admin/${slug}/adapters/compare`}>
                <GitCompareArrows aria-hidden />
                Compare
              </Link>
            </Button>
          )}
          {canWrite ? (
            <>
              <BlendDialog
                workspace={slug}
                versions={versions.map((version) => ({ id: version.id, label: nameVersion(version) }))}
              />
              <ImportDialog workspace={slug} />
            </>
          ) : null}
        </>
      }
    >
      <ServingCard
        workspace={slug}
        serving={serving === null ? null : { id: serving.id, label: nameVersion(serving), isDeleted: false }}
        last={last}
        former={listFormer(events, serving?.id ?? null)}
        baseModel={status?.baseModel?.id ?? null}
        canRollBack={permissions.includes('adapter.promote')}
      />
      <Retrains slug={slug} adapters={adapters} />
      <Section title="Versions">
        {adapters.length === 0 ? (
          <EmptyState icon={<Layers aria-hidden />} title="No adapters yet">
            Train one from the documents and chats of this workspace, or import one that was trained elsewhere for the
            same base model.
          </EmptyState>
        ) : (
          <div className="flex flex-col gap-5">
            {adapters.map((adapter) => (
              <Card key={adapter.id}>
                <div className="flex items-center justify-between gap-3 border-b border-line px-4 py-2.5 sm:px-5">
                  <h3 className="min-w-0 truncate font-serif text-lg font-semibold">{adapter.name}</h3>
                  {canWrite ? <RenameDialog workspace={slug} adapterId={adapter.id} name={adapter.name} /> : null}
                </div>
                <ul aria-label={`Versions of ${adapter.name}`} className="divide-y divide-line">
                  {adapter.versions.map((version) => (
                    <VersionRow key={version.id} workspace={slug} version={version} />
                  ))}
                </ul>
              </Card>
            ))}
          </div>
        )}
      </Section>
      <Section title="What has served" lead="Every change of what answers, with its reason. It cannot be edited.">
        <ChampionHistory workspace={slug} events={events} />
      </Section>
      <BlendProgress slug={slug} />
    </Page>
  );
}

/** Of each adapter the newest version, and the one that serves: older ones are history. */
async function Retrains({ slug, adapters }: { readonly slug: string; readonly adapters: readonly AdapterView[] }) {
  const { deps, authorized, permissions } = await requireWorkspacePage(slug, 'adapter.read', `/admin/${slug}/adapters`);
  if (!permissions.includes('adapter.write')) return null;
  const flagged = adapters
    .flatMap(({ versions }) => versions.filter((version, index) => index === 0 || version.isServing))
    .flatMap((version) => {
      const deleted = describeDeletedSources(version);
      return deleted === null ? [] : [{ version, deleted }];
    });
  if (flagged.length === 0) return null;
  const { authorized: data } = await requireWorkspacePage(slug, 'dataset.read', `/admin/${slug}/adapters`);
  const tools = { db: deps.db, dataSets: deps.training.dataSets };
  const items = await Promise.all(
    flagged.map(async ({ version, deleted }) => ({
      versionId: version.id,
      label: nameVersion(version),
      deleted,
      isDrafted: (await draftRetrain(tools, { data, adapters: authorized }, version)) !== null,
    })),
  );
  return (
    <Section title="To be trained again">
      <RetrainList workspace={slug} items={items} />
    </Section>
  );
}

/** A blend that is being made appears by itself. */
async function BlendProgress({ slug }: { readonly slug: string }) {
  const { deps, authorized } = await requireWorkspacePage(slug, 'run.read', `/admin/${slug}/adapters`);
  const runs = await listRunViews(deps, authorized, { limit: 50 });
  const moving = runs.filter(
    ({ kind, state }) => kind === 'adapter.blend' && (state === 'queued' || state === 'running'),
  );
  return (
    <>
      <RefreshWhile isMoving={moving.length > 0} />
      {moving.length === 0 ? null : (
        <p className="mt-6 text-sm text-ink-soft">
          Being blended: {moving.map(({ title }) => title).join(', ')}. See{' '}
          <Link className="underline underline-offset-4" href={`/admin/${slug}/jobs`}>
            Jobs
          </Link>
          .
        </p>
      )}
    </>
  );
}
