import { randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NamedVersion } from '#db/repositories/adapters.ts';
import {
  insertChampionEvent,
  listChampionEvents,
  lockChampion,
  readChampion,
  writeChampion,
} from '#db/repositories/champions.ts';
import { insertDecision } from '#db/repositories/gate.ts';
import { createPeopleStore } from '#db/repositories/people.ts';
import { insertRun } from '#db/repositories/runs.ts';
import { championEvents, champions } from '#db/schema/adapters.ts';
import {
  evalSuites,
  evaluationRunSuites,
  evaluationRuns,
  gateDecisions,
  suiteRevisions,
} from '#db/schema/evaluation.ts';
import { answerConfigs, workspaces } from '#db/schema/workspaces.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Role } from '#lib/domain/actor.ts';
import type { AdapterOrigin } from '#lib/domain/adapter.ts';
import { DEFAULT_GATE_POLICY } from '#lib/evaluation/gate-policy.ts';
import { changePolicy, ensurePolicy, listPolicyHistory, readPolicy } from '#lib/evaluation/policies.ts';
import { openRegistryStage, type RegistryStage, type RegistryWorkspace } from '#lib/testing/registry-stage.ts';
import { overrideChampion, promoteChampion, rollBackChampion } from './promote.ts';
import { listChampionHistory } from './read-adapters.ts';
import { registerAdapterVersion } from './register-version.ts';

const reason = 'the gate has passed it';
/** Of no workspace, though the installation is theirs. */
const nobody = { kind: 'user', userId: randomUUID(), isInstanceOwner: true } as const;

/** By the database itself. */
const refuses = (promise: Promise<unknown>, message: string) =>
  expect(promise).rejects.toMatchObject({ cause: { message: expect.stringContaining(message) } });

