import type { Metadata } from 'next';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Card, Page, Section } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { readAddressed, requireWorkspacePage } from '#app/_server/page.ts';
import { formatBytes } from '#lib/domain/format-bytes.ts';
import { listMerged, listMergeRuns } from '#lib/registry/merged-models.ts';
import { checkArtifact, readVersionView, type VersionView } from '#lib/registry/read-adapters.ts';
import { readVersionStandings } from '#lib/registry/read-standings.ts';
import { describeDeletedSources } from '#lib/training/draft-retrain.ts';
import { Downloads } from '../../_components/downloads.tsx';
import { FactList, Hash } from '../../_components/fact-list.tsx';
import { GateDecisions } from '../../_components/gate-decisions.tsx';
import { RetrainList } from '../../_components/retrain-list.tsx';
import { VersionNotes } from '../../_components/version-notes.tsx';
import { VersionTools } from '../../_components/version-tools.tsx';
import {
  describeMetric,
  describeOptions,
  describeRank,
  formatMetric,
  nameVersion,
  originNames,
} from '../../_state/describe-version.ts';

export const metadata: Metadata = { title: 'Adapter version' };

const artifactStates = {
  missing: 'Its file is missing from the server. It cannot serve; import it again.',
  damaged: 'Its file is damaged: the bytes do not have the hash that they are stored under. It cannot serve.',
} as const;

/** Documents named one by one; of more, only how many. */
const NAMED_DOCUMENTS = 20;

function describeLineage(slug: string, { lineage }: VersionView): (readonly [string, ReactNode])[] {
  const { parents, dataSet, trainingRunId, documents, conversationIds, importedFrom, options } = lineage;
  const facts: (readonly [string, ReactNode])[] = [];
  if (importedFrom !== null) {
    facts.push([
      'Imported from',
      <>
        {importedFrom.fileName} ({importedFrom.format === 'gguf' ? 'GGUF' : 'PEFT'}
        {importedFrom.baseName === null ? '' : `, made for ${importedFrom.baseName}`})<br />
        <Hash value={importedFrom.sha256} />
      </>,
    ]);
  }
  if (parents.length > 0) {
    facts.push([
      'Parents',
      <ul key="parents">
        {parents.map((parent) => (
          <li key={parent.sha256}>
            {parent.versionId === null ? (
              parent.name
            ) : (
              <Link
                className="underline underline-offset-4"
                href={`/admin/${slug}/adapters/versions/${parent.versionId}`}
              >
                {parent.name}
              </Link>
            )}{' '}
            × {parent.weight}
          </li>
        ))}
      </ul>,
    ]);
  }
  if (dataSet !== null) {
    facts.push([
      'Data set',
      <>
        {dataSet.name}
        <br />
        <Hash value={dataSet.sha256} />
      </>,
    ]);
  }
  if (trainingRunId !== null) {
    facts.push([
      'Training run',
      <Link
        key="run"
        className="underline underline-offset-4"
        href={`/admin/${slug}/adapters/training/${trainingRunId}`}
      >
        Its curve, samples and checks
      </Link>,
    ]);
  }
  if (documents.length > 0) {
    const named = documents.slice(0, NAMED_DOCUMENTS).map(({ title }) => title);
    const more = documents.length - named.length;
    facts.push(['Documents', `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`]);
  }
  if (conversationIds.length > 0) facts.push(['Conversations', String(conversationIds.length)]);
  const settings = describeOptions(options);
  if (settings.length > 0) {
    facts.push([
      'Settings',
      <dl key="settings" className="grid gap-x-6 sm:grid-cols-2">
        {settings.map(([label, value]) => (
          <div
            key={label}
            className="flex flex-wrap justify-between gap-x-3 border-b border-line/60 py-1 last:border-0"
          >
            <dt className="text-ink-soft">{label}</dt>
            <dd className="min-w-0 break-words text-right">{value}</dd>
          </div>
        ))}
      </dl>,
    ]);
  }
  return facts;
}

