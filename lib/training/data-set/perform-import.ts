import { insertRows, type NewDataSetRow, summariseRows } from '#db/repositories/data-set-rows.ts';
import {
  type DataSet,
  type DataSetImport,
  filterAwaitedUploads,
  findDataSet,
  findImport,
  updateImport,
} from '#db/repositories/data-sets.ts';
import { lockClaim } from '#db/repositories/runs.ts';
import type { ImportProblem, RowFinding, RowMessage } from '#db/schema/data-sets.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';
import type { RunContext } from '#lib/jobs/perform-run.ts';
import { curateDataSet } from './curate-data-set.ts';
import { cleanMessages, inspectRow } from './curate-rows.ts';
import { type DataSetDeps, MAX_DATA_SET_ROWS } from './data-set-deps.ts';
import { type ImportReport, importReportSchema, importSettingsSchema } from './import-settings.ts';
import { hashMessages } from './row-content.ts';
import { chooseState } from './row-reasons.ts';

/** Rows that are written, with the place that was reached, in one transaction. */
const ROWS_PER_BATCH = 200;
/** Problems that are kept with their line; all are counted. */
const MAX_PROBLEMS = 200;

/** Something that an intake came across, in its order. */
export type Candidate =
  | {
      readonly kind: 'row';
      /** Where reading goes on after it. */
      readonly position: number;
      readonly messages: readonly RowMessage[];
      readonly intent: string;
      /** What is known against it already. */
      readonly findings?: readonly RowFinding[];
      readonly origin: Pick<
        NewDataSetRow,
        'documentId' | 'documentVersionId' | 'pageNumber' | 'quote' | 'conversationId' | 'messageId' | 'uploadLine'
      >;
    }
  | {
      readonly kind: 'malformed' | 'empty';
      readonly position: number;
      readonly line: number;
      readonly reason: string;
    };

/** Where candidates come from; one for each kind of intake. */
export interface RowSource {
  /** Candidates after `position`. Total is 0 where it is not known. */
  read(position: number): AsyncIterable<Candidate>;
  readonly total: number;
  /** Stage of the run while it reads. */
  readonly stage: string;
}

export type OpenRowSource = (
  access: Authorized<'dataset.write'>,
  intake: { readonly import: DataSetImport; readonly dataSet: DataSet },
  signal: AbortSignal,
) => Promise<RowSource>;

export interface ImportDeps extends Pick<DataSetDeps, 'db' | 'runtime' | 'dataSetUploads'> {
  readonly openSource: Readonly<Record<DataSetImport['kind'], OpenRowSource>>;
}

/**
 * Take rows in: read, replace personal data, look at each, write it, and then compare all rows of the data set. What is written
 * stays; a worker that takes over goes on where the last one stopped.
 * @throws AppError `dataset.not-found`, `dataset.full`, and those of the source
 */
export async function performImport(
  deps: ImportDeps,
  access: Authorized<'dataset.write'>,
  context: Pick<RunContext, 'run' | 'claim' | 'signal' | 'report'>,
): Promise<Readonly<Record<string, unknown>>> {
  const { db } = deps;
  const intake = await findImport(db, access, context.run.subjectId);
  const dataSet = intake && (await findDataSet(db, access, intake.dataSetId));
  if (!intake || !dataSet) throw notFound('dataset');
  const settings = importSettingsSchema.parse(intake.settings);
  const source = await deps.openSource[settings.kind](access, { import: intake, dataSet }, context.signal);
  const report = await takeInRows(deps, access, { intake, dataSet, source }, context);
  await curateDataSet(deps, access, dataSet, context);
  if (intake.uploadSha256 !== null) {
    await updateImport(db, access, intake.id, { uploadSha256: null });
    // The same file may be on its way in elsewhere.
    const awaited = await filterAwaitedUploads(db, [intake.uploadSha256]);
    if (!awaited.has(intake.uploadSha256)) await deps.dataSetUploads.remove(intake.uploadSha256);
  }
  return { ...report };
}

