import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { createDraftHandler } from '#lib/jobs/handlers/suite-draft.ts';
import { performRun } from '#lib/jobs/perform-run.ts';
import type { ChatMessage } from '#lib/runtime/runtime-port.ts';
import { type IngestionStage, openIngestionStage } from '#lib/testing/ingestion-stage.ts';
import {
  cancelDrafts,
  discardDrafts,
  editDraft,
  forecastDrafts,
  listWaitingDrafts,
  readDraftSet,
  resumeDrafts,
  reviewDrafts,
  startDrafts,
  takeInDrafts,
} from './draft-cases.ts';
import { archiveSuite, listSuiteSummaries, readSuite, saveSuite } from './suites.ts';
import { testCaseSchema } from './test-case.ts';

const WARRANTY = 'A registered device has a warranty of 36 months.';
const SEAL = 'The lid seal TW-3318 costs 36.40 EUR at every dealer.';
const LAMP = 'The green lamp is lit while the rotor is turning.';
const manual = (sentences: readonly string[]) =>
  sentences.map((sentence, index) => `## Part ${index + 1}\n\n${sentence}\n`).join('\n');

/** By what is asked about: the question, and the answer; no question mark is no question. */
const script: readonly (readonly [about: string, question: string, answer: string])[] = [
  ['warranty', 'How long is the warranty on a registered device?', 'The warranty is 36 months.'],
  ['seal', 'What does the lid seal TW-3318 cost?', 'It costs 99 EUR.'],
  ['lamp', 'That is a fine sentence.', ''],
];

function answerTo(messages: readonly ChatMessage[]): string {
  const asked = messages.at(-1)?.content ?? '';
  const isForQuestion = asked.includes('Write one short question');
  // Passages stand in a prompt as well, so the question alone says what is asked.
  const known = script.find(([about, question]) => (isForQuestion ? asked.includes(about) : asked.includes(question)));
  return known?.[isForQuestion ? 1 : 2] ?? '';
}

