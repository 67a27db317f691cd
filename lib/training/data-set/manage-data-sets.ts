import { createAuditRepository } from '#db/repositories/audit.ts';
import {
  countRows,
  type DataSetRow,
  listRows,
  type RowCounts,
  type RowFilter,
  summariseRows,
} from '#db/repositories/data-set-rows.ts';
import { type DataSetVersion, findVersion, listVersionRows, listVersions } from '#db/repositories/data-set-versions.ts';
import {
  type DataSet,
  type DataSetImport,
  type DataSetListRow,
  findDataSet,
  insertDataSet,
  insertImport,
  listImports,
  listDataSets as listRowsOfDataSets,
  lockDataSet,
  markDataSetDeleted,
  updateDataSet,
} from '#db/repositories/data-sets.ts';
import { listManualPassages } from '#db/repositories/manual-passages.ts';
import { readLearnsFromConversations, setLearnsFromConversations } from '#db/repositories/row-sources.ts';
import { insertRun, listRunsOfSubjects, type Run, requestRunCancel } from '#db/repositories/runs.ts';
import { createWorkspaceRepository } from '#db/repositories/workspaces.ts';
import { type Authorized, findUserId } from '#lib/domain/access.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { forecastMinutes } from '#lib/questions/forecast-questions.ts';
import { planQuestions } from '#lib/questions/plan-questions.ts';
import { type DataSetDeps, MAX_CHAT_LOG_BYTES } from './data-set-deps.ts';
import { type ImportSettings, importReportSchema } from './import-settings.ts';
import { notAllowedToLearn } from './open-conversations.ts';
import { type ChatLogFormat, detectChatLog, readFirstLine } from './parse-chat-log.ts';
import { emptyStyleSheet, mergeInstructions, type StyleSheet, styleSheetSchema } from './style-sheet.ts';
import { type ColumnMapping, guessColumns, readHeader } from './table-columns.ts';

type Read = Authorized<'dataset.read'>;
type Write = Authorized<'dataset.write'>;

/** The workspace's instructions are cut to this in the settings page as well. */
const MAX_INSTRUCTION_CHARACTERS = 2000;

const notFoundDataSet = () => notFound('dataset');

/** @throws AppError `dataset.name-taken` */
export async function createDataSet(
  deps: Pick<DataSetDeps, 'db'>,
  access: Write,
  input: { readonly name: string; readonly language: string; readonly maxRowTokens: number },
): Promise<{ readonly dataSetId: string }> {
  return deps.db.transaction(async (tx) => {
    const dataSet = await insertDataSet(tx, access, { ...input, createdBy: findUserId(access) });
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'dataset.create',
      targetId: dataSet.id,
      details: { name: dataSet.name },
    });
    return { dataSetId: dataSet.id };
  });
}

/**
 * Its rows are removed at once; frozen versions stay for the adapters that were trained on them.
 * @throws AppError `dataset.not-found`
 */
export async function deleteDataSet(deps: Pick<DataSetDeps, 'db'>, access: Write, dataSetId: string): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const imports = await listImports(tx, access, dataSetId);
    const dataSet = await markDataSetDeleted(tx, access, dataSetId);
    if (!dataSet) throw notFoundDataSet();
    const runs = await listRunsOfSubjects(tx, access, [dataSetId, ...imports.map(({ id }) => id)]);
    for (const run of runs.filter(isMoving)) await requestRunCancel(tx, access, run.id);
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'dataset.delete',
      targetId: dataSetId,
      details: { name: dataSet.name },
    });
  });
}

const isMoving = (run: Run) => run.state === 'queued' || run.state === 'running';