async function takeInRows(
  deps: ImportDeps,
  access: Authorized<'dataset.write'>,
  work: { readonly intake: DataSetImport; readonly dataSet: DataSet; readonly source: RowSource },
  context: Pick<RunContext, 'claim' | 'signal' | 'report'>,
): Promise<ImportReport> {
  const { intake, dataSet, source } = work;
  const report = importReportSchema.parse(intake.report);
  const problems: ImportProblem[] = [...intake.problems];
  let position = intake.position;
  let room = MAX_DATA_SET_ROWS - (await summariseRows(deps.db, access, dataSet.id)).total;
  let batch: NewDataSetRow[] = [];
  let clock = Date.now();
  const write = async () => {
    const now = Date.now();
    report.seconds += (now - clock) / 1000;
    clock = now;
    report.rows += batch.length;
    const rows = batch;
    batch = [];
    await deps.db.transaction(async (tx) => {
      if (!(await lockClaim(tx, context.claim))) return;
      await insertRows(tx, access, rows);
      await updateImport(tx, access, intake.id, { report, problems, position });
    });
    context.signal.throwIfAborted();
  };
  // Model-written rows are dear: each is kept at once.
  const batchSize = intake.kind === 'manuals' ? 1 : ROWS_PER_BATCH;
  for await (const candidate of source.read(position)) {
    context.signal.throwIfAborted();
    if (room <= 0) {
      report.isCut = true;
      break;
    }
    report.read += 1;
    position = candidate.position;
    if (candidate.kind === 'row') {
      batch.push(makeRow(candidate, { intake, dataSet, report }));
      room -= 1;
    } else {
      report[candidate.kind] += 1;
      if (problems.length < MAX_PROBLEMS) problems.push({ line: candidate.line, reason: candidate.reason });
    }
    if (batch.length >= batchSize) {
      await write();
      await context.report({
        stage: source.stage,
        done: source.total === 0 ? report.read : position,
        total: source.total,
      });
    }
  }
  await write();
  if (report.rows === 0 && report.read > 0 && report.malformed + report.empty === report.read)
    throw nothingUsable(problems, report);
  if (report.read === 0 && room <= 0) throw full();
  return report;
}

function makeRow(
  candidate: Extract<Candidate, { kind: 'row' }>,
  { intake, dataSet, report }: { intake: DataSetImport; dataSet: DataSet; report: ImportReport },
): NewDataSetRow {
  // Manuals are the workspace's own published text; a name in them is part of the answer.
  const cleaned =
    intake.kind === 'manuals'
      ? { messages: candidate.messages, counts: {}, findings: [] }
      : cleanMessages(candidate.messages);
  for (const [kind, count] of Object.entries(cleaned.counts)) {
    report.personalData[kind] = (report.personalData[kind] ?? 0) + count;
  }
  const findings = [
    ...cleaned.findings,
    ...(candidate.findings ?? []),
    ...inspectRow(cleaned.messages, { language: dataSet.language }),
  ];
  return {
    dataSetId: dataSet.id,
    importId: intake.id,
    messages: cleaned.messages,
    contentSha256: hashMessages(cleaned.messages),
    state: chooseState(findings),
    findings,
    intent: candidate.intent,
    ...candidate.origin,
  };
}

function nothingUsable(problems: readonly ImportProblem[], report: ImportReport): AppError {
  const reasons = problems.slice(0, 3).map(({ line, reason }) => `line ${line} ${reason}`);
  return new AppError({
    code: 'dataset.empty',
    message: `none of ${report.read} entries could become a row`,
    userMessage: `Nothing in this file could become a row. ${reasons.join('; ')}.`,
  });
}

function full(): AppError {
  return new AppError({
    code: 'dataset.full',
    message: `the data set has ${MAX_DATA_SET_ROWS} rows already`,
    userMessage: `This data set has ${MAX_DATA_SET_ROWS.toLocaleString('en')} rows, the most that one may have. Begin another.`,
  });
}
