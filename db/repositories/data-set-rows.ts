import { and, asc, count, desc, eq, gt, ilike, inArray, isNull, type SQL, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { dataSetReviews, dataSetRows, type RowBefore, type RowFinding, type RowMessage } from '#db/schema/data-sets.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { escapeLike } from './escape-like.ts';

export type DataSetRow = typeof dataSetRows.$inferSelect;
export type DataSetReview = typeof dataSetReviews.$inferSelect;
type Read = Authorized<'dataset.read'> | Authorized<'dataset.write'>;
type Write = Authorized<'dataset.write'>;

/** Rows in one statement: a row is a kilobyte or so. */
const ROWS_PER_STATEMENT = 500;

export type NewDataSetRow = Pick<
  DataSetRow,
  'dataSetId' | 'importId' | 'messages' | 'contentSha256' | 'state' | 'findings' | 'intent'
> &
  Partial<
    Pick<
      DataSetRow,
      | 'tokenCount'
      | 'documentId'
      | 'documentVersionId'
      | 'pageNumber'
      | 'quote'
      | 'conversationId'
      | 'messageId'
      | 'uploadLine'
    >
  >;

export async function insertRows(tx: DatabaseExecutor, access: Write, rows: readonly NewDataSetRow[]): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    await tx
      .insert(dataSetRows)
      .values(
        rows.slice(start, start + ROWS_PER_STATEMENT).map((row) => ({ ...row, workspaceId: access.workspaceId })),
      );
  }
}

export interface RowFilter {
  readonly state?: DataSetRow['state'] | undefined;
  /** Code of a finding. */
  readonly reason?: string | undefined;
  readonly intent?: string | undefined;
  readonly importId?: string | undefined;
  /** Words of the messages, case ignored. */
  readonly search?: string | undefined;
}

const of = (access: Read, dataSetId: string) =>
  and(eq(dataSetRows.workspaceId, access.workspaceId), eq(dataSetRows.dataSetId, dataSetId));

function matching(access: Read, dataSetId: string, filter: RowFilter): SQL | undefined {
  const search = filter.search?.trim() ?? '';
  return and(
    of(access, dataSetId),
    filter.state === undefined ? undefined : eq(dataSetRows.state, filter.state),
    filter.reason === undefined
      ? undefined
      : sql`${dataSetRows.findings} @> ${JSON.stringify([{ reason: filter.reason }])}::jsonb`,
    filter.intent === undefined ? undefined : eq(dataSetRows.intent, filter.intent),
    filter.importId === undefined ? undefined : eq(dataSetRows.importId, filter.importId),
    search === '' ? undefined : ilike(sql`${dataSetRows.messages}::text`, `%${escapeLike(search)}%`),
  );
}

/** In the order in which they came in. */
export async function listRows(
  db: DatabaseExecutor,
  access: Read,
  dataSetId: string,
  filter: RowFilter,
  page: { readonly offset: number; readonly limit: number },
): Promise<DataSetRow[]> {
  return db
    .select()
    .from(dataSetRows)
    .where(matching(access, dataSetId, filter))
    .orderBy(asc(dataSetRows.id))
    .offset(page.offset)
    .limit(page.limit);
}

export async function countRows(
  db: DatabaseExecutor,
  access: Read,
  dataSetId: string,
  filter: RowFilter,
): Promise<number> {
  return db.$count(dataSetRows, matching(access, dataSetId, filter));
}

/** Every row of a data set, in steps; memory holds one step. */
export async function* readAllRows(
  db: DatabaseExecutor,
  access: Read,
  dataSetId: string,
  filter: RowFilter = {},
): AsyncGenerator<DataSetRow[]> {
  let after: string | undefined;
  for (;;) {
    const rows: DataSetRow[] = await db
      .select()
      .from(dataSetRows)
      .where(and(matching(access, dataSetId, filter), after === undefined ? undefined : gt(dataSetRows.id, after)))
      .orderBy(asc(dataSetRows.id))
      .limit(ROWS_PER_STATEMENT);
    if (rows.length > 0) yield rows;
    after = rows.at(-1)?.id;
    if (rows.length < ROWS_PER_STATEMENT) return;
  }
}