async function queueImport(
  deps: Pick<DataSetDeps, 'db' | 'queue'>,
  access: Write,
  values: {
    readonly dataSetId: string;
    readonly title: string;
    readonly settings: ImportSettings;
    readonly uploadSha256?: string;
  },
): Promise<{ readonly importId: string; readonly runId: string }> {
  await deps.queue.open();
  return deps.db.transaction(async (tx) => {
    const dataSet = await lockDataSet(tx, access, values.dataSetId);
    if (!dataSet) throw notFoundDataSet();
    const createdBy = findUserId(access);
    const intake = await insertImport(tx, access, {
      dataSetId: dataSet.id,
      kind: values.settings.kind,
      title: values.title,
      settings: values.settings,
      uploadSha256: values.uploadSha256 ?? null,
      createdBy,
    });
    const run = await insertRun(tx, access, {
      kind: 'dataset.import',
      subjectId: intake.id,
      title: `${dataSet.name}: ${values.title}`,
      createdBy,
    });
    await deps.queue.enqueue(tx, 'dataset.import', { workspaceId: access.workspaceId, runId: run.id });
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'dataset.import',
      targetId: dataSet.id,
      details: { kind: values.settings.kind, title: values.title, importId: intake.id },
    });
    return { importId: intake.id, runId: run.id };
  });
}

/**
 * Store a chat log and have its rows taken in. The raw file is removed as soon as they are.
 * @throws AppError `dataset.not-found`, `dataset.format-unknown`, `dataset.columns-missing`, `document.too-large`, `document.empty`
 */
export async function uploadChatLog(
  deps: Pick<DataSetDeps, 'db' | 'queue' | 'dataSetUploads'>,
  access: Write,
  input: {
    readonly dataSetId: string;
    readonly fileName: string;
    readonly stream: AsyncIterable<Uint8Array>;
    /** Null: by the file's name and first bytes. */
    readonly format: ChatLogFormat | null;
    /** Null: by the names of the columns. */
    readonly columns: ColumnMapping | null;
    readonly signal?: AbortSignal;
  },
): Promise<{ readonly importId: string; readonly runId: string }> {
  if (!(await findDataSet(deps.db, access, input.dataSetId))) throw notFoundDataSet();
  const { sha256 } = await deps.dataSetUploads.put(input.stream, {
    maxBytes: MAX_CHAT_LOG_BYTES,
    ...(input.signal && { signal: input.signal }),
  });
  const file = deps.dataSetUploads.locate(sha256);
  const fileName = input.fileName.split(/[/\\]/).at(-1)?.trim().slice(0, 200) || 'chat log';
  const format = input.format ?? (await detectChatLog(file, fileName));
  if (format === null) throw unknownFormat(fileName);
  let { columns } = input;
  if (format === 'csv' && columns === null) {
    const header = readHeader(await readFirstLine(file));
    columns = guessColumns(header);
    if (columns === null) throw columnsUnclear(header);
  }
  return queueImport(deps, access, {
    dataSetId: input.dataSetId,
    title: fileName,
    settings: { kind: 'upload', format, columns: format === 'csv' ? columns : null },
    uploadSha256: sha256,
  });
}

function unknownFormat(fileName: string): AppError {
  return new AppError({
    code: 'dataset.format-unknown',
    message: `${fileName} is no chat log that is known`,
    userMessage: 'This is no chat log that can be read: JSON lines (OpenAI or ShareGPT), CSV, or a plain transcript.',
  });
}

function columnsUnclear(header: readonly string[]): AppError {
  return new AppError({
    code: 'dataset.columns-missing',
    message: `no mapping was given and the columns ${header.join(', ')} speak for none`,
    userMessage: `Say which columns hold questions and answers. The file has: ${header.slice(0, 20).join(', ')}.`,
  });
}

/** @throws AppError `dataset.not-found`, `dataset.no-consent` */
export async function takeInConversations(
  deps: Pick<DataSetDeps, 'db' | 'queue'>,
  access: Write,
  input: { readonly dataSetId: string },
): Promise<{ readonly importId: string; readonly runId: string }> {
  if (!(await findDataSet(deps.db, access, input.dataSetId))) throw notFoundDataSet();
  if (!(await readLearnsFromConversations(deps.db, access))) throw notAllowedToLearn();
  const settings = { kind: 'conversations' } as const;
  return queueImport(deps, access, { dataSetId: input.dataSetId, title: 'Rated conversations', settings });
}

export interface ManualRequest {
  readonly dataSetId: string;
  /** Empty: every document. */
  readonly documentIds: readonly string[];
  readonly maxRows: number;
  /** 0 to 1. */
  readonly refusalShare: number;
}

