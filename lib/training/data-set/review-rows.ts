import {
  type DataSetRow,
  findLatestReview,
  findRows,
  markReviewUndone,
  type RowFilter,
  readAllRows,
  restoreRowStates,
  saveEditedRow,
  saveReview,
  setRowStates,
} from '#db/repositories/data-set-rows.ts';
import { lockDataSet } from '#db/repositories/data-sets.ts';
import type { RowBefore, RowFinding, RowMessage } from '#db/schema/data-sets.ts';
import { type Authorized, findUserId } from '#lib/domain/access.ts';
import { AppError, forbidden, invalidInput, notFound } from '#lib/domain/errors.ts';
import { checkSupport } from '#lib/questions/check-support.ts';
import { cleanMessages } from './curate-rows.ts';
import type { DataSetDeps } from './data-set-deps.ts';
import { hashMessages, lastAnswer, normaliseTurns } from './row-content.ts';
import type { RowState } from './row-reasons.ts';
import { listUnsupported } from './row-reasons.ts';

type Write = Authorized<'dataset.write'>;

/** What a person may make of a row. `flag` puts it back for another look. */
export const reviewActions = ['accept', 'reject', 'flag'] as const;
export type ReviewAction = (typeof reviewActions)[number];

const stateAfter: Readonly<Record<ReviewAction, RowState>> = {
  accept: 'accepted',
  reject: 'rejected',
  flag: 'flagged',
};

function requirePerson(access: Write): string {
  const userId = findUserId(access);
  if (userId === null) throw forbidden('a session of a person');
  return userId;
}

const remember = (row: DataSetRow): RowBefore => ({ rowId: row.id, state: row.state });

/**
 * Accept, reject or flag rows: those named, or all that a filter finds. One act, undone as one.
 * @returns how many rows changed
 * @throws AppError `dataset.not-found`, also when a named row is not of this data set
 */
export async function reviewRows(
  deps: Pick<DataSetDeps, 'db'>,
  access: Write,
  input: {
    readonly dataSetId: string;
    readonly action: ReviewAction;
    readonly target: { readonly rowIds: readonly string[] } | { readonly filter: RowFilter };
  },
): Promise<{ readonly changed: number }> {
  const userId = requirePerson(access);
  const { dataSetId, action, target } = input;
  return deps.db.transaction(async (tx) => {
    if (!(await lockDataSet(tx, access, dataSetId))) throw notFound('dataset');
    const rows: DataSetRow[] = [];
    if ('rowIds' in target) {
      rows.push(...(await findRows(tx, access, dataSetId, target.rowIds)));
      if (rows.length !== new Set(target.rowIds).size) throw notFound('dataset');
    } else {
      for await (const page of readAllRows(tx, access, dataSetId, target.filter)) rows.push(...page);
    }
    const changing = rows.filter((row) => row.state !== stateAfter[action] || row.reviewedAt === null);
    if (changing.length === 0) return { changed: 0 };
    await saveReview(tx, access, { dataSetId, userId, action, before: changing.map(remember) });
    const ids = changing.map(({ id }) => id);
    await setRowStates(tx, access, dataSetId, ids, stateAfter[action], userId);
    return { changed: changing.length };
  });
}

/**
 * Give a row other words and accept it. Personal data in them is replaced as everywhere.
 * @throws AppError `dataset.not-found`, `input.invalid` when nothing is left to learn from
 */
export async function editRow(
  deps: Pick<DataSetDeps, 'db'>,
  access: Write,
  input: { readonly dataSetId: string; readonly rowId: string; readonly messages: readonly RowMessage[] },
): Promise<void> {
  const userId = requirePerson(access);
  const turns = normaliseTurns(input.messages);
  if (turns === null || !turns.every(({ content }) => content.isWellFormed())) {
    throw invalidInput('a row needs a question and an answer');
  }
  const { messages } = cleanMessages(turns);
  await deps.db.transaction(async (tx) => {
    if (!(await lockDataSet(tx, access, input.dataSetId))) throw notFound('dataset');
    const [row] = await findRows(tx, access, input.dataSetId, [input.rowId]);
    if (!row) throw notFound('dataset');
    const before = { ...remember(row), messages: row.messages, isEdited: row.isEdited, findings: row.findings };
    await saveReview(tx, access, { dataSetId: input.dataSetId, userId, action: 'edit', before: [before] });
    await saveEditedRow(tx, access, input.dataSetId, row.id, {
      messages,
      contentSha256: hashMessages(messages),
      findings: judgeAgain(row, messages),
      state: 'accepted',
      isEdited: true,
      // The trainer counts anew; a stale count would be a lie.
      tokenCount: null,
      reviewedBy: userId,
    });
  });
}

/** What was found about the quote held for the words that are gone. */
function judgeAgain(row: Pick<DataSetRow, 'findings' | 'quote'>, messages: readonly RowMessage[]): RowFinding[] {
  const others = row.findings.filter(({ reason }) => reason !== 'unsupported');
  return row.quote === null
    ? others
    : [...others, ...listUnsupported(checkSupport(lastAnswer(messages), row.quote, null))];
}

/**
 * Take back the newest act of this person on the data set.
 * @throws AppError `dataset.not-found`, `dataset.nothing-to-undo`
 */
export async function undoReview(
  deps: Pick<DataSetDeps, 'db'>,
  access: Write,
  dataSetId: string,
): Promise<{ readonly action: string; readonly restored: number }> {
  const userId = requirePerson(access);
  return deps.db.transaction(async (tx) => {
    if (!(await lockDataSet(tx, access, dataSetId))) throw notFound('dataset');
    const review = await findLatestReview(tx, access, dataSetId, userId);
    if (!review) {
      throw new AppError({
        code: 'dataset.nothing-to-undo',
        message: 'this person has no act of review that is not undone',
        userMessage: 'There is nothing to undo.',
      });
    }
    await restoreRowStates(
      tx,
      access,
      dataSetId,
      review.before.filter(({ messages }) => messages === undefined),
    );
    for (const { rowId, state, messages, isEdited, findings } of review.before) {
      if (messages === undefined) continue;
      await saveEditedRow(tx, access, dataSetId, rowId, {
        messages,
        contentSha256: hashMessages(messages),
        ...(findings === undefined ? {} : { findings }),
        state,
        isEdited: isEdited ?? false,
        tokenCount: null,
        reviewedBy: null,
      });
    }
    await markReviewUndone(tx, access, review.id);
    return { action: review.action, restored: review.before.length };
  });
}