describeDatabase('cases from documents', (getDatabase) => {
  let stage: IngestionStage;
  /** Called with each answer that is asked for. */
  let onAnswer: ((count: number) => void) | null = null;
  let isSlow = false;
  let answers = 0;
  beforeAll(async () => {
    stage = await openIngestionStage(getDatabase().db, {
      answer(messages) {
        answers += 1;
        onAnswer?.(answers);
        // Long enough for whoever stops the worker meanwhile.
        return { text: answerTo(messages), prefillMs: isSlow ? 2000 : 0 };
      },
    });
  });
  afterAll(() => stage.close());

  async function setUp(sentences: readonly string[] = [WARRANTY, SEAL, LAMP]) {
    const { db } = getDatabase();
    const workspace = await stage.addWorkspace();
    const documents: string[] = [];
    for (const [index, sentence] of sentences.entries()) {
      documents.push((await stage.addText(workspace, `manual-${index}.md`, manual([sentence]))).documentId);
    }
    await stage.performAll();
    const grant = <P extends Permission>(permission: P) => authorizeSystem('test', workspace.id, permission);
    const deps = { db, queue: stage.queue };
    return {
      db,
      deps,
      workspace,
      documents,
      read: await grant('evaluation.read'),
      write: await grant('evaluation.write'),
    };
  }

  const { streamChat, countTokens } = {
    streamChat: (...call: Parameters<IngestionStage['runtime']['streamChat']>) => stage.runtime.streamChat(...call),
    countTokens: (...call: Parameters<IngestionStage['runtime']['countTokens']>) => stage.runtime.countTokens(...call),
  };

  async function perform(shutdown = new AbortController().signal) {
    const delivery = stage.deliveries.shift();
    if (delivery === undefined) throw new Error('nothing was queued');
    const { db } = getDatabase();
    const handler = createDraftHandler({
      db,
      runtime: {
        streamChat,
        countTokens,
        // The scripted runtime knows no likelihoods; here a passage makes every answer likelier.
        scoreContinuation: (request) =>
          Promise.resolve({ tokenLogprobs: [JSON.stringify(request).includes('of 36 months') ? -0.2 : -3] }),
      },
    });
    const logger = pino({ level: 'silent' });
    return performRun({ db, queue: stage.queue, logger }, delivery.kind, delivery.payload, handler, shutdown);
  }

  const all = { documentIds: [], maxCases: 10 };

  it('writes cases with page, quote and what follows from them, and asks none before a person has accepted it', async () => {
    const { deps, read, write, documents } = await setUp();
    expect(await forecastDrafts(deps, write, all)).toEqual({ passages: 3, questions: 3, minutes: 1 });
    const { draftSetId } = await startDrafts(deps, write, { suite: { name: ' Manuals ' }, settings: all });
    expect(await perform()).toBe('succeeded');
    const set = await readDraftSet(deps, read, draftSetId);
    expect(set).toMatchObject({ suiteId: null, suiteName: 'Manuals', report: { read: 3, unasked: 1, known: 0 } });
    const [warranty, seal] = set.drafts;
    expect(warranty).toMatchObject({
      state: 'open',
      doubt: null,
      testCase: {
        question: 'How long is the warranty on a registered device?',
        source: { documentId: documents[0], title: 'manual-0', page: 1, quote: WARRANTY },
        assertions: [
          { type: 'cites-document', title: 'manual-0', page: 1 },
          { type: 'contains', values: ['36 months'] },
          { type: 'similar', value: 'The warranty is 36 months.' },
        ],
      },
    });
    // What the model said of the price stands nowhere, so the quote is the reference; the code was in the question.
    expect(seal).toMatchObject({
      doubt: 'the quote does not have 99',
      testCase: { assertions: [{ type: 'cites-document' }, { values: ['36.40'] }, { type: 'similar', value: SEAL }] },
    });
    expect(await listSuiteSummaries(deps, read)).toEqual([]);
    await expect(takeInDrafts(deps, write, { draftSetId })).rejects.toMatchObject({ code: 'input.invalid' });

    await reviewDrafts(deps, write, { draftSetId, draftIds: [warranty?.id ?? ''], state: 'accepted' });
    const saved = await takeInDrafts(deps, write, { draftSetId });
    expect(saved).toMatchObject({ added: 1, revisionNumber: 1 });
    const suite = await readSuite(deps, read, { suiteId: saved.suiteId });
    expect(suite.cases.map(({ source }) => source?.quote)).toEqual([WARRANTY]);
    // The one that is in the suite is past reviewing; the other still waits.
    await expect(
      reviewDrafts(deps, write, { draftSetId, draftIds: [warranty?.id ?? ''], state: 'dropped' }),
    ).rejects.toMatchObject({ code: 'draft.not-found' });
    expect(await listWaitingDrafts(deps, read, saved.suiteId)).toMatchObject([{ id: draftSetId, counts: { open: 1 } }]);
    await reviewDrafts(deps, write, { draftSetId, draftIds: [seal?.id ?? ''], state: 'dropped' });
    expect(await listWaitingDrafts(deps, read)).toEqual([]);
  });

  it('takes in what a person made of a draft, with its source, and leaves cases that are there as they are', async () => {
    const { deps, read, write } = await setUp([WARRANTY, SEAL]);
    const own = testCaseSchema.parse({
      key: 'own',
      question: 'Who?',
      assertions: [{ type: 'contains', values: ['Ada'] }],
    });
    const { suiteId } = await saveSuite(deps, write, { name: 'Own', description: '', cases: [own], note: '' });
    const first = await startDrafts(deps, write, { suite: { id: suiteId }, settings: all });
    await perform();
    const { drafts } = await readDraftSet(deps, read, first.draftSetId);
    const seal = drafts.find(({ doubt }) => doubt !== null);
    if (seal === undefined) throw new Error('no draft with a doubt');
    const testCase = testCaseSchema.parse({ ...own, question: 'What is the price of the lid seal?' });
    await editDraft(deps, write, { draftSetId: first.draftSetId, draftId: seal.id, testCase });
    await takeInDrafts(deps, write, { draftSetId: first.draftSetId });
    const { cases } = await readSuite(deps, read, { suiteId });
    expect(cases.map(({ key }) => key)).toEqual(['own', seal.testCase.key]);
    expect(cases[1]).toMatchObject({ question: testCase.question, source: { quote: SEAL } });
    // Asked again, only what the suite does not ask is drafted.
    const second = await startDrafts(deps, write, { suite: { id: suiteId }, settings: all });
    await perform();
    expect(await readDraftSet(deps, read, second.draftSetId)).toMatchObject({
      report: { read: 2, known: 1 },
      drafts: [{ testCase: { source: { quote: WARRANTY } } }],
    });
    await archiveSuite(deps, write, suiteId);
    expect(await listWaitingDrafts(deps, read)).toEqual([]);
  });

  it('stops when asked, keeps what is written, and goes on behind it', async () => {
    const { deps, read, write } = await setUp();
    const { draftSetId } = await startDrafts(deps, write, { suite: { name: 'Manuals' }, settings: all });
    answers = 0;
    const shutdown = new AbortController();
    // Two answers a statement: the worker is told to stop while it is at the second.
    onAnswer = (count) => {
      if (count < 3) return;
      isSlow = true;
      shutdown.abort();
    };
    expect(await perform(shutdown.signal)).toBe('released');
    onAnswer = null;
    isSlow = false;
    const stopped = await readDraftSet(deps, read, draftSetId);
    expect(stopped).toMatchObject({ report: { read: 1 }, run: { state: 'queued' } });
    expect(stopped.drafts).toHaveLength(1);
    await cancelDrafts(deps, write, draftSetId);
    expect(await perform()).toBe('skipped');
    await resumeDrafts(deps, write, draftSetId);
    await expect(resumeDrafts(deps, write, draftSetId)).rejects.toMatchObject({ code: 'run.not-retryable' });
    expect(await perform()).toBe('succeeded');
    const done = await readDraftSet(deps, read, draftSetId);
    expect(done.report).toMatchObject({ read: 3, unasked: 1 });
    expect(done.drafts.map(({ id }) => id)).toEqual([stopped.drafts[0]?.id, expect.any(String)]);
    await discardDrafts(deps, write, draftSetId);
    await expect(readDraftSet(deps, read, draftSetId)).rejects.toMatchObject({ code: 'draft.not-found' });
  });

  it('says what is missing, and knows nothing of another workspace', async () => {
    const mine = await setUp();
    const other = await setUp([]);
    const start = (world: typeof mine, suite: Parameters<typeof startDrafts>[2]['suite'], documentIds: string[] = []) =>
      startDrafts(world.deps, world.write, { suite, settings: { documentIds, maxCases: 5 } });
    await expect(start(other, { name: 'Any' })).rejects.toMatchObject({ code: 'questions.no-statements' });
    await expect(start(other, { name: 'Any' }, mine.documents)).rejects.toMatchObject({ code: 'document.not-found' });
    await expect(start(mine, { name: ' ' })).rejects.toMatchObject({ code: 'input.invalid' });
    const { draftSetId } = await start(mine, { name: 'Manuals' });
    await perform();
    const { drafts } = await readDraftSet(mine.deps, mine.read, draftSetId);
    const draftIds = drafts.map(({ id }) => id);
    await reviewDrafts(mine.deps, mine.write, { draftSetId, draftIds, state: 'accepted' });
    const { deps, read, write } = other;
    const testCase = drafts[0]?.testCase;
    if (testCase === undefined) throw new Error('no draft');
    const attempts = [
      () => readDraftSet(deps, read, draftSetId),
      () => reviewDrafts(deps, write, { draftSetId, draftIds, state: 'dropped' }),
      () => editDraft(deps, write, { draftSetId, draftId: draftIds[0] ?? '', testCase }),
      () => takeInDrafts(deps, write, { draftSetId }),
      () => cancelDrafts(deps, write, draftSetId),
      () => resumeDrafts(deps, write, draftSetId),
      () => discardDrafts(deps, write, draftSetId),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'draft.not-found' });
    // The name was free when the drafts were asked for, and is not any more.
    await saveSuite(mine.deps, mine.write, { name: 'manuals', description: '', cases: [testCase], note: '' });
    await expect(start(mine, { name: 'Manuals' })).rejects.toMatchObject({ code: 'suite.name-taken' });
    await expect(takeInDrafts(mine.deps, mine.write, { draftSetId })).rejects.toMatchObject({
      code: 'suite.name-taken',
    });
    expect((await readDraftSet(mine.deps, mine.read, draftSetId)).drafts.map(({ state }) => state)).toEqual(
      draftIds.map(() => 'accepted'),
    );
    const saved = await takeInDrafts(mine.deps, mine.write, { draftSetId, suiteName: 'Manuals, drafted' });
    expect((await readSuite(mine.deps, mine.read, { suiteId: saved.suiteId })).suite.name).toBe('Manuals, drafted');
  });
});