/** What writing questions would cost. Time is measured on the last intake of the kind, else a guess for two cores. */
export async function estimateManualRows(
  deps: Pick<DataSetDeps, 'db'>,
  access: Write,
  input: ManualRequest,
): Promise<{ readonly passages: number; readonly rows: number; readonly refusals: number; readonly minutes: number }> {
  if (!(await findDataSet(deps.db, access, input.dataSetId))) throw notFoundDataSet();
  const passages = await listManualPassages(deps.db, access, input.documentIds);
  const planned = planQuestions(passages, input);
  const earlier = (await listImports(deps.db, access, input.dataSetId))
    .filter(({ kind }) => kind === 'manuals')
    .map(({ report }) => importReportSchema.parse(report));
  const refusals = planned.filter(({ kind }) => kind === 'refusal').length;
  return {
    passages: passages.length,
    rows: planned.length - refusals,
    refusals,
    minutes: forecastMinutes(planned.length, earlier),
  };
}

/** @throws AppError `dataset.not-found` */
export async function writeManualRows(
  deps: Pick<DataSetDeps, 'db' | 'queue'>,
  access: Write,
  input: ManualRequest,
): Promise<{ readonly importId: string; readonly runId: string }> {
  const { dataSetId, documentIds, maxRows, refusalShare } = input;
  const title =
    documentIds.length === 0
      ? 'Questions from all manuals'
      : `Questions from ${documentIds.length === 1 ? 'a manual' : `${documentIds.length} manuals`}`;
  const settings = { kind: 'manuals' as const, documentIds: [...documentIds], maxRows, refusalShare };
  return queueImport(deps, access, { dataSetId, title, settings });
}

/** Keep a style sheet. @throws AppError `dataset.not-found` */
export async function saveStyleSheet(
  deps: Pick<DataSetDeps, 'db'>,
  access: Write,
  input: { readonly dataSetId: string; readonly styleSheet: StyleSheet },
): Promise<void> {
  const dataSet = await updateDataSet(deps.db, access, input.dataSetId, { styleSheet: input.styleSheet });
  if (!dataSet) throw notFoundDataSet();
}

/** @throws AppError `dataset.not-found` */
export async function takeInStyle(
  deps: Pick<DataSetDeps, 'db' | 'queue'>,
  access: Write,
  input: { readonly dataSetId: string },
): Promise<{ readonly importId: string; readonly runId: string }> {
  return queueImport(deps, access, { dataSetId: input.dataSetId, title: 'Style sheet', settings: { kind: 'style' } });
}

/**
 * Put the sheet's rules into the workspace's instructions, in place of those of an earlier sheet.
 * @throws AppError `dataset.not-found`, `input.invalid` when the instructions would be too long
 */
export async function applyStyleToWorkspace(
  deps: Pick<DataSetDeps, 'db'>,
  access: { readonly data: Write; readonly workspace: Authorized<'workspace.configure'> },
  dataSetId: string,
): Promise<{ readonly instructions: string }> {
  return deps.db.transaction(async (tx) => {
    const dataSet = await findDataSet(tx, access.data, dataSetId);
    if (!dataSet) throw notFoundDataSet();
    const workspaces = createWorkspaceRepository(tx);
    const workspace = await workspaces.read(access.workspace);
    const sheet = styleSheetSchema.parse(dataSet.styleSheet ?? emptyStyleSheet);
    const instructions = mergeInstructions(workspace?.instructions ?? '', sheet);
    if (instructions.length > MAX_INSTRUCTION_CHARACTERS) {
      throw new AppError({
        code: 'input.invalid',
        message: `the instructions would have ${instructions.length} characters; at most ${MAX_INSTRUCTION_CHARACTERS}`,
        userMessage: `With this style sheet the instructions would have ${instructions.length} characters; at most ${MAX_INSTRUCTION_CHARACTERS} are allowed. Shorten the rules.`,
      });
    }
    await workspaces.update(access.workspace, { instructions });
    await recordAudit({ audit: createAuditRepository(tx) }, access.workspace.actor, {
      workspaceId: access.workspace.workspaceId,
      action: 'workspace.configure',
      targetId: dataSetId,
      details: { instructionsFrom: 'style sheet' },
    });
    return { instructions };
  });
}