describeDatabase('promotion', (getDatabase) => {
  let stage: RegistryStage;
  let seed = 0;
  beforeAll(async () => {
    stage = await openRegistryStage(getDatabase().db);
  });
  afterAll(() => stage.close());

  const db = () => getDatabase().db;
  const deps = () => ({ db: db(), preWarm: () => Promise.resolve() });

  async function register(workspace: RegistryWorkspace, origin: AdapterOrigin = 'trained'): Promise<NamedVersion> {
    seed += 1;
    const { version } = await registerAdapterVersion(stage.deps, workspace.write, {
      adapter: { name: 'Voice' },
      filePath: await stage.writeAdapter(seed),
      origin,
      baseSha256: stage.base.sha256,
      templateSha256: null,
      lineage: {},
    });
    return version;
  }

  /** An evaluation that is over, and what the gate said of it. */
  async function decide(
    workspace: RegistryWorkspace,
    version: NamedVersion,
    changes: { readonly verdict?: 'pass' | 'fail' | 'inconclusive'; readonly championVersionId?: string | null } = {},
  ) {
    const run = await authorizeSystem('test', workspace.id, 'evaluation.run');
    const [suite] = await db().insert(evalSuites).values({ workspaceId: workspace.id, name: randomUUID() }).returning();
    if (!suite) throw new Error('no suite');
    const [revision] = await db()
      .insert(suiteRevisions)
      .values({ workspaceId: workspace.id, suiteId: suite.id, number: 1, contentSha256: 'x' })
      .returning();
    const [config] = await db()
      .insert(answerConfigs)
      .values({ workspaceId: workspace.id, settings: {}, settingsSha256: randomUUID() })
      .returning();
    const row = await insertRun(db(), await authorizeSystem('test', workspace.id, 'document.write'), {
      kind: 'document.ingest',
      subjectId: randomUUID(),
      title: 'evaluation',
      createdBy: null,
    });
    if (!(revision && config)) throw new Error('no revision');
    const [evaluation] = await db()
      .insert(evaluationRuns)
      .values({
        workspaceId: workspace.id,
        runId: row.id,
        versionId: version.id,
        adapterSha256: version.sha256,
        championVersionId: changes.championVersionId ?? null,
        answerConfigId: config.id,
        settings: {},
      })
      .returning();
    if (!evaluation) throw new Error('no evaluation');
    await db()
      .insert(evaluationRunSuites)
      .values({ workspaceId: workspace.id, evaluationRunId: evaluation.id, revisionId: revision.id });
    const policy = await ensurePolicy(db(), run);
    const decision = await insertDecision(db(), run, {
      evaluationRunId: evaluation.id,
      policyId: policy.id,
      versionId: version.id,
      adapterSha256: version.sha256,
      championVersionId: changes.championVersionId ?? null,
      championSha256: null,
      verdict: changes.verdict ?? 'pass',
      details: {},
      createdBy: null,
      validForDays: 14,
    });
    return { suite, revision, config, decision };
  }

  const addEvent = (workspace: RegistryWorkspace, values: Partial<typeof championEvents.$inferInsert>) =>
    db()
      .insert(championEvents)
      .values({ workspaceId: workspace.id, kind: 'promote', reason, actorKind: 'system', ...values });

  it('lets a version serve that the gate has passed, names the decision, and rolls back without one', async () => {
    const workspace = await stage.addWorkspace();
    const version = await register(workspace);
    const { decision } = await decide(workspace, version);
    const moved = await promoteChampion(deps(), workspace.promote, { versionId: version.id, reason });
    expect(moved.event).toMatchObject({ kind: 'promote', decisionId: decision.id, toVersionId: version.id });
    expect(await readChampion(db(), workspace.read)).toBe(version.id);
    await rollBackChampion(deps(), workspace.promote, { versionId: null, reason });
    expect(await readChampion(db(), workspace.read)).toBeNull();
    // The same pass holds as long as it is against what serves.
    await promoteChampion(deps(), workspace.promote, { versionId: version.id, reason });
  });

  it.each([
    ['nothing', 'It has not been evaluated'],
    ['fail', 'verdict “fail”'],
    ['inconclusive', 'was inconclusive'],
  ] as const)('refuses a version after %s', async (verdict, words) => {
    const workspace = await stage.addWorkspace();
    const version = await register(workspace);
    if (verdict !== 'nothing') await decide(workspace, version, { verdict });
    await expect(promoteChampion(deps(), workspace.promote, { versionId: version.id, reason })).rejects.toMatchObject({
      code: 'gate.not-passed',
      userMessage: expect.stringContaining(words),
    });
    expect(await readChampion(db(), workspace.read)).toBeNull();
  });

  it('refuses a pass that was of another comparison, of an edited suite, under another policy or other settings', async () => {
    const workspace = await stage.addWorkspace();
    const first = await register(workspace);
    const second = await register(workspace);
    await overrideChampion(deps(), workspace.override, { versionId: first.id, reason });
    const attempt = () => promoteChampion(deps(), workspace.promote, { versionId: second.id, reason });
    const says = (words: string) =>
      expect(attempt()).rejects.toMatchObject({ code: 'gate.not-passed', userMessage: expect.stringContaining(words) });

    await decide(workspace, second);
    await says('something else than what serves now');

    const current = await decide(workspace, second, { championVersionId: first.id });
    const nextRevision = { workspaceId: workspace.id, suiteId: current.suite.id, number: 2, contentSha256: 'y' };
    await db().insert(suiteRevisions).values(nextRevision);
    await says('suite was changed');

    const other = await decide(workspace, second, { championVersionId: first.id });
    const settings = { workspaceId: workspace.id, settings: {}, settingsSha256: randomUUID(), isActive: true };
    const [active] = await db().insert(answerConfigs).values(settings).returning();
    await says('answer settings were changed');
    await db()
      .update(answerConfigs)
      .set({ isActive: false })
      .where(eq(answerConfigs.id, active?.id ?? ''));

    await changePolicy(deps(), workspace.override, { policy: DEFAULT_GATE_POLICY, note: 'again' });
    await says('policy was changed');
    // The database says the same to whoever goes around the use case.
    const event = { decisionId: other.decision.id, fromVersionId: first.id, toVersionId: second.id };
    await refuses(addEvent(workspace, event), 'gate.not-passed');
    expect(await readChampion(db(), workspace.read)).toBe(first.id);
  });

  it('refuses a pass that has expired', async () => {
    const workspace = await stage.addWorkspace();
    const version = await register(workspace);
    const { decision } = await decide(workspace, version);
    // Time cannot be turned and decisions cannot be changed: only a copy with another date can show it.
    const { id: _, createdAt: __, ...copy } = decision;
    const policy = await changePolicy(deps(), workspace.override, { policy: DEFAULT_GATE_POLICY, note: 'again' });
    const expired = { ...copy, policyId: policy.id ?? '', expiresAt: new Date(Date.now() - 1000) };
    const [old] = await db().insert(gateDecisions).values(expired).returning();
    await expect(promoteChampion(deps(), workspace.promote, { versionId: version.id, reason })).rejects.toMatchObject({
      code: 'gate.not-passed',
      userMessage: expect.stringContaining('expired'),
    });
    await refuses(addEvent(workspace, { decisionId: old?.id ?? null, toVersionId: version.id }), 'gate.not-passed');
  });

  it.each(['trained', 'blended', 'imported', 'shipped'] as const)(
    'asks the same of a version that was %s',
    async (origin) => {
      const workspace = await stage.addWorkspace();
      const version = await register(workspace, origin);
      const attempt = () => promoteChampion(deps(), workspace.promote, { versionId: version.id, reason });
      // To come into being moves nothing.
      expect(await readChampion(db(), workspace.read)).toBeNull();
      await expect(attempt()).rejects.toMatchObject({ code: 'gate.not-passed' });
      await refuses(addEvent(workspace, { toVersionId: version.id }), 'gate.not-passed');
      const { decision } = await decide(workspace, version);
      expect(await readChampion(db(), workspace.read)).toBeNull();
      expect((await attempt()).event.decisionId).toBe(decision.id);
    },
  );

  it('refuses a pass that was of other bytes than the version holds', async () => {
    const workspace = await stage.addWorkspace();
    const version = await register(workspace);
    const { decision } = await decide(workspace, { ...version, sha256: 'f'.repeat(64) });
    await expect(promoteChampion(deps(), workspace.promote, { versionId: version.id, reason })).rejects.toMatchObject({
      code: 'gate.not-passed',
      userMessage: expect.stringContaining('of another file'),
    });
    await refuses(addEvent(workspace, { decisionId: decision.id, toVersionId: version.id }), 'gate.not-passed');
  });

  it('refuses whoever calls the repositories themselves, in whatever order', async () => {
    const workspace = await stage.addWorkspace();
    const version = await register(workspace);
    const event = {
      kind: 'promote' as const,
      fromVersionId: null,
      toVersionId: version.id,
      reason,
      actorKind: 'system' as const,
      actorId: 'somebody',
      decisionId: null,
    };
    await refuses(
      db().transaction(async (tx) => {
        await lockChampion(tx, workspace.promote);
        await writeChampion(tx, workspace.promote, version.id);
        await insertChampionEvent(tx, workspace.promote, event);
      }),
      'gate.not-passed',
    );
    // Without the event the transaction fails at its end.
    const silently = db().transaction(async (tx) => {
      await lockChampion(tx, workspace.promote);
      await writeChampion(tx, workspace.promote, version.id);
    });
    await refuses(silently, 'without an event');
    expect(await readChampion(db(), workspace.read)).toBeNull();
    expect(await listChampionEvents(db(), workspace.read, { limit: 5 })).toEqual([]);
  });

  it('lets an override through for a role and a written reason, and shows it for good', async () => {
    const workspace = await stage.addWorkspace();
    const version = await register(workspace);
    const people = createPeopleStore(db());
    const allow = async (role: Role) => {
      const actor = { kind: 'user', userId: randomUUID(), isInstanceOwner: true } as const;
      return authorize(
        { memberships: { findRole: () => Promise.resolve(role) } },
        actor,
        workspace.id,
        'gate.override',
      );
    };
    for (const role of ['member', 'evaluator'] as const) {
      await expect(allow(role)).rejects.toMatchObject({ code: 'permission.denied' });
    }
    await expect(authorize(people, nobody, workspace.id, 'gate.override')).rejects.toMatchObject({
      code: 'workspace.not-found',
    });
    const access = await allow('admin');
    const override = (text: string) => overrideChampion(deps(), access, { versionId: version.id, reason: text });
    await expect(override('  short  ')).rejects.toMatchObject({ code: 'input.invalid' });
    await override('the fair opens tomorrow');
    await rollBackChampion(deps(), workspace.promote, { versionId: null, reason });
    const history = await listChampionHistory({ db: db() }, workspace.read, { limit: 10 });
    expect(history.map(({ kind, reason: why }) => [kind, why])).toEqual([
      ['rollback', reason],
      ['override', 'the fair opens tomorrow'],
    ]);
    const mine = eq(championEvents.workspaceId, workspace.id);
    await refuses(db().update(championEvents).set({ reason: 'nothing to see' }).where(mine), 'append only');
    await refuses(db().delete(championEvents).where(mine), 'append only');
  });

  it('asks for four eyes where the policy does', async () => {
    const workspace = await stage.addWorkspace();
    const version = await register(workspace);
    await changePolicy(deps(), workspace.override, {
      policy: { ...DEFAULT_GATE_POLICY, isFourEyesRequired: true },
      note: 'two people',
    });
    const { decision } = await decide(workspace, version);
    await expect(promoteChampion(deps(), workspace.promote, { versionId: version.id, reason })).rejects.toMatchObject({
      code: 'gate.four-eyes',
    });
    await refuses(addEvent(workspace, { decisionId: decision.id, toVersionId: version.id }), 'gate.four-eyes');
    // A stranger's eyes are enough: nobody is recorded as this version's maker.
    const person = { ...workspace.promote, actor: { kind: 'user', userId: randomUUID(), isInstanceOwner: false } };
    await promoteChampion(deps(), person as Authorized<'adapter.promote'>, { versionId: version.id, reason });
    expect(await readChampion(db(), workspace.read)).toBe(version.id);
  });

  it('keeps the champion in place against every statement that would move it without leave', async () => {
    const workspace = await stage.addWorkspace();
    const version = await register(workspace);
    const other = await stage.addWorkspace();
    const foreign = await decide(other, await register(other));
    const failed = await decide(workspace, version, { verdict: 'fail' });

    const setVersion = { workspaceId: workspace.id, versionId: version.id };
    await refuses(db().insert(champions).values(setVersion), 'without an event');
    await db().insert(champions).values({ workspaceId: workspace.id, versionId: null });
    await refuses(
      db().update(champions).set({ versionId: version.id }).where(eq(champions.workspaceId, workspace.id)),
      'without an event',
    );
    await refuses(addEvent(workspace, { toVersionId: version.id }), 'gate.not-passed');
    await refuses(addEvent(workspace, { toVersionId: version.id, decisionId: failed.decision.id }), 'gate.not-passed');
    await refuses(addEvent(workspace, { toVersionId: version.id, decisionId: foreign.decision.id }), 'gate.not-passed');
    await refuses(addEvent(workspace, { kind: 'rollback', toVersionId: version.id }), 'never-served');
    await refuses(addEvent(workspace, { kind: 'override', toVersionId: version.id, reason: ' no ' }), 'written reason');
    await refuses(
      addEvent(workspace, { kind: 'override', toVersionId: version.id, decisionId: failed.decision.id }),
      'rests on a decision',
    );
    await refuses(addEvent(workspace, { kind: 'rollback', fromVersionId: version.id, toVersionId: null }), 'conflict');
    // A decision cannot be made into a pass afterwards.
    await refuses(
      db().update(gateDecisions).set({ verdict: 'pass' }).where(eq(gateDecisions.id, failed.decision.id)),
      'append only',
    );
    await refuses(db().delete(gateDecisions).where(eq(gateDecisions.id, failed.decision.id)), 'append only');
    expect(await readChampion(db(), workspace.read)).toBeNull();

    await promoteOther(other, foreign.decision.versionId);
    await refuses(db().delete(champions).where(eq(champions.workspaceId, other.id)), 'without an event');
    // With its workspace everything goes.
    await db().delete(workspaces).where(eq(workspaces.id, other.id));
    const left = await db().execute(sql`select count(*) as n from gate_decisions where workspace_id = ${other.id}`);
    expect(Number(left.rows[0]?.['n'])).toBe(0);
  });

  async function promoteOther(workspace: RegistryWorkspace, versionId: string) {
    await promoteChampion(deps(), workspace.promote, { versionId, reason });
  }

  it('numbers policies and keeps the old ones', async () => {
    const workspace = await stage.addWorkspace();
    expect(await readPolicy(deps(), workspace.read)).toMatchObject({ number: 0, policy: DEFAULT_GATE_POLICY });
    await changePolicy(deps(), workspace.override, { policy: { ...DEFAULT_GATE_POLICY, minCases: 5 }, note: 'small' });
    await changePolicy(deps(), workspace.override, { policy: { ...DEFAULT_GATE_POLICY, minCases: 50 }, note: 'large' });
    expect(await readPolicy(deps(), workspace.read)).toMatchObject({ number: 2, policy: { minCases: 50 } });
    expect((await listPolicyHistory(deps(), workspace.read)).map(({ note }) => note)).toEqual(['large', 'small']);
    expect(await listPolicyHistory(deps(), (await stage.addWorkspace()).read)).toEqual([]);
  });
});
