import { Download, Snowflake } from 'lucide-react';
import type { Metadata } from 'next';
import Link from 'next/link';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Card, EmptyState, Page, Section } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { readAddressed, requireWorkspacePage } from '#app/_server/page.ts';
import { cancelRun, retryRun } from '#app/admin/[workspace]/jobs/actions.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { listDocumentViews } from '#lib/ingestion/read-documents.ts';
import { viewRun } from '#lib/jobs/manage-runs.ts';
import { importReportSchema } from '#lib/training/data-set/import-settings.ts';
import { readConsent, readDataSet, readRowPage } from '#lib/training/data-set/manage-data-sets.ts';
import { rowReasons } from '#lib/training/data-set/row-reasons.ts';
import { AddRows } from '../_components/add-rows.tsx';
import { DataSetMenu } from '../_components/data-set-menu.tsx';
import { FreezeDialog } from '../_components/freeze-dialog.tsx';
import { Funnel } from '../_components/funnel.tsx';
import { ImportList } from '../_components/import-list.tsx';
import { ReviewTable } from '../_components/review-table.tsx';
import { RowFilters } from '../_components/row-filters.tsx';
import { parseRowFilter, ROWS_PER_PAGE } from '../_state/row-filter.ts';
import {
  applyStyle,
  deleteDataSet,
  editRow,
  estimateManualRows,
  freezeDataSet,
  reviewRows,
  saveStyleSheet,
  takeInConversations,
  takeInStyle,
  undoReview,
  writeManualRows,
} from '../actions.ts';

export const metadata: Metadata = { title: 'Data set' };

interface DataSetPageProps {
  readonly params: Promise<{ readonly workspace: string; readonly dataSetId: string }>;
  readonly searchParams: Promise<Readonly<Record<string, string | string[] | undefined>>>;
}

