import { randomUUID } from 'node:crypto';
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPeopleStore } from '#db/repositories/people.ts';
import { users } from '#db/schema/auth.ts';
import { documentPages } from '#db/schema/documents.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { locateInSource } from '#lib/domain/source-parts.ts';
import { type IngestionStage, openIngestionStage } from '#lib/testing/ingestion-stage.ts';
import { makeLinesPdf } from '#lib/testing/make-document.ts';
import { readConversation } from './conversations.ts';
import { createAnswerDeps } from './create-chat-deps.ts';
import { type ChatTurnDeps, prepareChatTurn, streamChatTurn } from './run-chat-turn.ts';
import { createRunningGenerations } from './running-generations.ts';

const HEAD = 'Never open the lid of the centrifuge while the rotor';
const REST = 'still turns, for its energy is that of a small car.';

/** Every page has a running header and a page number; the sentence above is cut by the break between the second and the third. */
const PAGES = [
  ['Unpack the centrifuge with two people.'],
  ['The lamp shows the state of the lid.', HEAD],
  [REST, 'Wait for the sound of the lock.'],
  ['Clean the bowl with a soft cloth once a week.'],
  ['Call the service for all other work.'],
].map((lines, index) => [
  'Operating instructions',
  '',
  ...lines,
  // Footers stand at the foot, however much is above them.
  ...Array.from({ length: 4 - lines.length }, () => ''),
  `Page ${index + 1}`,
]);

describeDatabase('a sentence that a page break cuts in two', (getDatabase) => {
  let stage: IngestionStage;
  beforeAll(async () => {
    stage = await openIngestionStage(getDatabase().db, { answer: () => ({ text: `${HEAD} ${REST}` }) });
  });
  afterAll(() => stage.close());

  it('is cited whole, with the words on both pages, also after a reload', async () => {
    const { db } = getDatabase();
    const { runtime } = stage;
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
    await stage.addFile(workspace, 'centrifuge.pdf', makeLinesPdf(PAGES));
    expect(await stage.performAll()).toEqual(['succeeded']);
    const chat: ChatTurnDeps = {
      db,
      generations: createRunningGenerations(),
      log: { error: (fields) => expect.unreachable(JSON.stringify(fields)) },
      chooseModel: async () => 'base',
      answer: {
        runtime,
        // The scripted runtime's vectors are made of word hashes, whose similarity says nothing of support.
        search: async (...given) => ({
          ...(await createAnswerDeps({ db, runtime }).search(...given)),
          supportScore: 1,
        }),
      },
    };
    const question = 'Why must the lid of the centrifuge stay closed while the rotor turns?';
    const turn = await prepareChatTurn(chat, access, { kind: 'ask', conversationId: null, question });
    for await (const event of streamChatTurn(chat, turn)) expect(event.type).not.toBe('turn-error');

    const { messages } = await readConversation(chat, access, turn.conversationId);
    const answer = messages[1];
    const citation = answer?.citations[0];
    const source = answer?.sources.find(({ number }) => number === citation?.sourceNumber);
    if (!citation || !source) throw new Error('nothing was cited');
    expect(citation.quote).toBe(`${HEAD} ${REST}`);
    const places = locateInSource(source, citation.quoteStart, citation.quoteEnd);
    expect(places.map(({ pageNumber }) => pageNumber)).toEqual([2, 3]);
    const pages = await db
      .select()
      .from(documentPages)
      .where(and(eq(documentPages.workspaceId, workspace.id), eq(documentPages.versionId, source.versionId)));
    const shown = places.map(({ pageNumber, start, end }) =>
      pages.find((page) => page.pageNumber === pageNumber)?.text.slice(start, end),
    );
    expect(shown).toEqual([HEAD, REST]);
    // Both halves are found, and both say the whole sentence.
    const halves = answer?.sources.filter(({ pageNumber }) => pageNumber === 2 || pageNumber === 3) ?? [];
    expect(new Set(halves.map(({ pageNumber }) => pageNumber))).toEqual(new Set([2, 3]));
    for (const { text } of halves) expect(text).toContain(`${HEAD} ${REST}`);
  });
});
