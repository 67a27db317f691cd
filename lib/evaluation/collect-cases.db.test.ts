import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { ensureGoldenQuestion, insertGoldenPassage } from '#db/repositories/golden-questions.ts';
import { createPeopleStore } from '#db/repositories/people.ts';
import { conversations, messageFeedback, messages } from '#db/schema/conversations.ts';
import { documents, documentVersions } from '#db/schema/documents.ts';
import { workspaceMembers, workspaces } from '#db/schema/workspaces.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorize } from '#lib/auth/authorize.ts';
import type { Actor } from '#lib/domain/actor.ts';
import { CHAT_SUITE, createCaseFromMessage, createCasesFromMarks } from './collect-cases.ts';
import { importSuite } from './import-suite.ts';
import { writeSuiteFile } from './suite-file.ts';
import { createSuite, listSuiteSummaries, readSuite, restoreRevision, reviseSuite } from './suites.ts';
import { testCaseSchema } from './test-case.ts';

const caseOf = (key: string) =>
  testCaseSchema.parse({ key, question: `What about ${key}?`, assertions: [{ type: 'contains', values: [key] }] });

async function* inParts(text: string) {
  await Promise.resolve();
  for (let at = 0; at < text.length; at += 7) yield Buffer.from(text.slice(at, at + 7));
}

async function* endless() {
  await Promise.resolve();
  for (;;) yield Buffer.alloc(1_000_000);
}