export default async function VersionPage({
  params,
}: {
  readonly params: Promise<{ readonly workspace: string; readonly version: string }>;
}) {
  const { workspace: slug, version: versionId } = await params;
  const path = `/admin/${slug}/adapters/versions/${versionId}`;
  const { deps, authorized, permissions } = await requireWorkspacePage(slug, 'adapter.read', path);
  const version = await readAddressed([versionId], () => readVersionView(deps, authorized, versionId));
  const [artifact, merged, [mergeRun = null], standings] = await Promise.all([
    checkArtifact(deps.artifacts, version.sha256),
    listMerged(deps.artifacts, version.sha256),
    listMergeRuns(deps, authorized, versionId),
    readVersionStandings(deps, authorized, versionId),
  ]);
  const label = nameVersion(version);
  const deleted = describeDeletedSources(version);
  const metrics = Object.entries(version.metrics);
  const lineage = describeLineage(slug, version);
  const canWrite = permissions.includes('adapter.write');
  const lineageRun = version.lineage.trainingRunId;
  const { config } = version;
  return (
    <Page
      title={label}
      lead={
        <>
          <Link className="underline underline-offset-4" href={`/admin/${slug}/adapters`}>
            Adapters
          </Link>{' '}
          · {originNames[version.origin]} · <Time value={version.createdAt} />
          {version.createdBy === null ? '' : ` · ${version.createdBy}`}{' '}
          {version.isServing ? <Badge tone="accent">Serves now</Badge> : null}
        </>
      }
      actions={
        <VersionTools
          workspace={slug}
          versionId={version.id}
          label={label}
          isServing={version.isServing}
          isPassed={standings.isPassed}
          hasServed={standings.hasServed}
          canEvaluate={permissions.includes('evaluation.run')}
          canPromote={permissions.includes('adapter.promote')}
          canOverride={permissions.includes('gate.override')}
          canDelete={canWrite}
        />
      }
    >
      {artifact === 'whole' ? null : (
        <Callout tone="danger" className="mb-6">
          {artifactStates[artifact]}
        </Callout>
      )}
      {deleted === null ? null : (
        <div className="mb-6">
          <RetrainList
            workspace={slug}
            items={[{ versionId: version.id, label, deleted, isDrafted: canWrite && lineageRun !== null }]}
          />
        </div>
      )}
      <Section title="What it is">
        <Card className="px-4 py-2 sm:px-5">
          <FactList
            facts={[
              ['SHA-256', <Hash key="sha" value={version.sha256} />],
              [
                'Base model',
                <>
                  {version.baseModel}
                  <br />
                  <Hash value={version.baseSha256} />
                </>,
              ],
              [
                'Chat template',
                version.templateSha256 === null ? 'not known' : <Hash value={version.templateSha256} />,
              ],
              ['Size', `${formatBytes(version.sizeBytes)}, ${(config.parameters / 1e6).toFixed(2)} million parameters`],
              [
                'Shape',
                `${describeRank(config)}, alpha ${config.alpha}, ${config.adaptedLayers} linear layers (${config.targetModules.join(', ')}), stored as ${config.storedAs.join(', ')}`,
              ],
            ]}
          />
        </Card>
      </Section>
      {permissions.includes('evaluation.read') ? (
        <Section title="What the gate said">
          <GateDecisions workspace={slug} decisions={standings.decisions} isServing={version.isServing} />
        </Section>
      ) : null}
      {lineage.length === 0 ? null : (
        <Section title="Where it comes from">
          <Card className="px-4 py-2 sm:px-5">
            <FactList facts={lineage} />
          </Card>
        </Section>
      )}
      {metrics.length === 0 ? null : (
        <Section title="Measured">
          <Card className="px-4 py-2 sm:px-5">
            <FactList facts={metrics.map(([name, value]) => [describeMetric(name), formatMetric(value)] as const)} />
          </Card>
        </Section>
      )}
      <Section title="Notes">
        <VersionNotes
          key={version.notes}
          workspace={slug}
          versionId={version.id}
          notes={version.notes}
          canWrite={canWrite}
        />
      </Section>
      <Section title="Downloads">
        <Downloads
          workspace={slug}
          versionId={version.id}
          merged={merged}
          mergeRun={mergeRun}
          canMerge={canWrite && artifact === 'whole'}
        />
      </Section>
    </Page>
  );
}