export interface RowCounts {
  readonly total: number;
  readonly byState: Readonly<Record<DataSetRow['state'], number>>;
  /** Rows with the finding; a row with two counts in both. */
  readonly byReason: Readonly<Record<string, number>>;
  /** Most frequent first; without those of unknown intent. */
  readonly byIntent: readonly { readonly intent: string; readonly count: number }[];
}

const MAX_INTENTS = 200;

export async function summariseRows(db: DatabaseExecutor, access: Read, dataSetId: string): Promise<RowCounts> {
  const states = await db
    .select({ state: dataSetRows.state, count: count() })
    .from(dataSetRows)
    .where(of(access, dataSetId))
    .groupBy(dataSetRows.state);
  const reasons = await db.execute<{ reason: string; count: number }>(sql`
    select f.value ->> 'reason' as reason, count(distinct r.id) as count
    from ${dataSetRows} r cross join lateral jsonb_array_elements(r.findings) f
    where r.workspace_id = ${access.workspaceId} and r.data_set_id = ${dataSetId}
    group by 1`);
  const intents = await db
    .select({ intent: dataSetRows.intent, count: count() })
    .from(dataSetRows)
    .where(and(of(access, dataSetId), sql`${dataSetRows.intent} <> ''`))
    .groupBy(dataSetRows.intent)
    .orderBy(desc(count()), asc(dataSetRows.intent))
    .limit(MAX_INTENTS);
  const byState = { accepted: 0, flagged: 0, quarantined: 0, rejected: 0 };
  for (const row of states) byState[row.state] = row.count;
  return {
    total: states.reduce((sum, row) => sum + row.count, 0),
    byState,
    byReason: Object.fromEntries(reasons.rows.map((row) => [row.reason, row.count])),
    byIntent: intents,
  };
}

export async function findRows(
  db: DatabaseExecutor,
  access: Read,
  dataSetId: string,
  rowIds: readonly string[],
): Promise<DataSetRow[]> {
  if (rowIds.length === 0) return [];
  return db
    .select()
    .from(dataSetRows)
    .where(and(of(access, dataSetId), inArray(dataSetRows.id, [...rowIds])))
    .orderBy(asc(dataSetRows.id));
}

export interface CuratedRow {
  readonly id: string;
  readonly state: DataSetRow['state'];
  readonly findings: readonly RowFinding[];
  readonly intent: string;
  readonly clusterId: string | null;
  readonly tokenCount: number | null;
}

/** Write what curation found. Rows that a person has judged keep their state. */
export async function saveCuration(tx: DatabaseExecutor, access: Write, rows: readonly CuratedRow[]): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    const part = JSON.stringify(rows.slice(start, start + ROWS_PER_STATEMENT));
    await tx.execute(sql`
      update ${dataSetRows} r
      set state = case when r.reviewed_at is null then x.state else r.state end,
        findings = x.findings, intent = x.intent, cluster_id = x."clusterId", token_count = x."tokenCount"
      from jsonb_to_recordset(${part}::jsonb)
        as x(id uuid, state text, findings jsonb, intent text, "clusterId" uuid, "tokenCount" integer)
      where r.id = x.id and r.workspace_id = ${access.workspaceId}`);
  }
}

/** Set a state that stands above what a person decided: the source is gone, or a test suite holds the row. */
export async function setFoundStates(
  tx: DatabaseExecutor,
  access: Write,
  dataSetId: string,
  rowIds: readonly string[],
  state: DataSetRow['state'],
): Promise<void> {
  for (let start = 0; start < rowIds.length; start += ROWS_PER_STATEMENT) {
    await tx
      .update(dataSetRows)
      .set({ state, reviewedBy: null, reviewedAt: null })
      .where(and(of(access, dataSetId), inArray(dataSetRows.id, rowIds.slice(start, start + ROWS_PER_STATEMENT))));
  }
}