export default async function DataSetPage({ params, searchParams }: DataSetPageProps) {
  const { workspace: slug, dataSetId } = await params;
  const address = `/admin/${slug}/datasets/${dataSetId}`;
  const page = await requireWorkspacePage(slug, 'dataset.read', address);
  const { deps, actor, authorized, permissions } = page;
  const found = await readAddressed([dataSetId], () => readDataSet(deps, authorized, dataSetId));
  const { dataSet, styleSheet, counts, imports, freeze, versions } = found;
  const { filter, pageNumber } = parseRowFilter(await searchParams);
  const documentAccess = await authorize(deps.people, actor, authorized.workspaceId, 'document.read');
  const [{ rows, matching }, learns, documents] = await Promise.all([
    readRowPage(deps, authorized, dataSetId, filter, {
      offset: (pageNumber - 1) * ROWS_PER_PAGE,
      limit: ROWS_PER_PAGE,
    }),
    readConsent(deps, authorized),
    listDocumentViews(deps, documentAccess),
  ]);
  const canWrite = permissions.includes('dataset.write');
  const reports = imports.map(({ intake }) => importReportSchema.parse(intake.report));
  const sum = (read: (report: (typeof reports)[number]) => number) =>
    reports.reduce((total, report) => total + read(report), 0);
  const titles = new Map(documents.map(({ id, title }) => [id, title]));
  const isEmpty = counts.total === 0 && imports.length === 0;
  const addRows = (
    <AddRows
      workspace={slug}
      dataSetId={dataSetId}
      learnsFromConversations={learns}
      canConfigure={permissions.includes('workspace.configure')}
      documents={documents
        .filter(({ currentVersionId }) => currentVersionId !== null)
        .map(({ id, title }) => ({ id, title }))}
      styleSheet={styleSheet}
      actions={{ takeInConversations, estimateManualRows, writeManualRows, saveStyleSheet, takeInStyle, applyStyle }}
    />
  );
  return (
    <Page
      title={dataSet.name}
      lead={
        <>
          <Link href={`/admin/${slug}/datasets`} className="text-accent-text underline underline-offset-4 decoration-1">
            Data sets
          </Link>
          {' · '}
          {dataSet.language === '' ? 'any language' : `language ${dataSet.language}`} · rows of at most{' '}
          {dataSet.maxRowTokens.toLocaleString('en')} tokens
        </>
      }
      actions={
        canWrite ? (
          <>
            {isEmpty ? null : addRows}
            {counts.byState.accepted === 0 ? null : (
              <FreezeDialog
                workspace={slug}
                dataSetId={dataSetId}
                accepted={counts.byState.accepted}
                waiting={counts.byState.flagged + counts.byState.quarantined}
                freezeDataSet={freezeDataSet}
              />
            )}
            <DataSetMenu workspace={slug} dataSetId={dataSetId} name={dataSet.name} deleteDataSet={deleteDataSet} />
          </>
        ) : null
      }
    >
      {isEmpty ? (
        <EmptyState
          icon={<Snowflake aria-hidden />}
          title="Bring in the first rows"
          actions={canWrite ? addRows : null}
        >
          Upload a chat log, let the model write questions from your manuals, take in answers that people rated, or
          describe your voice in a style sheet. Personal data is replaced before anything is stored.
        </EmptyState>
      ) : (
        <>
          <ImportList
            workspace={slug}
            canCancel={permissions.includes('run.cancel')}
            cancelRun={cancelRun}
            retryRun={retryRun}
            freeze={freeze === null ? null : viewRun(freeze)}
            imports={imports.map(({ intake, run }, index) => ({
              id: intake.id,
              kind: intake.kind,
              title: intake.title,
              report: reports[index] ?? importReportSchema.parse({}),
              problems: intake.problems,
              run: run === null ? null : viewRun(run),
            }))}
          />
          <Funnel
            address={address}
            counts={counts}
            read={sum(({ read }) => read)}
            malformed={sum(({ malformed }) => malformed)}
            empty={sum(({ empty }) => empty)}
          />
          <RowFilters
            address={address}
            filter={filter}
            counts={counts}
            reasons={Object.entries(rowReasons).map(([code, { label }]) => ({ code, label }))}
            imports={imports.map(({ intake }) => ({ id: intake.id, title: intake.title }))}
          />
          <ReviewTable
            key={JSON.stringify([filter, pageNumber])}
            workspace={slug}
            dataSetId={dataSetId}
            address={address}
            filter={filter}
            pageNumber={pageNumber}
            matching={matching}
            canWrite={canWrite}
            rows={rows.map((row) => ({
              id: row.id,
              messages: row.messages,
              state: row.state,
              findings: row.findings,
              intent: row.intent,
              tokenCount: row.tokenCount,
              isEdited: row.isEdited,
              isReviewed: row.reviewedAt !== null,
              quote: row.quote,
              origin: describeOrigin(
                row,
                titles,
                imports.find(({ intake }) => intake.id === row.importId)?.intake.title ?? '',
              ),
              documentAddress:
                row.documentId === null || !titles.has(row.documentId)
                  ? null
                  : `/w/${slug}/sources/${row.documentId}?page=${row.pageNumber ?? 1}`,
            }))}
            reviewRows={reviewRows}
            editRow={editRow}
            undoReview={undoReview}
          />
        </>
      )}
      {versions.length === 0 ? null : (
        <Section
          title="Frozen versions"
          lead="What training reads. A version never changes; freeze again after more review."
        >
          <Card>
            <ul className="divide-y divide-line">
              {versions.map((version) => (
                <li key={version.id} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3.5 sm:px-5">
                  <div className="min-w-0 flex-1 basis-56">
                    <Link href={`${address}/versions/${version.id}`} className="text-sm font-medium hover:underline">
                      Version {version.ordinal}
                    </Link>{' '}
                    <code className="font-mono text-xs text-ink-faint">{version.sha256.slice(0, 12)}</code>
                    <p className="text-[0.8125rem] text-ink-faint">
                      <Time value={version.createdAt.toISOString()} />
                      {version.notes === '' ? '' : ` · ${version.notes}`}
                    </p>
                  </div>
                  <span className="flex flex-wrap gap-1.5">
                    <Badge tone="accent">{version.trainRows.toLocaleString('en')} train</Badge>
                    <Badge>{version.validationRows.toLocaleString('en')} validation</Badge>
                    <Badge>{version.heldOutRows.toLocaleString('en')} held out</Badge>
                  </span>
                  <Button asChild size="sm">
                    <a href={`/api/w/${slug}/datasets/${dataSetId}/versions/${version.id}/export`} download>
                      <Download aria-hidden />
                      Export
                    </a>
                  </Button>
                </li>
              ))}
            </ul>
          </Card>
        </Section>
      )}
    </Page>
  );
}

function describeOrigin(
  row: {
    readonly documentId: string | null;
    readonly conversationId: string | null;
    readonly pageNumber: number | null;
    readonly uploadLine: number | null;
  },
  titles: ReadonlyMap<string, string>,
  importTitle: string,
): string {
  if (row.uploadLine !== null) return `${importTitle}, line ${row.uploadLine}`;
  if (row.conversationId !== null) return 'a rated conversation';
  if (row.documentId !== null)
    return `${titles.get(row.documentId) ?? 'a deleted document'}, page ${row.pageNumber ?? 1}`;
  return importTitle;
}
