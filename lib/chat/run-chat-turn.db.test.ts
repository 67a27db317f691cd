import { randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { afterEach, expect, test } from 'vitest';
import { createPeopleStore } from '#db/repositories/people.ts';
import { users } from '#db/schema/auth.ts';
import { messages } from '#db/schema/conversations.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorize } from '#lib/auth/authorize.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { ChatEvent } from '#lib/domain/chat.ts';
import { createRuntimeClient, type HttpRuntimeClient } from '#lib/runtime/client.ts';
import { type FakeRuntime, type FakeRuntimeOptions, startFakeRuntime } from '#lib/runtime/fake.ts';
import {
  deleteConversation,
  giveFeedback,
  listOwnConversations,
  readConversation,
  readMessage,
  renameOwnConversation,
  UNDO_DELETE_MS,
  undoDeleteConversation,
} from './conversations.ts';
import { STALE_STREAMING_MS } from './message-view.ts';
import {
  type ChatTurnDeps,
  type ChatTurnInput,
  prepareChatTurn,
  stopChatTurn,
  streamChatTurn,
} from './run-chat-turn.ts';
import { createRunningGenerations } from './running-generations.ts';
import { createTestSource } from './test-sources.ts';

const PASSAGE = 'Tighten the head bolts of the MX-7731 to 45 Nm. Repeat after 50 hours.';

const answerWith = (text: string): FakeRuntimeOptions => ({ answer: () => ({ text }) });

const ask = (question: string, conversationId: string | null = null): ChatTurnInput => ({
  kind: 'ask',
  conversationId,
  question,
});

async function collect(events: AsyncIterable<ChatEvent>): Promise<ChatEvent[]> {
  const seen: ChatEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

async function runTurn(deps: ChatTurnDeps, access: Authorized<'chat.use'>, input: ChatTurnInput) {
  const turn = await prepareChatTurn(deps, access, input);
  return { turn, events: await collect(streamChatTurn(deps, turn)) };
}

describeDatabase('chat turns', (getDatabase) => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  async function createPlace() {
    const { db } = getDatabase();
    const people = createPeopleStore(db);
    const workspace = await people.workspaces.create({ slug: `w-${randomUUID()}`, name: 'Pumps', isDemo: false });
    const join = async (): Promise<Authorized<'chat.use'>> => {
      const [user] = await db
        .insert(users)
        .values({ name: 'Ann', email: `${randomUUID()}@example.test` })
        .returning();
      if (user === undefined) throw new Error('no user');
      await people.memberships.add({ workspaceId: workspace.id, userId: user.id, role: 'member' });
      const actor = { kind: 'user' as const, userId: user.id, isInstanceOwner: false };
      return await authorize(people, actor, workspace.id, 'chat.use');
    };
    return { workspace, join };
  }

  async function createDeps(
    options: FakeRuntimeOptions = {},
    supportScore = 0.8,
  ): Promise<{ deps: ChatTurnDeps; fake: FakeRuntime; runtime: HttpRuntimeClient; logged: unknown[] }> {
    const fake = await startFakeRuntime(options);
    const runtime = createRuntimeClient({ socketPath: fake.socketPath });
    closers.push(
      () => runtime.close(),
      () => fake.close(),
    );
    const logged: unknown[] = [];
    const ids = { documentId: randomUUID(), versionId: randomUUID(), chunkId: randomUUID() };
    const deps: ChatTurnDeps = {
      db: getDatabase().db,
      generations: createRunningGenerations(),
      log: { error: (fields) => logged.push(fields) },
      chooseModel: async () => 'base',
      answer: {
        runtime,
        search: async () => ({
          sources: [createTestSource({ text: PASSAGE, ...ids })],
          supportScore,
          indexConfigId: randomUUID(),
          embeddingModel: 'fake-embedding',
        }),
      },
    };
    return { deps, fake, runtime, logged };
  }

  test('stores question, answer, sources, citations and provenance, and reads them back as they were streamed', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps } = await createDeps(answerWith('Tighten the head bolts to 45 Nm [1].'));
    const { turn, events } = await runTurn(deps, access, ask('Which torque do the head bolts need?'));

    const final = events.find((event) => event.type === 'answer-final');
    const finish = events.at(-1);
    expect(finish).toMatchObject({ type: 'turn-finish', state: 'complete' });
    const { conversation, messages: stored } = await readConversation(deps, access, turn.conversationId);
    expect(conversation.title).toBe('Which torque do the head bolts need?');
    expect(stored.map((message) => message.role)).toEqual(['user', 'assistant']);
    const answer = stored[1];
    expect(answer).toMatchObject({
      state: 'complete',
      answerKind: 'generated',
      content: 'Tighten the head bolts to 45 Nm.',
    });
    expect(answer?.citations).toEqual(final?.type === 'answer-final' ? final.citations : null);
    expect(answer?.citations[0]).toMatchObject({ sourceNumber: 1, origin: 'model' });
    expect(answer?.sources[0]).toMatchObject({ text: PASSAGE, documentState: 'deleted' });
    expect(answer?.provenance).toEqual(finish?.type === 'turn-finish' ? finish.provenance : null);
    expect(answer?.provenance).toMatchObject({ baseModel: 'fake-base', promptVersion: 'grounded-1' });
  });

  test('keeps the mark and the neighbour of a mangled part number', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps } = await createDeps(answerWith('Tighten the MX-731 to 45 Nm.'));
    const { turn } = await runTurn(deps, access, ask('Which torque?'));
    const answer = await readMessage(deps, access, turn.messageId);
    expect(answer.content).toContain('MX-731');
    expect(answer.content).toContain(`> Tighten the head bolts of the MX-7731 to 45 Nm.`);
    expect(answer.unsupportedSpans).toContainEqual(expect.objectContaining({ kind: 'code', nearest: 'MX-7731' }));
  });

  test('refuses below the threshold, names what it searched for and still offers the nearest passages', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps, fake } = await createDeps({}, 0.05);
    const { turn } = await runTurn(deps, access, ask('Who won the match?'));
    const answer = await readMessage(deps, access, turn.messageId);
    expect(answer).toMatchObject({ state: 'complete', answerKind: 'refusal' });
    expect(answer.content).toContain('“Who won the match?”');
    expect(answer.sources).toHaveLength(1);
    expect(fake.requests).toHaveLength(0);
  });

  test('answers by extraction, word for word, without a base model', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps } = await createDeps({ hasBaseModel: false });
    const { turn } = await runTurn(deps, access, ask('Which torque do the head bolts need?'));
    const answer = await readMessage(deps, access, turn.messageId);
    expect(answer).toMatchObject({ state: 'complete', answerKind: 'extractive', unsupportedSpans: [] });
    expect(answer.citations[0]?.quote).toBe('Tighten the head bolts of the MX-7731 to 45 Nm.');
    expect(answer.content.slice(answer.citations[0]?.answerStart, answer.citations[0]?.answerEnd)).toBe(
      answer.citations[0]?.quote,
    );
    expect(answer.provenance?.baseModel).toBeNull();
  });

  test('a conversation is nobody else’s: a colleague and a stranger find nothing and change nothing', async () => {
    const place = await createPlace();
    const [ann, bob, eve] = [await place.join(), await place.join(), await (await createPlace()).join()];
    const { deps } = await createDeps(answerWith('45 Nm'));
    const { turn } = await runTurn(deps, ann, ask('Which torque?'));
    for (const other of [bob, eve]) {
      const missingConversation = { code: 'conversation.not-found' };
      const missingMessage = { code: 'message.not-found' };
      await expect(readConversation(deps, other, turn.conversationId)).rejects.toMatchObject(missingConversation);
      await expect(readMessage(deps, other, turn.messageId)).rejects.toMatchObject(missingMessage);
      await expect(prepareChatTurn(deps, other, ask('And?', turn.conversationId))).rejects.toMatchObject(
        missingConversation,
      );
      await expect(
        prepareChatTurn(deps, other, { kind: 'regenerate', messageId: turn.messageId }),
      ).rejects.toMatchObject(missingMessage);
      await expect(
        prepareChatTurn(deps, other, { kind: 'edit', messageId: turn.userMessageId, question: 'x' }),
      ).rejects.toMatchObject(missingMessage);
      await expect(stopChatTurn(deps, other, turn.messageId)).rejects.toMatchObject(missingMessage);
      await expect(renameOwnConversation(deps, other, turn.conversationId, 'mine')).rejects.toMatchObject(
        missingConversation,
      );
      await expect(deleteConversation(deps, other, turn.conversationId)).rejects.toMatchObject(missingConversation);
      await expect(
        giveFeedback(deps, other, turn.messageId, { isHelpful: true, comment: '', correction: '' }),
      ).rejects.toMatchObject(missingMessage);
      expect(await listOwnConversations(deps, other)).toEqual([]);
    }
    expect((await readConversation(deps, ann, turn.conversationId)).messages).toHaveLength(2);
  });

  test('a stop keeps the text so far', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps } = await createDeps({ answer: () => ({ text: 'Tighten the head bolts '.repeat(200), tokenMs: 2 }) });
    const turn = await prepareChatTurn(deps, access, ask('Which torque?'));
    const seen: ChatEvent[] = [];
    for await (const event of streamChatTurn(deps, turn)) {
      seen.push(event);
      if (event.type === 'text-delta') await stopChatTurn(deps, access, turn.messageId);
    }
    expect(seen.at(-1)).toMatchObject({ type: 'turn-finish', state: 'stopped' });
    const answer = await readMessage(deps, access, turn.messageId);
    expect(answer.state).toBe('stopped');
    expect(answer.content).toMatch(/^Tighten/);
    expect(answer.content.length).toBeLessThan(2000);
  });

  test('a reader who leaves stops the generation and the answer is stored as stopped', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps, runtime } = await createDeps({
      answer: () => ({ text: 'Tighten the head bolts '.repeat(500), tokenMs: 2 }),
    });
    const turn = await prepareChatTurn(deps, access, ask('Which torque?'));
    const reader = new AbortController();
    for await (const event of streamChatTurn(deps, turn, reader.signal)) {
      if (event.type === 'text-delta') reader.abort();
    }
    expect((await readMessage(deps, access, turn.messageId)).state).toBe('stopped');
    expect(deps.generations.has(turn.messageId)).toBe(false);
    await expect.poll(async () => (await runtime.readStatus()).queue.active).toBe(0);
  });

  test('leaving the loop in the middle settles the row too', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps } = await createDeps({ answer: () => ({ text: 'Tighten the head bolts '.repeat(200), tokenMs: 2 }) });
    const turn = await prepareChatTurn(deps, access, ask('Which torque?'));
    for await (const event of streamChatTurn(deps, turn)) if (event.type === 'text-delta') break;
    expect((await readMessage(deps, access, turn.messageId)).state).toBe('stopped');
  });

  test('a runtime killed in the middle leaves a failed row that can be tried again', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps, logged } = await createDeps({
      answer: () => ({ text: 'Tighten the head bolts to 45 Nm', dieAfterTokens: 2 }),
    });
    const { turn, events } = await runTurn(deps, access, ask('Which torque?'));
    expect(events.at(-1)).toMatchObject({
      type: 'turn-error',
      error: { code: 'runtime.unavailable', isRetryable: true },
    });
    expect(logged).toHaveLength(1);
    const answer = await readMessage(deps, access, turn.messageId);
    expect(answer).toMatchObject({ state: 'failed', error: { code: 'runtime.unavailable', isRetryable: true } });

    const again = await createDeps(answerWith('Tighten the head bolts to 45 Nm.'));
    const retry = await runTurn(again.deps, access, { kind: 'regenerate', messageId: turn.messageId });
    expect(retry.events.at(-1)).toMatchObject({ type: 'turn-finish', state: 'complete' });
    const { messages: shown } = await readConversation(deps, access, turn.conversationId);
    expect(shown.map((message) => message.state)).toEqual(['complete', 'complete']);
  });

  test('an answer that a dead web process left behind is shown as failed and no longer blocks', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps } = await createDeps(answerWith('45 Nm'));
    const turn = await prepareChatTurn(deps, access, ask('Which torque?'));
    await expect(prepareChatTurn(deps, access, ask('And then?', turn.conversationId))).rejects.toMatchObject({
      code: 'conversation.busy',
      isRetryable: true,
    });
    const later = { ...deps, now: () => Date.now() + STALE_STREAMING_MS + 1000 };
    expect(await readMessage(later, access, turn.messageId)).toMatchObject({
      state: 'failed',
      error: { code: 'message.interrupted', isRetryable: true },
    });
    await expect(prepareChatTurn(later, access, ask('And then?', turn.conversationId))).resolves.toBeDefined();
  });

  test('a question sent twice is answered once', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps } = await createDeps(answerWith('45 Nm'));
    const requestId = randomUUID();
    const twice = await Promise.allSettled(
      [1, 2].map(() =>
        prepareChatTurn(deps, access, { kind: 'ask', conversationId: null, question: 'Which torque?', requestId }),
      ),
    );
    expect(twice.map((result) => result.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(twice.find((result) => result.status === 'rejected')?.reason).toMatchObject({ code: 'conversation.busy' });
    expect(await listOwnConversations(deps, access)).toHaveLength(1);
  });

  test('two questions at once in one conversation: one waits its turn', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps } = await createDeps(answerWith('45 Nm'));
    const { turn } = await runTurn(deps, access, ask('Which torque?'));
    const both = await Promise.allSettled(
      ['And the lid?', 'And the base?'].map((question) =>
        prepareChatTurn(deps, access, ask(question, turn.conversationId)),
      ),
    );
    expect(both.map((result) => result.status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  test('an edit takes the place of the question and of all after it; a regeneration of the answer alone', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps, fake } = await createDeps(answerWith('45 Nm'));
    const first = await runTurn(deps, access, ask('Which torque do the head bolts need?'));
    const second = await runTurn(deps, access, ask('And how often?', first.turn.conversationId));
    await runTurn(deps, access, { kind: 'regenerate', messageId: second.turn.messageId });
    const temperatures = fake.requests.map((request) => request.temperature ?? 0);
    expect(temperatures[2]).toBeGreaterThan(0);
    expect((await readConversation(deps, access, first.turn.conversationId)).messages).toHaveLength(4);

    const edited = await runTurn(deps, access, {
      kind: 'edit',
      messageId: first.turn.userMessageId,
      question: 'Which oil does the gearbox need?',
    });
    const { messages: shown } = await readConversation(deps, access, first.turn.conversationId);
    expect(shown.map((message) => message.id)).toEqual([edited.turn.userMessageId, edited.turn.messageId]);
    const kept = await getDatabase()
      .db.select()
      .from(messages)
      .where(eq(messages.conversationId, first.turn.conversationId));
    expect(kept).toHaveLength(7);
    await expect(readMessage(deps, access, second.turn.messageId)).rejects.toMatchObject({ code: 'message.not-found' });
  });

  test('a follow-up is searched for with what it leaves out', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps } = await createDeps(answerWith('45 Nm'));
    const first = await runTurn(deps, access, ask('Which torque do the head bolts need?'));
    const second = await runTurn(deps, access, ask('And how often?', first.turn.conversationId));
    const answer = await readMessage(deps, access, second.turn.messageId);
    expect(answer.provenance?.searchQuery).toContain('torque');
  });

  test('titles and messages can be searched, a deletion undone for a while', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps } = await createDeps(answerWith('Use 100% oil_x.'));
    const { turn } = await runTurn(deps, access, ask('Which torque?'));
    await renameOwnConversation(deps, access, turn.conversationId, '  Head   bolts ');
    expect((await listOwnConversations(deps, access, 'HEAD BOLTS')).map(({ title }) => title)).toEqual(['Head bolts']);
    expect(await listOwnConversations(deps, access, '100% oil_')).toHaveLength(1);
    expect(await listOwnConversations(deps, access, '100_ oil')).toEqual([]);

    await deleteConversation(deps, access, turn.conversationId);
    expect(await listOwnConversations(deps, access)).toEqual([]);
    await expect(readMessage(deps, access, turn.messageId)).rejects.toMatchObject({ code: 'message.not-found' });
    const tooLate = { ...deps, now: () => Date.now() + UNDO_DELETE_MS + 1000 };
    await expect(undoDeleteConversation(tooLate, access, turn.conversationId)).rejects.toMatchObject({
      code: 'conversation.not-found',
    });
    await undoDeleteConversation(deps, access, turn.conversationId);
    expect(await listOwnConversations(deps, access)).toHaveLength(1);
  });

  test('a second feedback replaces the first; null takes it back', async () => {
    const { join } = await createPlace();
    const access = await join();
    const { deps } = await createDeps(answerWith('45 Nm'));
    const { turn } = await runTurn(deps, access, ask('Which torque?'));
    await giveFeedback(deps, access, turn.messageId, { isHelpful: true, comment: '', correction: '' });
    await giveFeedback(deps, access, turn.messageId, { isHelpful: false, comment: 'wrong', correction: '50 Nm' });
    expect((await readMessage(deps, access, turn.messageId)).feedback).toEqual({
      isHelpful: false,
      comment: 'wrong',
      correction: '50 Nm',
    });
    await giveFeedback(deps, access, turn.messageId, null);
    expect((await readMessage(deps, access, turn.messageId)).feedback).toBeNull();
    await expect(
      giveFeedback(deps, access, turn.userMessageId, { isHelpful: true, comment: '', correction: '' }),
    ).rejects.toMatchObject({ code: 'input.invalid' });
  });
});
