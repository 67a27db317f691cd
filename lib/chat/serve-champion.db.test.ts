import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPeopleStore } from '#db/repositories/people.ts';
import { users } from '#db/schema/auth.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorize } from '#lib/auth/authorize.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { ChatEvent } from '#lib/domain/chat.ts';
import { overrideChampion, rollBackChampion } from '#lib/registry/promote.ts';
import { registerAdapterVersion } from '#lib/registry/register-version.ts';
import { serveAdapters } from '#lib/registry/serve-adapters.ts';
import { chooseServingModel, createPreWarm } from '#lib/registry/serving-version.ts';
import { createRuntimeClient, type HttpRuntimeClient } from '#lib/runtime/client.ts';
import { type FakeRuntime, startFakeRuntime } from '#lib/runtime/fake.ts';
import { openRegistryStage, type RegistryStage, type RegistryWorkspace } from '#lib/testing/registry-stage.ts';
import { completeOnce, prepareCompletion } from './openai-completions.ts';
import { type ChatTurnDeps, prepareChatTurn, streamChatTurn } from './run-chat-turn.ts';
import { createRunningGenerations } from './running-generations.ts';
import { createTestSource } from './test-sources.ts';

const PASSAGE = 'Tighten the head bolts to 45 Nm.';
const question = { kind: 'ask' as const, conversationId: null, question: 'Which torque do the head bolts need?' };
const reason = 'to see what the workspace says then';

async function finishTurn(events: AsyncIterable<ChatEvent>) {
  for await (const event of events) {
    if (event.type === 'turn-finish') return { adapter: event.provenance.adapterSha256, error: null };
    if (event.type === 'turn-error') return { adapter: undefined, error: event.error };
  }
  throw new Error('the turn did not end');
}

