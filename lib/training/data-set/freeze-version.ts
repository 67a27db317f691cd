import { createHash } from 'node:crypto';
import { setImmediate as giveWay } from 'node:timers/promises';
import type { DatabaseExecutor } from '#db/executor.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import { type DataSetRow, readAllRows, saveCuration, setFoundStates } from '#db/repositories/data-set-rows.ts';
import { insertVersion, listVersionRows, listVersions } from '#db/repositories/data-set-versions.ts';
import { findDataSet, lockDataSet } from '#db/repositories/data-sets.ts';
import { listLiveSources } from '#db/repositories/row-sources.ts';
import { insertRun, listRunsOfSubjects, lockClaim } from '#db/repositories/runs.ts';
import { type Authorized, findUserId } from '#lib/domain/access.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';
import type { RunContext } from '#lib/jobs/perform-run.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import type { DataSetDeps, FileStore } from './data-set-deps.ts';
import { findOverlap, type SuiteText } from './find-overlap.ts';
import { joinTurns, writeRowLine } from './row-content.ts';
import { defaultSplit, type Placement, type Split, splitRows, splits } from './split-rows.ts';

type Write = Authorized<'dataset.write'>;

/** A frozen split is never larger than its rows together. */
const MAX_SPLIT_BYTES = 4_000_000_000;

function alreadyMoving(): AppError {
  return new AppError({
    code: 'run.already-moving',
    message: 'the data set is being frozen, or rows are being taken in',
    userMessage:
      'Rows of this data set are still being taken in, or it is being frozen right now. Wait for that, then freeze.',
  });
}

/**
 * Ask for a frozen version of the accepted rows. The work is a run; its details name the version.
 * @throws AppError `dataset.not-found`, `run.already-moving`
 */
export async function startFreeze(
  deps: Pick<DataSetDeps, 'db' | 'queue'>,
  access: Write,
  input: { readonly dataSetId: string; readonly notes: string },
): Promise<{ readonly runId: string }> {
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    const dataSet = await lockDataSet(tx, access, input.dataSetId);
    if (!dataSet) throw notFound('dataset');
    const runs = await listRunsOfSubjects(tx, access, [dataSet.id]);
    if (runs.some(({ state }) => state === 'queued' || state === 'running')) throw alreadyMoving();
    const run = await insertRun(tx, access, {
      kind: 'dataset.freeze',
      subjectId: dataSet.id,
      title: dataSet.name,
      createdBy: findUserId(access),
      details: { notes: input.notes },
    });
    await deps.queue.enqueue(tx, 'dataset.freeze', { workspaceId: access.workspaceId, runId: run.id });
    return { runId: run.id };
  });
}

export interface FreezeDeps extends Pick<DataSetDeps, 'db' | 'dataSetFiles'> {
  /** Questions of every suite of the workspace. */
  readonly listSuiteTexts: (access: Write) => Promise<readonly SuiteText[]>;
}

/** The run behind {@link startFreeze}. @throws AppError `dataset.empty`, `dataset.overlaps-suite`, `dataset.not-found` */
export async function freezeDataSet(
  deps: FreezeDeps,
  access: Write,
  context: Pick<RunContext, 'run' | 'claim' | 'signal' | 'report'>,
): Promise<Readonly<Record<string, unknown>>> {
  const { db } = deps;
  const { run } = context;
  const dataSet = await findDataSet(db, access, run.subjectId);
  if (!dataSet) throw notFound('dataset');
  await context.report({ stage: 'reading', done: 0, total: 0 });
  const accepted = await collectAccepted(db, access, dataSet.id);
  if (accepted.length === 0) throw nothingAccepted();
  await context.report({ stage: 'comparing', done: 0, total: accepted.length });
  await refuseOverlap(deps, access, accepted);

  await context.report({ stage: 'splitting', done: 0, total: accepted.length });
  await giveWay();
  const [previous] = await listVersions(db, access, dataSet.id);
  const earlier = previous ? await listVersionRows(db, access, previous.version.id) : [];
  const placed = splitRows(
    accepted.map(({ id, documentId, conversationId, intent, messages }) => ({
      id,
      documentId,
      conversationId,
      intent,
      text: joinTurns(messages),
    })),
    defaultSplit,
    new Map(earlier.map(({ rowId, split }) => [rowId, split])),
  );

  await context.report({ stage: 'writing', done: 0, total: accepted.length });
  const files = await writeSplits(deps.dataSetFiles, accepted, placed, context.signal);
  if (previous?.version.sha256 === files.sha256) return { versionId: previous.version.id, isUnchanged: true };
  const version = await db.transaction(async (tx) => {
    if (!(await lockClaim(tx, context.claim)) || !(await lockDataSet(tx, access, dataSet.id))) return null;
    const frozen = await insertVersion(
      tx,
      access,
      {
        dataSetId: dataSet.id,
        sha256: files.sha256,
        trainSha256: files.splits.train.sha256,
        validationSha256: files.splits.validation.sha256,
        heldOutSha256: files.splits['held-out'].sha256,
        trainRows: files.splits.train.rows.length,
        validationRows: files.splits.validation.rows.length,
        heldOutRows: files.splits['held-out'].rows.length,
        settings: { ...defaultSplit },
        notes: typeof run.details['notes'] === 'string' ? run.details['notes'] : '',
        createdBy: run.createdBy,
      },
      splits.flatMap((split) => files.splits[split].rows.map((row, index) => nameLine(row, split, index + 1, placed))),
    );
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'dataset.freeze',
      targetId: frozen.id,
      details: { name: dataSet.name, ordinal: frozen.ordinal, sha256: frozen.sha256, createdBy: run.createdBy },
    });
    return frozen;
  });
  return version === null ? {} : { versionId: version.id, ordinal: version.ordinal, sha256: version.sha256 };
}

