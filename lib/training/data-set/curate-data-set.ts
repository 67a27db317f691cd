import { setImmediate as giveWay } from 'node:timers/promises';
import { type DataSetRow, readAllRows, saveCuration } from '#db/repositories/data-set-rows.ts';
import type { DataSet } from '#db/repositories/data-sets.ts';
import { listManualPassages } from '#db/repositories/manual-passages.ts';
import type { RowFinding } from '#db/schema/data-sets.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError } from '#lib/domain/errors.ts';
import type { RunContext } from '#lib/jobs/perform-run.ts';
import { findRepetitions, findTooLong } from './curate-rows.ts';
import type { DataSetDeps } from './data-set-deps.ts';
import { findContradictions } from './find-contradictions.ts';
import { findTriggers } from './find-triggers.ts';
import { type IntentExample, nameIntents } from './name-intents.ts';
import { firstQuestion, lastAnswer } from './row-content.ts';
import { chooseState } from './row-reasons.ts';

/** Findings that depend on the other rows or on the data set's settings: found anew each time. */
const RECOMPUTED = new Set(['too-long', 'duplicate', 'near-duplicate', 'trigger', 'contradicts-source']);
/** Texts in one call of the runtime. */
const TEXTS_PER_CALL = 256;
/** What a chat template adds to a turn, in tokens: role, separators, end of turn. */
const TOKENS_PER_TURN = 8;
/** Rows compared between two breaths of the event loop. */
const ROWS_PER_TURN = 200;

type Row = Pick<DataSetRow, 'id' | 'messages' | 'findings' | 'intent' | 'tokenCount' | 'documentId' | 'state'>;

/**
 * The steps that look at all rows of a data set together: length, repetitions, triggers, intents. Rows that a person has judged
 * keep their state; what was found is told all the same.
 */
export async function curateDataSet(
  deps: Pick<DataSetDeps, 'db' | 'runtime'>,
  access: Authorized<'dataset.write'>,
  dataSet: Pick<DataSet, 'id' | 'maxRowTokens'>,
  context: Pick<RunContext, 'signal' | 'report'>,
): Promise<void> {
  const rows: Row[] = [];
  for await (const page of readAllRows(deps.db, access, dataSet.id)) rows.push(...page);
  await context.report({ stage: 'counting', done: 0, total: rows.length });
  const tokenCounts = await countRowTokens(deps.runtime, rows, context);
  await context.report({ stage: 'comparing', done: 0, total: rows.length });
  const repetitions = await findRepetitions(rows, async (done) => {
    if (done % ROWS_PER_TURN !== 0) return;
    await context.report({ stage: 'comparing', done, total: rows.length });
    await giveWay();
  });
  const triggers = findTriggers(
    rows.map(({ id, messages }) => ({ id, question: firstQuestion(messages), answer: lastAnswer(messages) })),
  );
  const contradictions = await findSourceContradictions(deps.db, access, rows);
  await context.report({ stage: 'sorting', done: 0, total: rows.length });
  const intents = await findIntents(deps.runtime, rows, context.signal);
  await context.report({ stage: 'saving', done: 0, total: rows.length });
  await saveCuration(
    deps.db,
    access,
    rows.map((row) => {
      const tokenCount = tokenCounts.get(row.id) ?? row.tokenCount;
      const repetition = repetitions.get(row.id);
      const trigger = triggers.get(row.id);
      const found: (RowFinding | null | undefined)[] = [
        ...row.findings.filter(({ reason }) => !RECOMPUTED.has(reason)),
        findTooLong(tokenCount, dataSet.maxRowTokens),
        repetition?.finding,
        contradictions.get(row.id),
        trigger === undefined ? null : { reason: 'trigger', detail: `“${trigger}” always brings the same answer` },
      ];
      const findings = found.filter((finding) => finding !== null && finding !== undefined);
      return {
        id: row.id,
        state: chooseState(findings),
        findings,
        intent: intents.get(row.id) ?? row.intent,
        clusterId: repetition?.clusterId ?? null,
        tokenCount,
      };
    }),
  );
}

/** Of rows that people wrote: those from manuals are held against their quote. */
async function findSourceContradictions(
  db: DataSetDeps['db'],
  access: Authorized<'dataset.write'>,
  rows: readonly Row[],
): Promise<ReadonlyMap<string, RowFinding>> {
  const written = rows.filter(({ documentId }) => documentId === null);
  const passages = written.length === 0 ? [] : await listManualPassages(db, access, []);
  if (passages.length === 0) return new Map();
  const found = await findContradictions(
    written.map(({ id, messages }) => ({ id, text: lastAnswer(messages) })),
    passages,
    async (done) => {
      if (done % ROWS_PER_TURN === 0) await giveWay();
    },
  );
  return new Map([...found].map(([id, detail]) => [id, { reason: 'contradicts-source', detail }]));
}

async function countRowTokens(
  runtime: DataSetDeps['runtime'],
  rows: readonly Row[],
  context: Pick<RunContext, 'signal' | 'report'>,
): Promise<ReadonlyMap<string, number>> {
  const uncounted = rows.filter(({ tokenCount }) => tokenCount === null);
  const counts = new Map<string, number>();
  for (let start = 0; start < uncounted.length; start += TEXTS_PER_CALL) {
    const part = uncounted.slice(start, start + TEXTS_PER_CALL);
    await context.report({ stage: 'counting', done: start, total: uncounted.length });
    const texts = part.map(({ messages }) => messages.map(({ content }) => content).join('\n'));
    let measured: readonly number[];
    try {
      measured = await runtime.countTokens(texts, { priority: 'ingestion', signal: context.signal });
    } catch (error) {
      // Without a base model nothing can be trained either; the trainer counts again, exactly.
      if (AppError.isInstance(error) && error.code === 'runtime.no-base-model') return counts;
      throw error;
    }
    for (const [index, { id, messages }] of part.entries()) {
      counts.set(id, (measured[index] ?? 0) + messages.length * TOKENS_PER_TURN);
    }
  }
  return counts;
}

/** Intents of rows that have none; rows from manuals are split by their document and need none. */
async function findIntents(
  runtime: DataSetDeps['runtime'],
  rows: readonly Row[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const unknown = rows.filter(({ intent, documentId }) => intent === '' && documentId === null);
  if (unknown.length === 0) return new Map();
  const known = new Map<string, string>();
  for (const { intent, messages } of rows) {
    if (intent !== '' && !known.has(intent)) known.set(intent, firstQuestion(messages));
  }
  const embed = async (questions: readonly string[]): Promise<IntentExample[]> => {
    const examples: IntentExample[] = [];
    for (let start = 0; start < questions.length; start += TEXTS_PER_CALL) {
      const texts = questions.slice(start, start + TEXTS_PER_CALL);
      const embeddings = await runtime.embedTexts(texts, { priority: 'ingestion', signal });
      for (const [index, question] of texts.entries()) {
        const embedding = embeddings[index];
        if (embedding) examples.push({ question, embedding });
      }
    }
    return examples;
  };
  const knownExamples = await embed([...known.values()]);
  const names = nameIntents(
    await embed(unknown.map(({ messages }) => firstQuestion(messages))),
    [...known.keys()].flatMap((intent, index) => {
      const example = knownExamples[index];
      return example ? [{ intent, embedding: example.embedding }] : [];
    }),
  );
  return new Map(unknown.map(({ id }, index) => [id, names[index] ?? '']));
}