describeDatabase('collecting cases', (getDatabase) => {
  const db = () => getDatabase().db;

  async function setUp() {
    const people = createPeopleStore(db());
    const slug = `w-${randomUUID()}`;
    const [workspace] = await db().insert(workspaces).values({ slug, name: slug }).returning();
    if (!workspace) throw new Error('no workspace');
    const user = await people.users.create({
      name: 'Eva',
      email: `${slug}@example.org`,
      passwordHash: 'none',
      isInstanceOwner: false,
    });
    await db().insert(workspaceMembers).values({ workspaceId: workspace.id, userId: user.id, role: 'evaluator' });
    const actor: Actor = { kind: 'user', userId: user.id, isInstanceOwner: false };
    return {
      workspaceId: workspace.id,
      userId: user.id,
      read: await authorize(people, actor, workspace.id, 'evaluation.read'),
      write: await authorize(people, actor, workspace.id, 'evaluation.write'),
      chat: await authorize(people, actor, workspace.id, 'chat.use'),
    };
  }
  type World = Awaited<ReturnType<typeof setUp>>;

  async function addTurns({ workspaceId, userId }: World, contents: readonly string[]) {
    const conversationId = randomUUID();
    await db().insert(conversations).values({ id: conversationId, workspaceId, userId, title: 'Pumps' });
    const rows = contents.map((content, index) => ({
      id: randomUUID(),
      workspaceId,
      conversationId,
      role: index % 2 === 0 ? ('user' as const) : ('assistant' as const),
      ordinal: index + 1,
      content,
      state: 'complete' as const,
    }));
    await db().insert(messages).values(rows);
    return rows.map(({ id }) => id);
  }

  it('makes a case of a corrected answer, with the turns before it, and once only', async () => {
    const world = await setUp();
    const ids = await addTurns(world, ['Which pump?', 'The MX-7731.', 'And its torque?', 'About 40 Nm.']);
    const messageId = ids[3] ?? '';
    const fix = { messageId, comment: 'wrong', correction: 'Tighten the head bolts to 45 Nm.', isUnanswerable: false };
    const first = await createCaseFromMessage({ db: db() }, world, fix);
    const { suite, cases } = await readSuite({ db: db() }, world.read, { suiteId: first.suiteId });
    expect(suite.name).toBe(CHAT_SUITE);
    expect(cases).toHaveLength(1);
    expect(cases[0]).toMatchObject({
      key: first.caseKey,
      question: 'And its torque?',
      history: [
        { role: 'user', content: 'Which pump?' },
        { role: 'assistant', content: 'The MX-7731.' },
      ],
      assertions: [
        { type: 'contains', values: ['45 Nm'] },
        { type: 'similar', value: fix.correction },
      ],
    });
    expect(await db().select().from(messageFeedback)).toContainEqual(
      expect.objectContaining({ messageId, isHelpful: false, correction: fix.correction }),
    );
    const second = await createCaseFromMessage({ db: db() }, world, { ...fix, correction: '', isUnanswerable: true });
    expect(second.caseKey).toBe(first.caseKey);
    const again = await readSuite({ db: db() }, world.read, { suiteId: first.suiteId });
    expect(again.cases.map(({ assertions }) => assertions)).toEqual([[{ type: 'refuses' }]]);
  });

  it('makes no case of a question, of an answer without a correction, or of another person’s message', async () => {
    const world = await setUp();
    const [questionId = '', answerId = ''] = await addTurns(world, ['Which pump?', 'None.']);
    const fix = { comment: '', correction: 'The MX-7731.', isUnanswerable: false };
    const make = (messageId: string, change = {}) =>
      createCaseFromMessage({ db: db() }, world, { ...fix, messageId, ...change });
    await expect(make(questionId)).rejects.toMatchObject({ code: 'input.invalid' });
    await expect(make(answerId, { correction: ' ' })).rejects.toMatchObject({ code: 'input.invalid' });
    const other = await setUp();
    const [, foreignId = ''] = await addTurns(other, ['Which pump?', 'None.']);
    await expect(make(foreignId)).rejects.toMatchObject({ code: 'message.not-found' });
    expect(await listSuiteSummaries({ db: db() }, world.read)).toEqual([]);
  });

  it('makes cases of marked retrievals, and leaves edited ones as they are', async () => {
    const world = await setUp();
    const { workspaceId, write } = world;
    await expect(createCasesFromMarks({ db: db() }, write)).rejects.toMatchObject({ code: 'input.invalid' });
    const documentId = randomUUID();
    const versionId = randomUUID();
    await db().insert(documents).values({ id: documentId, workspaceId, title: 'Pump manual', fileName: 'pump.pdf' });
    await db()
      .insert(documentVersions)
      .values({
        id: versionId,
        workspaceId,
        documentId,
        ordinal: 1,
        fileName: 'pump.pdf',
        blobSha256: 'a'.repeat(64),
        mediaType: 'application/pdf',
        sizeBytes: 1,
      });
    const mark = await ensureGoldenQuestion(db(), write, {
      question: 'Which seal?',
      kind: 'answerable',
      createdBy: null,
    });
    await insertGoldenPassage(db(), write, mark.id, {
      documentId,
      versionId,
      pageNumber: 4,
      startOffset: 0,
      endOffset: 4,
      text: 'seal',
    });
    await ensureGoldenQuestion(db(), write, { question: 'Which tower?', kind: 'unanswerable', createdBy: null });
    const { suiteId, added } = await createCasesFromMarks({ db: db() }, write);
    expect(added).toBe(2);
    const { cases, revision } = await readSuite({ db: db() }, world.read, { suiteId });
    expect(cases.map(({ question, area, assertions }) => [question, area, assertions])).toEqual([
      ['Which seal?', 'grounding', [{ type: 'answers' }, { type: 'cites-document', title: 'Pump manual', page: 4 }]],
      ['Which tower?', 'refusal', [{ type: 'refuses' }]],
    ]);
    await reviseSuite({ db: db() }, write, {
      suiteId,
      basedOn: revision.number,
      note: 'edited',
      edit: (all) => all.map((each) => ({ ...each, weight: 2 })),
    });
    expect(await createCasesFromMarks({ db: db() }, write)).toMatchObject({ added: 0, isChanged: false });
    const edited = await readSuite({ db: db() }, world.read, { suiteId });
    expect(edited.cases.every(({ weight }) => weight === 2)).toBe(true);
  });

  it('imports what it exports, and names the file’s faults', async () => {
    const { read, write } = await setUp();
    const cases = [caseOf('alpha'), caseOf('beta')];
    const text = writeSuiteFile({ name: 'Facts', description: 'Of pumps.', cases }, 'yaml');
    const imported = await importSuite({ db: db() }, write, { stream: inParts(text), fileName: 'x.yaml', name: null });
    expect(imported).toMatchObject({ name: 'Facts', caseCount: 2, problems: [], revisionNumber: 1, isChanged: true });
    expect((await readSuite({ db: db() }, read, { suiteId: imported.suiteId })).cases).toEqual(cases);
    const again = await importSuite({ db: db() }, write, { stream: inParts(text), fileName: 'x.yaml', name: 'facts' });
    expect(again).toMatchObject({ suiteId: imported.suiteId, isChanged: false });
    const lines = `${JSON.stringify(cases[0])}\n{"question":"no checks"}\n`;
    const partial = await importSuite({ db: db() }, write, {
      stream: inParts(lines),
      fileName: 'folder/error_codes.jsonl',
      name: null,
    });
    expect(partial).toMatchObject({ name: 'error codes', caseCount: 1 });
    expect(partial.problems).toHaveLength(1);
    await expect(
      importSuite({ db: db() }, write, { stream: endless(), fileName: 'x.yaml', name: null }),
    ).rejects.toMatchObject({ code: 'input.too-large' });
  });

  it('never takes a suite for a new one, and brings an earlier revision back as a new one', async () => {
    const { read, write } = await setUp();
    const make = (cases: ReturnType<typeof caseOf>[]) =>
      createSuite({ db: db() }, write, { name: 'Facts', description: '', cases, note: '' });
    const { suiteId } = await make([caseOf('alpha')]);
    await expect(make([caseOf('beta')])).rejects.toMatchObject({ code: 'suite.name-taken' });
    const edit = () => [caseOf('beta')];
    await reviseSuite({ db: db() }, write, { suiteId, basedOn: 1, note: '', edit });
    await expect(restoreRevision({ db: db() }, write, { suiteId, basedOn: 1, number: 1 })).rejects.toMatchObject({
      code: 'suite.changed-meanwhile',
    });
    await restoreRevision({ db: db() }, write, { suiteId, basedOn: 2, number: 1 });
    const { revision, cases } = await readSuite({ db: db() }, read, { suiteId });
    expect(revision.number).toBe(3);
    expect(cases).toEqual([caseOf('alpha')]);
  });
});