describeDatabase('serving a champion', (getDatabase) => {
  let stage: RegistryStage;
  let fake: FakeRuntime;
  let client: HttpRuntimeClient;
  let seed = 0;
  beforeAll(async () => {
    stage = await openRegistryStage(getDatabase().db);
    fake = await startFakeRuntime({
      adaptersDir: stage.deps.artifacts.directory,
      answer: (_messages, { model }) => ({ text: model === 'base' ? PASSAGE : `Well, ${PASSAGE}`, tokenMs: 5 }),
    });
    client = createRuntimeClient({ socketPath: fake.socketPath });
    // The tiny base of the stage stands for the base that the fake says it serves.
    const status = await client.readStatus();
    Object.assign(stage.base, { sha256: status.baseModel?.sha256 });
  });
  afterAll(async () => {
    await client.close();
    await fake.close();
    await stage.close();
  });

  const runtime = () => serveAdapters(client, stage.deps);
  const promotion = () => ({ db: getDatabase().db, preWarm: createPreWarm(runtime()) });

  function chat(): ChatTurnDeps {
    const { db } = getDatabase();
    return {
      db,
      generations: createRunningGenerations(),
      log: { error: () => undefined },
      chooseModel: (access) => chooseServingModel({ db, runtime: runtime() }, access),
      answer: {
        runtime: runtime(),
        search: async () => ({
          sources: [
            createTestSource({
              text: PASSAGE,
              documentId: randomUUID(),
              versionId: randomUUID(),
              chunkId: randomUUID(),
            }),
          ],
          supportScore: 0.8,
          indexConfigId: randomUUID(),
          embeddingModel: 'fake-embedding',
        }),
      },
    };
  }

  async function join(workspace: RegistryWorkspace): Promise<Authorized<'chat.use'>> {
    const { db } = getDatabase();
    const people = createPeopleStore(db);
    const [user] = await db
      .insert(users)
      .values({ name: 'Ann', email: `${randomUUID()}@example.test` })
      .returning();
    if (user === undefined) throw new Error('no user');
    await people.memberships.add({ workspaceId: workspace.id, userId: user.id, role: 'member' });
    return authorize(people, { kind: 'user', userId: user.id, isInstanceOwner: false }, workspace.id, 'chat.use');
  }

  async function register(workspace: RegistryWorkspace, templateSha256: string | null = null) {
    seed += 1;
    const { version } = await registerAdapterVersion(stage.deps, workspace.write, {
      adapter: { name: 'Voice' },
      filePath: await stage.writeAdapter(seed),
      origin: 'trained',
      baseSha256: stage.base.sha256,
      templateSha256,
      lineage: {},
    });
    return version;
  }

  async function ask(access: Authorized<'chat.use'>) {
    const deps = chat();
    return finishTurn(streamChatTurn(deps, await prepareChatTurn(deps, access, question)));
  }

  it('answers with the champion of the workspace, and with the base elsewhere and after a rollback', async () => {
    const workspace = await stage.addWorkspace();
    const [access, other] = [await join(workspace), await join(await stage.addWorkspace())];
    const version = await register(workspace);
    expect(await ask(access)).toEqual({ adapter: null, error: null });
    await overrideChampion(promotion(), workspace.override, { versionId: version.id, reason });
    expect(await ask(access)).toEqual({ adapter: version.sha256, error: null });
    expect(await ask(other)).toEqual({ adapter: null, error: null });
    await rollBackChampion(promotion(), workspace.promote, { versionId: null, reason });
    expect(await ask(access)).toEqual({ adapter: null, error: null });
  });

  it('answers the public API with the champion too', async () => {
    const workspace = await stage.addWorkspace();
    const access = await join(workspace);
    const version = await register(workspace);
    await overrideChampion(promotion(), workspace.override, { versionId: version.id, reason });
    const { db, answer, chooseModel } = chat();
    const request = { model: workspace.slug, messages: [{ role: 'user' as const, content: question.question }] };
    const prepared = await prepareCompletion({ db, answer, chooseModel }, access, request, randomUUID());
    const completion = await completeOnce(prepared, new AbortController().signal);
    expect(completion.lorehouse.provenance.adapterSha256).toBe(version.sha256);
  });

  it('lets a turn in flight end on what it began with; the next one takes the new champion', async () => {
    const workspace = await stage.addWorkspace();
    const access = await join(workspace);
    const [first, second] = [await register(workspace), await register(workspace)];
    await overrideChampion(promotion(), workspace.override, { versionId: first.id, reason });
    const deps = chat();
    const running = streamChatTurn(deps, await prepareChatTurn(deps, access, question));
    for await (const event of running) {
      if (event.type !== 'text-delta') continue;
      await overrideChampion(promotion(), workspace.override, { versionId: second.id, reason });
      break;
    }
    const turn = await prepareChatTurn(deps, access, question);
    expect(turn.answerInput.model).toBe(second.sha256);
    expect(await finishTurn(streamChatTurn(deps, turn))).toEqual({ adapter: second.sha256, error: null });
    expect(fake.requests.slice(-2).map(({ model }) => model)).toEqual([first.sha256, second.sha256]);
  });

  it('fails with a clear error, and never silently with the base, when the file is gone or damaged', async () => {
    const workspace = await stage.addWorkspace();
    const access = await join(workspace);
    const version = await register(workspace);
    await overrideChampion(promotion(), workspace.override, { versionId: version.id, reason });
    const asked = fake.requests.length;
    await writeFile(stage.deps.artifacts.locate(version.sha256), 'damaged');
    expect(await ask(access)).toMatchObject({
      error: { code: 'adapter.checksum-mismatch', message: expect.stringContaining('damaged'), isRetryable: false },
    });
    await stage.deps.artifacts.remove(version.sha256);
    expect(await ask(access)).toMatchObject({
      error: { code: 'adapter.artifact-missing', message: expect.stringContaining('missing'), isRetryable: false },
    });
    expect(fake.requests).toHaveLength(asked);
  });

  it('refuses a version that was made for another base or another chat template, with both hashes', async () => {
    const workspace = await stage.addWorkspace();
    const access = await join(workspace);
    const wrong = 'b'.repeat(64);
    const misfit = await register(workspace, wrong);
    await expect(
      overrideChampion(promotion(), workspace.override, { versionId: misfit.id, reason }),
    ).rejects.toMatchObject({ code: 'adapter.template-mismatch', details: { expected: wrong } });
    const version = await register(workspace);
    await overrideChampion(promotion(), workspace.override, { versionId: version.id, reason });
    // The operator chose another base afterwards.
    const other = { ...runtime(), readStatus: async () => withBase(await client.readStatus(), wrong) };
    const { db } = getDatabase();
    await expect(chooseServingModel({ db, runtime: other }, access)).rejects.toMatchObject({
      code: 'adapter.base-mismatch',
      details: { expected: stage.base.sha256, actual: wrong },
    });
  });
});

function withBase(status: Awaited<ReturnType<HttpRuntimeClient['readStatus']>>, sha256: string) {
  return { ...status, baseModel: status.baseModel && { ...status.baseModel, sha256 } };
}
