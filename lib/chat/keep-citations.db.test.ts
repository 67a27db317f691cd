import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPeopleStore } from '#db/repositories/people.ts';
import { users } from '#db/schema/auth.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { deleteDocument } from '#lib/ingestion/delete-document.ts';
import { supersedeDocument } from '#lib/ingestion/manage-documents.ts';
import { startRebuild } from '#lib/ingestion/rebuild-index.ts';
import { type IngestionStage, openIngestionStage } from '#lib/testing/ingestion-stage.ts';
import { readConversation } from './conversations.ts';
import { createAnswerDeps } from './create-chat-deps.ts';
import { type ChatTurnDeps, prepareChatTurn, streamChatTurn } from './run-chat-turn.ts';
import { createRunningGenerations } from './running-generations.ts';

const MANUAL = `# Pump\n\n## Bolts\nTighten the head bolts of the MX-7731 to 45 Nm. Repeat after 50 hours.\n\n${Array.from(
  { length: 60 },
  (_, step) => `Step ${step} of the yearly service takes ${step + 2} minutes and needs no tool.`,
).join('\n\n')}\n`;

describeDatabase('the citations of an answer', (getDatabase) => {
  let stage: IngestionStage;
  beforeAll(async () => {
    stage = await openIngestionStage(getDatabase().db, {
      answer: () => ({ text: 'Tighten the head bolts of the MX-7731 to 45 Nm.' }),
    });
  });
  afterAll(() => stage.close());

  it('stay as they were through a re-index, a new version, a successor and a deletion, which are told', async () => {
    const { db } = getDatabase();
    const { runtime, queue } = stage;
    const workspace = await stage.addWorkspace();
    const people = createPeopleStore(db);
    const [user] = await db
      .insert(users)
      .values({ name: 'Ann', email: `${randomUUID()}@example.test` })
      .returning();
    if (!user) throw new Error('no user');
    await people.memberships.add({ workspaceId: workspace.id, userId: user.id, role: 'member' });
    const actor = { kind: 'user' as const, userId: user.id, isInstanceOwner: false };
    const access = await authorize(people, actor, workspace.id, 'chat.use');
    const manual = await stage.addText(workspace, 'manual.md', MANUAL);
    const newer = await stage.addText(workspace, 'newer.md', '# Fan\n\nThe fan turns left.\n');
    await stage.performAll();

    const chat: ChatTurnDeps = {
      db,
      generations: createRunningGenerations(),
      log: { error: (fields) => expect.unreachable(JSON.stringify(fields)) },
      chooseModel: async () => 'base',
      // The scripted runtime's vectors are made of word hashes, whose similarity says nothing of support.
      answer: {
        runtime,
        search: async (...given) => ({
          ...(await createAnswerDeps({ db, runtime }).search(...given)),
          supportScore: 1,
        }),
      },
    };
    const question = 'Which torque do the head bolts of the MX-7731 need?';
    const turn = await prepareChatTurn(chat, access, { kind: 'ask', conversationId: null, question });
    for await (const event of streamChatTurn(chat, turn)) expect(event.type).not.toBe('turn-error');
    /** The answer as a reload shows it, and what it says of each source's document. */
    const reload = async () => {
      const { messages } = await readConversation(chat, access, turn.conversationId);
      const answer = messages[1];
      if (!answer) throw new Error('no answer');
      const { content, citations, unsupportedSpans } = answer;
      const sources = answer.sources.map((source) => ({ ...source, documentState: null }));
      const cited = answer.sources.find((source) => source.number === citations[0]?.sourceNumber);
      return { shown: { content, citations, unsupportedSpans, sources }, state: cited?.documentState };
    };
    const first = await reload();
    expect(first.state).toBe('current');
    expect(first.shown.citations[0]?.quote).toContain('45 Nm');

    await startRebuild({ db, runtime, queue }, workspace.write, { chunkSizeTokens: 64, chunkOverlapTokens: 8 });
    expect(await stage.performAll()).toEqual(['succeeded']);
    expect(await reload()).toEqual(first);

    await stage.addText(workspace, 'manual.md', MANUAL.replace('45 Nm', '50 Nm'));
    await stage.performAll();
    expect(await reload()).toEqual({ ...first, state: 'outdated' });

    const { documentId } = manual;
    await supersedeDocument({ db }, workspace.write, documentId, newer.documentId);
    expect(await reload()).toEqual({ ...first, state: 'superseded' });

    await deleteDocument({ db, queue }, workspace.write, documentId);
    expect(await reload()).toEqual({ ...first, state: 'deleted' });
    await stage.performAll();
    expect(await reload()).toEqual({ ...first, state: 'deleted' });
  });
});