/** Whether rated conversations may become rows. Turning it off leaves rows that were taken in before. */
export async function setConsent(
  deps: Pick<DataSetDeps, 'db'>,
  access: Authorized<'workspace.configure'>,
  isOn: boolean,
): Promise<void> {
  await deps.db.transaction(async (tx) => {
    await setLearnsFromConversations(tx, access, isOn);
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'workspace.configure',
      targetId: access.workspaceId,
      details: { learnsFromConversations: isOn },
    });
  });
}

export async function readConsent(deps: Pick<DataSetDeps, 'db'>, access: Read): Promise<boolean> {
  return readLearnsFromConversations(deps.db, access);
}

/** Newest first. */
export async function listDataSets(deps: Pick<DataSetDeps, 'db'>, access: Read): Promise<DataSetListRow[]> {
  return listRowsOfDataSets(deps.db, access);
}

export interface DataSetPage {
  readonly dataSet: DataSet;
  readonly styleSheet: StyleSheet;
  readonly counts: RowCounts;
  readonly imports: readonly { readonly intake: DataSetImport; readonly run: Run | null }[];
  /** The newest freezing that is under way or failed. */
  readonly freeze: Run | null;
  readonly versions: readonly DataSetVersion[];
}

/** All that the page of a data set shows besides its rows. @throws AppError `dataset.not-found` */
export async function readDataSet(
  deps: Pick<DataSetDeps, 'db'>,
  access: Read,
  dataSetId: string,
): Promise<DataSetPage> {
  const dataSet = await findDataSet(deps.db, access, dataSetId);
  if (!dataSet) throw notFoundDataSet();
  const imports = await listImports(deps.db, access, dataSetId);
  const [counts, runs, versions] = await Promise.all([
    summariseRows(deps.db, access, dataSetId),
    listRunsOfSubjects(deps.db, access, [dataSetId, ...imports.map(({ id }) => id)]),
    listVersions(deps.db, access, dataSetId),
  ]);
  return {
    dataSet,
    styleSheet: styleSheetSchema.parse(dataSet.styleSheet ?? emptyStyleSheet),
    counts,
    imports: imports.map((intake) => ({ intake, run: runs.find(({ subjectId }) => subjectId === intake.id) ?? null })),
    freeze: runs.find(({ subjectId }) => subjectId === dataSetId) ?? null,
    versions: versions.map(({ version }) => version),
  };
}

/** Rows in the order in which they came in. @param page.limit 1 to 200 */
export async function readRowPage(
  deps: Pick<DataSetDeps, 'db'>,
  access: Read,
  dataSetId: string,
  filter: RowFilter,
  page: { readonly offset: number; readonly limit: number },
): Promise<{ readonly rows: readonly DataSetRow[]; readonly matching: number }> {
  const [rows, matching] = await Promise.all([
    listRows(deps.db, access, dataSetId, filter, page),
    countRows(deps.db, access, dataSetId, filter),
  ]);
  return { rows, matching };
}

export interface VersionDifference {
  readonly added: number;
  readonly removed: number;
  /** Same row, other words. */
  readonly changed: number;
  readonly moved: number;
  readonly same: number;
}

/**
 * What became of the rows from one version to another.
 * @throws AppError `dataset.not-found`, also for versions of two data sets
 */
export async function compareVersions(
  deps: Pick<DataSetDeps, 'db'>,
  access: Read,
  versionId: string,
  otherId: string,
): Promise<VersionDifference> {
  const [version, other] = await Promise.all([
    findVersion(deps.db, access, versionId),
    findVersion(deps.db, access, otherId),
  ]);
  if (!version || !other || version.version.dataSetId !== other.version.dataSetId) throw notFoundDataSet();
  const [rows, otherRows] = await Promise.all([
    listVersionRows(deps.db, access, versionId),
    listVersionRows(deps.db, access, otherId),
  ]);
  const before = new Map(otherRows.map((row) => [row.rowId, row]));
  const difference = { added: 0, removed: 0, changed: 0, moved: 0, same: 0 };
  for (const row of rows) {
    const old = before.get(row.rowId);
    before.delete(row.rowId);
    if (old === undefined) difference.added += 1;
    else if (old.contentSha256 !== row.contentSha256) difference.changed += 1;
    else if (old.split !== row.split) difference.moved += 1;
    else difference.same += 1;
  }
  return { ...difference, removed: before.size };
}