/** Accepted rows whose source is still there. Those of deleted documents and conversations are rejected, with that reason. */
async function collectAccepted(db: DatabaseExecutor, access: Write, dataSetId: string): Promise<DataSetRow[]> {
  const accepted: DataSetRow[] = [];
  for await (const rows of readAllRows(db, access, dataSetId, { state: 'accepted' })) accepted.push(...rows);
  const live = await listLiveSources(db, access, {
    documentIds: [...new Set(accepted.flatMap(({ documentId }) => documentId ?? []))],
    conversationIds: [...new Set(accepted.flatMap(({ conversationId }) => conversationId ?? []))],
  });
  const isLive = ({ documentId, conversationId }: DataSetRow) =>
    (documentId === null || live.documentIds.has(documentId)) &&
    (conversationId === null || live.conversationIds.has(conversationId));
  const gone = accepted.filter((row) => !isLive(row));
  if (gone.length > 0) {
    const finding = { reason: 'source-deleted', detail: 'its document or conversation was deleted' };
    await saveCuration(
      db,
      access,
      gone.map((row) => addFinding(row, finding)),
    );
    await setFoundStates(
      db,
      access,
      dataSetId,
      gone.map(({ id }) => id),
      'rejected',
    );
  }
  return accepted.filter(isLive);
}

const addFinding = (row: DataSetRow, finding: DataSetRow['findings'][number]) => ({
  ...row,
  findings: [...row.findings.filter(({ reason }) => reason !== finding.reason), finding],
});

async function refuseOverlap(deps: FreezeDeps, access: Write, rows: readonly DataSetRow[]): Promise<void> {
  const overlaps = findOverlap(
    rows.map(({ id, messages }) => ({
      id,
      questions: messages.filter(({ role }) => role === 'user').map(({ content }) => content),
    })),
    await deps.listSuiteTexts(access),
  );
  const [first] = overlaps;
  if (first === undefined) return;
  const byId = new Map(rows.map((row) => [row.id, row]));
  const found = overlaps.flatMap(({ rowId, suiteText, kind, similarity }) => {
    const row = byId.get(rowId);
    const likeness = kind === 'exact' ? 'the same question' : `${Math.floor(similarity * 100)} % alike`;
    return row ? [addFinding(row, { reason: 'suite-overlap', detail: `${suiteText.name}: ${likeness}` })] : [];
  });
  await saveCuration(deps.db, access, found);
  await setFoundStates(
    deps.db,
    access,
    found[0]?.dataSetId ?? '',
    found.map(({ id }) => id),
    'quarantined',
  );
  throw new AppError({
    code: 'dataset.overlaps-suite',
    message: `${overlaps.length} accepted rows repeat test cases, e.g. ${first.rowId} repeats ${first.suiteText.name}`,
    userMessage: `${overlaps.length === 1 ? 'One accepted row asks' : `${overlaps.length} accepted rows ask`} what a test suite asks, for example ${first.suiteText.name}. They are quarantined now: review them by the reason “Stands in a test suite”, then freeze again.`,
    details: { rows: overlaps.slice(0, 50).map(({ rowId }) => rowId) },
  });
}

function nothingAccepted(): AppError {
  return new AppError({
    code: 'dataset.empty',
    message: 'the data set has no accepted row',
    userMessage: 'There is no accepted row to freeze. Accept some, or bring in more.',
  });
}

interface WrittenSplits {
  readonly sha256: string;
  readonly splits: Readonly<Record<Split, { readonly sha256: string; readonly rows: readonly DataSetRow[] }>>;
}

async function writeSplits(
  files: FileStore,
  rows: readonly DataSetRow[],
  placed: ReadonlyMap<string, Placement>,
  signal: AbortSignal,
): Promise<WrittenSplits> {
  const whole = createHash('sha256');
  const write = async (split: Split) => {
    const mine = rows.filter(({ id }) => placed.get(id)?.split === split);
    async function* lines(): AsyncGenerator<Uint8Array> {
      for (const { id, messages } of mine) {
        const bytes = Buffer.from(writeRowLine({ id, split, messages }));
        whole.update(bytes);
        yield bytes;
      }
    }
    if (mine.length === 0) return { sha256: createHash('sha256').digest('hex'), rows: mine };
    const { sha256 } = await files.put(lines(), { maxBytes: MAX_SPLIT_BYTES, signal });
    return { sha256, rows: mine };
  };
  // One after another: the version's checksum is that of the files in this order.
  const train = await write('train');
  const validation = await write('validation');
  const heldOut = await write('held-out');
  return { sha256: whole.digest('hex'), splits: { train, validation, 'held-out': heldOut } };
}

function nameLine(row: DataSetRow, split: Split, line: number, placed: ReadonlyMap<string, Placement>) {
  return {
    split,
    line,
    rowId: row.id,
    contentSha256: row.contentSha256,
    groupKey: placed.get(row.id)?.groupKey ?? '',
    intent: row.intent,
    importId: row.importId,
    documentId: row.documentId,
    documentVersionId: row.documentVersionId,
    pageNumber: row.pageNumber,
    quote: row.quote,
    conversationId: row.conversationId,
    messageId: row.messageId,
    uploadLine: row.uploadLine,
  };
}