/** Change rows and keep what they were. */
export async function saveReview(
  tx: DatabaseExecutor,
  access: Write,
  review: {
    readonly dataSetId: string;
    readonly userId: string;
    readonly action: DataSetReview['action'];
    readonly before: readonly RowBefore[];
  },
): Promise<DataSetReview> {
  const [row] = await tx
    .insert(dataSetReviews)
    .values({ ...review, workspaceId: access.workspaceId })
    .returning();
  if (!row) throw new Error('insert of a review returned no row');
  return row;
}

export async function setRowStates(
  tx: DatabaseExecutor,
  access: Write,
  dataSetId: string,
  rowIds: readonly string[],
  state: DataSetRow['state'],
  reviewedBy: string,
): Promise<void> {
  for (let start = 0; start < rowIds.length; start += ROWS_PER_STATEMENT) {
    await tx
      .update(dataSetRows)
      .set({ state, reviewedBy, reviewedAt: sql`now()` })
      .where(and(of(access, dataSetId), inArray(dataSetRows.id, rowIds.slice(start, start + ROWS_PER_STATEMENT))));
  }
}

export async function saveEditedRow(
  tx: DatabaseExecutor,
  access: Write,
  dataSetId: string,
  rowId: string,
  values: {
    readonly messages: readonly RowMessage[];
    readonly contentSha256: string;
    /** Absent: those that are there stay. */
    readonly findings?: readonly RowFinding[];
    readonly state: DataSetRow['state'];
    readonly isEdited: boolean;
    readonly tokenCount: number | null;
    /** Null: nobody has judged it, as after an undo. */
    readonly reviewedBy: string | null;
  },
): Promise<void> {
  await tx
    .update(dataSetRows)
    .set({ ...values, reviewedAt: values.reviewedBy === null ? null : sql`now()` })
    .where(and(of(access, dataSetId), eq(dataSetRows.id, rowId)));
}

/** The newest act of this person that has not been undone. */
export async function findLatestReview(
  tx: DatabaseExecutor,
  access: Write,
  dataSetId: string,
  userId: string,
): Promise<DataSetReview | undefined> {
  const [row] = await tx
    .select()
    .from(dataSetReviews)
    .where(
      and(
        eq(dataSetReviews.workspaceId, access.workspaceId),
        eq(dataSetReviews.dataSetId, dataSetId),
        eq(dataSetReviews.userId, userId),
        isNull(dataSetReviews.undoneAt),
      ),
    )
    .orderBy(desc(dataSetReviews.createdAt), desc(dataSetReviews.id))
    .limit(1);
  return row;
}

export async function markReviewUndone(tx: DatabaseExecutor, access: Write, reviewId: string): Promise<void> {
  await tx
    .update(dataSetReviews)
    .set({ undoneAt: sql`now()` })
    .where(and(eq(dataSetReviews.workspaceId, access.workspaceId), eq(dataSetReviews.id, reviewId)));
}

/** Back to what they were before, as if nobody had judged them. */
export async function restoreRowStates(
  tx: DatabaseExecutor,
  access: Write,
  dataSetId: string,
  before: readonly RowBefore[],
): Promise<void> {
  for (const state of ['accepted', 'flagged', 'quarantined', 'rejected'] as const) {
    const ids = before.filter((row) => row.state === state).map((row) => row.rowId);
    for (let start = 0; start < ids.length; start += ROWS_PER_STATEMENT) {
      await tx
        .update(dataSetRows)
        .set({ state, reviewedBy: null, reviewedAt: null })
        .where(and(of(access, dataSetId), inArray(dataSetRows.id, ids.slice(start, start + ROWS_PER_STATEMENT))));
    }
  }
}
