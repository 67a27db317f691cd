import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPeopleStore } from '#db/repositories/people.ts';
import { conversations, messages } from '#db/schema/conversations.ts';
import { documents, documentVersions } from '#db/schema/documents.ts';
import { evalSuites, suiteRevisions } from '#db/schema/evaluation.ts';
import { runs } from '#db/schema/runs.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { openRegistryStage, type RegistryStage } from '#lib/testing/registry-stage.ts';
import { overrideChampion, rollBackChampion } from './promote.ts';
import { readMoment } from './read-moment.ts';
import { readVersionStandings } from './read-standings.ts';
import { registerAdapterVersion } from './register-version.ts';

const reason = 'to see what it answers';
const after = (instant: Date) => new Date(instant.getTime() + 1);

const provenance = {
  baseModel: 'tiny',
  baseSha256: 'b'.repeat(64),
  adapterSha256: null,
  promptVersion: 'grounded-1',
  chatTemplateSha256: null,
  answerConfigId: 'config',
  indexConfigId: 'index',
  embeddingModel: 'mini',
  searchQuery: 'a secret question',
  supportScore: 1,
  usage: null,
  timingsMs: { retrieval: 1, queue: null, prefill: null, decode: null, firstText: null, total: 1 },
};

describeDatabase('a moment', (getDatabase) => {
  let stage: RegistryStage;
  beforeAll(async () => {
    stage = await openRegistryStage(getDatabase().db);
  });
  afterAll(() => stage.close());
  const db = () => getDatabase().db;
  const deps = () => ({ db: db(), preWarm: () => Promise.resolve() });

  async function setUp() {
    const workspace = await stage.addWorkspace();
    return { workspace, read: await authorizeSystem('test', workspace.id, 'evaluation.read') };
  }

  async function addVersion(workspaceId: string, documentId: string, ordinal: number, indexedAt: Date) {
    const id = randomUUID();
    await db()
      .insert(documentVersions)
      .values({
        id,
        workspaceId,
        documentId,
        ordinal,
        fileName: 'pump.pdf',
        blobSha256: String(ordinal).repeat(64),
        mediaType: 'application/pdf',
        sizeBytes: 1,
      });
    await db().insert(runs).values({
      workspaceId,
      kind: 'document.ingest',
      subjectId: id,
      title: 'pump.pdf',
      state: 'succeeded',
      finishedAt: indexedAt,
    });
    return id;
  }

  it('knows nothing of a workspace in which nothing has happened', async () => {
    const { read } = await setUp();
    expect(await readMoment({ db: db() }, read, new Date())).toMatchObject({
      serving: null,
      since: null,
      answered: null,
      documents: [],
      suites: [],
      policyNumber: null,
    });
  });

  it('tells what served before, between and after the moves', async () => {
    const { workspace, read } = await setUp();
    const { version } = await registerAdapterVersion(stage.deps, workspace.write, {
      adapter: { name: 'Voice' },
      filePath: await stage.writeAdapter(77),
      origin: 'trained',
      baseSha256: stage.base.sha256,
      templateSha256: null,
      lineage: {},
    });
    expect(await readVersionStandings({ db: db() }, workspace.read, version.id)).toEqual({
      decisions: [],
      isPassed: false,
      hasServed: false,
    });
    const { event: promoted } = await overrideChampion(deps(), workspace.override, { versionId: version.id, reason });
    const { event: rolledBack } = await rollBackChampion(deps(), workspace.promote, { versionId: null, reason });
    const at = (instant: Date) => readMoment({ db: db() }, read, instant);
    expect(await at(new Date(promoted.createdAt.getTime() - 1))).toMatchObject({ serving: null, since: null });
    expect(await at(new Date(rolledBack.createdAt.getTime() - 1))).toMatchObject({
      serving: { id: version.id, label: 'Voice, version 1', sha256: version.sha256 },
      since: { kind: 'override', reason, evaluationId: null },
    });
    expect(await at(after(rolledBack.createdAt))).toMatchObject({ serving: null, since: { kind: 'rollback' } });
    expect((await readVersionStandings({ db: db() }, workspace.read, version.id)).hasServed).toBe(true);
  });

  it('tells the documents, suites and settings of then, and nothing of another workspace', async () => {
    const { workspace, read } = await setUp();
    const { id: workspaceId } = workspace;
    const [first, second, third] = ['2026-01-01', '2026-02-01', '2026-03-01'].map((day) => new Date(day));
    if (!(first && second && third)) throw new Error('no dates');
    const documentId = randomUUID();
    await db().insert(documents).values({ id: documentId, workspaceId, title: 'Pump', fileName: 'pump.pdf' });
    await addVersion(workspaceId, documentId, 1, first);
    await addVersion(workspaceId, documentId, 2, third);
    const deletedId = randomUUID();
    await db()
      .insert(documents)
      .values({ id: deletedId, workspaceId, title: 'Old', fileName: 'old.pdf', deletedAt: second });
    await addVersion(workspaceId, deletedId, 1, first);
    const [suite] = await db().insert(evalSuites).values({ workspaceId, name: 'Facts' }).returning();
    for (const [index, createdAt] of [first, third].entries()) {
      await db()
        .insert(suiteRevisions)
        .values({ workspaceId, suiteId: suite?.id ?? '', number: index + 1, contentSha256: 'x', createdAt });
    }
    const person = await createPeopleStore(db()).users.create({
      name: 'Eva',
      email: `${randomUUID()}@example.org`,
      passwordHash: 'none',
      isInstanceOwner: false,
    });
    const conversationId = randomUUID();
    await db().insert(conversations).values({ id: conversationId, workspaceId, userId: person.id, title: 'Private' });
    await db().insert(messages).values({
      workspaceId,
      conversationId,
      role: 'assistant',
      ordinal: 2,
      content: 'a secret answer',
      state: 'complete',
      provenance,
      createdAt: second,
    });

    const early = await readMoment({ db: db() }, read, after(first));
    expect(early.documents.map(({ title, ordinal }) => [title, ordinal])).toEqual([
      ['Old', 1],
      ['Pump', 1],
    ]);
    expect(early.suites).toMatchObject([{ name: 'Facts', number: 1 }]);
    expect(early.answered).toBeNull();
    const late = await readMoment({ db: db() }, read, after(third));
    expect(late.documents.map(({ title, ordinal }) => [title, ordinal])).toEqual([['Pump', 2]]);
    expect(late.suites).toMatchObject([{ name: 'Facts', number: 2 }]);
    expect(late.answered).toMatchObject({ at: second.toISOString(), provenance: { baseModel: 'tiny' } });
    expect(JSON.stringify(late)).not.toMatch(/a secret (question|answer)/);
    const other = await setUp();
    expect(await readMoment({ db: db() }, other.read, after(third))).toMatchObject({ answered: null, documents: [] });
  });
});
