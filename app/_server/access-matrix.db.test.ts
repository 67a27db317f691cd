import { createHash, randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { eq, getTableName, is, sql } from 'drizzle-orm';
import { PgTable } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readActiveAnswerConfig } from '#db/repositories/answer-configs.ts';
import { createPeopleStore } from '#db/repositories/people.ts';
import * as schema from '#db/schema/all.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import type { TestDatabase } from '#db/testing/test-database.ts';
import { createApiKey } from '#lib/auth/api-keys.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { createInvitation } from '#lib/auth/invitations.ts';
import { hashPassword } from '#lib/auth/passwords.ts';
import { createRateLimits } from '#lib/auth/rate-limits.ts';
import {
  type Actor,
  keyPermissions,
  type Permission,
  permissions,
  type Role,
  rolePermissions,
  roles,
} from '#lib/domain/actor.ts';
import { AppError, assertNever } from '#lib/domain/errors.ts';
import { createBlobStore } from '#lib/ingestion/blob-store.ts';
import { createArtifactStore } from '#lib/registry/artifact-store.ts';
import type { AdapterRuntime } from '#lib/registry/serve-adapters.ts';
import type { Access } from './access.ts';
import type { Action, ActionDefinition, ActionResult } from './action.ts';
import { composeDeps, provideDeps } from './deps.ts';
import { type EndpointSample, endpointSamples, type SampleCall, type SampleTenant } from './endpoint-samples.ts';
import { findStatus } from './respond.ts';
import type { Route } from './route.ts';

/**
 * Every route and every server action × every credential that must not open it. The list of endpoints comes from the file
 * tree, so a new one that declares no access, or has no sample call, fails here.
 */

const next = vi.hoisted(() => ({ headers: new Headers() }));
vi.mock('next/headers', () => ({
  headers: async () => next.headers,
  cookies: async () => ({ set: () => undefined }),
}));

// --- the endpoints, as the file tree has them ---------------------------------------------------------------------------

const appDir = path.resolve(import.meta.dirname, '..');

/** What a route file may export besides its methods (Next's route segment configuration). */
const ROUTE_CONFIG = new Set(['dynamic', 'runtime', 'maxDuration', 'revalidate', 'fetchCache', 'preferredRegion']);

interface Endpoint {
  /** `METHOD /path`, or the action's name: the key of its sample. */
  readonly key: string;
  readonly file: string;
  readonly access: Access;
  readonly call: (tenant: SampleTenant, sample: SampleCall, headers: Headers) => Promise<number>;
}

function toUrlPath(file: string): string {
  const parts = path.dirname(path.relative(appDir, file)).split(path.sep);
  return `/${parts.filter((part) => !/^\(.*\)$/.test(part) && part !== '.').join('/')}`;
}

function fillPath(urlPath: string, params: Readonly<Record<string, string | readonly string[]>>): string {
  return urlPath.replaceAll(/\[(?:\.\.\.)?(\w+)\]/g, (_, name: string) => [params[name] ?? 'missing'].flat().join('/'));
}

async function callRoute(route: Route, tenant: SampleTenant, sample: SampleCall, headers: Headers): Promise<number> {
  const params = {
    ...(route.definition.path.includes('[workspace]') ? { workspace: tenant.slug } : {}),
    ...sample.params,
  };
  const url = new URL(fillPath(route.definition.path, params), 'http://localhost:3000');
  for (const [name, value] of Object.entries(sample.query ?? {})) url.searchParams.set(name, value);
  const init: RequestInit = { method: route.definition.method, headers: new Headers(headers) };
  if (sample.file !== undefined) {
    const form = new FormData();
    form.set('file', new File([sample.file.content], sample.file.name, { type: sample.file.type }));
    init.body = form;
  } else if (sample.input !== undefined) {
    init.headers = new Headers(headers);
    init.headers.set('content-type', 'application/json');
    init.body = JSON.stringify(sample.input);
  }
  const response = await route(new Request(url, init), { params: Promise.resolve(params) });
  // A stream is read to its end, so that nothing of the call goes on behind the next one; one that only watches never ends.
  if (route.definition.method === 'GET') await response.body?.cancel();
  else await response.text();
  return response.status;
}

async function callAction(
  action: Action<unknown, unknown>,
  tenant: SampleTenant,
  sample: SampleCall,
  headers: Headers,
): Promise<number> {
  next.headers = headers;
  const isOfWorkspace = action.definition.access.kind === 'workspace';
  const result: ActionResult<unknown> = await action({
    ...(isOfWorkspace ? { workspace: tenant.slug } : {}),
    ...sample.input,
  });
  return result.ok ? 200 : (findStatus(result.error.code) ?? 500);
}

function isRouteExport(value: unknown): value is Route {
  return typeof value === 'function' && 'definition' in value && JSON.stringify(value.definition).includes('"path"');
}

function isActionExport(value: unknown): value is Action<unknown, unknown> {
  return typeof value === 'function' && 'definition' in value && JSON.stringify(value.definition).includes('"name"');
}

async function findEndpoints(): Promise<{ endpoints: Endpoint[]; problems: string[] }> {
  const endpoints: Endpoint[] = [];
  const problems: string[] = [];
  const files = globSync('**/*.{ts,tsx}', { cwd: appDir })
    .filter((file) => !/\.test\.tsx?$/.test(file))
    .sort()
    .map((file) => path.join(appDir, file));
  for (const file of files) {
    const name = path.relative(appDir, file);
    const isRouteFile = /(^|\/)route\.tsx?$/.test(name) && !name.startsWith('_server/');
    const source = readFileSync(file, 'utf8');
    const isActionFile = /^\s*['"]use server['"]/.test(source);
    if (!isActionFile && /^\s+['"]use server['"]/m.test(source)) {
      problems.push(
        `${name}: actions inside functions escape this test; move them to a file that starts with 'use server'`,
      );
    }
    if (!isRouteFile && !isActionFile) continue;
    const exported: Record<string, unknown> = await import(file);
    for (const [exportName, value] of Object.entries(exported)) {
      if (isRouteFile && isRouteExport(value)) {
        const { path: urlPath, method, access } = value.definition;
        if (urlPath !== toUrlPath(file)) problems.push(`${name}: declares ${urlPath}, lies at ${toUrlPath(file)}`);
        if (method !== exportName) problems.push(`${name}: export ${exportName} declares ${method}`);
        endpoints.push({
          key: `${method} ${urlPath}`,
          file: name,
          access,
          call: (tenant, sample, headers) => callRoute(value, tenant, sample, headers),
        });
      } else if (isActionFile && isActionExport(value)) {
        const definition: ActionDefinition = value.definition;
        endpoints.push({
          key: definition.name,
          file: name,
          access: definition.access,
          call: (tenant, sample, headers) => callAction(value, tenant, sample, headers),
        });
      } else if (!(isRouteFile && ROUTE_CONFIG.has(exportName))) {
        problems.push(`${name}: export ${exportName} is made by none of the define functions of app/_server`);
      }
    }
  }
  const keys = endpoints.map(({ key }) => key);
  for (const key of new Set(keys.filter((candidate, index) => keys.indexOf(candidate) !== index))) {
    problems.push(`${key}: declared twice`);
  }
  for (const key of keys) if (!(key in endpointSamples)) problems.push(`${key}: no entry in endpoint-samples.ts`);
  for (const key of Object.keys(endpointSamples)) {
    if (!keys.includes(key)) problems.push(`${key}: in endpoint-samples.ts, but there is no such endpoint`);
  }
  return { endpoints, problems };
}

const { endpoints, problems } = await findEndpoints();

// --- the world: two workspaces, people of every role, keys in every state ------------------------------------------------

const PASSWORD = 'correct horse battery staple';

interface Tenant extends SampleTenant {
  readonly id: string;
  readonly sessions: Readonly<Record<Role, Headers>>;
  readonly keys: Readonly<{ full: Headers; empty: Headers; revoked: Headers; expired: Headers; demoted: Headers }>;
}

interface World {
  /** Alpha with new rows in place of those that earlier calls used up. */
  readonly renewAlpha: () => Promise<SampleTenant>;
  readonly a: Tenant;
  readonly b: Tenant;
  readonly instanceOwner: Headers;
  readonly stranger: Headers;
  readonly suspended: Headers;
  readonly suspendedKey: Headers;
}

/** Permission is decided before any model is asked; a call that gets this far is answered with 503. */
async function fail(): Promise<never> {
  throw new AppError({ code: 'runtime.unavailable', message: 'no runtime in this test', isRetryable: true });
}

const brokenRuntime: AdapterRuntime = {
  loadAdapter: fail,
  readStatus: fail,
  streamChat: () => ({ [Symbol.asyncIterator]: () => ({ next: fail }) }),
  embedTexts: fail,
  countTokens: fail,
  countEmbeddingTokens: fail,
  scoreContinuation: fail,
};

const asBearer = (token: string) => new Headers({ authorization: `Bearer ${token}` });

async function createWorld(database: TestDatabase, blobsDir: string): Promise<World> {
  const { db } = database;
  const generous = { points: 1_000_000, windowSeconds: 60 };
  const deps = composeDeps({
    env: { publicUrl: 'http://localhost:3000' },
    log: {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
    },
    db,
    secret: randomUUID() + randomUUID(),
    limits: createRateLimits({ signInPerEmail: generous, signInPerAddress: generous, requestsPerKey: generous }),
    runtime: brokenRuntime,
    queue: { open: async () => undefined, enqueue: async () => undefined },
    blobs: createBlobStore(blobsDir),
    artifacts: createArtifactStore(path.join(blobsDir, 'adapters')),
    findBase: fail,
    training: { weightCacheDir: blobsDir, matrixRateFile: path.join(blobsDir, 'matrix-rate.json') },
    shippedSuitesDir: path.resolve('db/seeds/suites'),
    dataSetUploads: createBlobStore(path.join(blobsDir, 'data-set-uploads')),
    dataSetFiles: createBlobStore(path.join(blobsDir, 'data-sets')),
    probes: {
      database: async () => ({ state: 'ready', reason: null }),
      runtime: async () => ({ state: 'ready', reason: null }),
      worker: async () => ({ state: 'ready', reason: null }),
    },
  });
  provideDeps(deps);
  const people = createPeopleStore(db);
  const passwordHash = await hashPassword(PASSWORD);

  async function createPerson(name: string, isInstanceOwner = false) {
    const person = await people.users.create({ name, email: `${name}@example.org`, passwordHash, isInstanceOwner });
    const { setCookies } = await deps.authenticator.signIn({ email: person.email, password: PASSWORD }, new Headers());
    const cookie = setCookies.map((value) => value.split(';')[0]).join('; ');
    const headers = new Headers({ cookie, origin: 'http://localhost:3000', 'sec-fetch-site': 'same-origin' });
    return { id: person.id, headers };
  }

  async function createKey(workspaceId: string, userId: string, allowed: readonly Permission[]) {
    const actor: Actor = { kind: 'user', userId, isInstanceOwner: false };
    const authorized = await authorize(people, actor, workspaceId, 'key.manage');
    const made = await createApiKey({ people }, authorized, {
      name: 'test',
      permissions: keyPermissions.filter((permission) => allowed.includes(permission)),
      expiresInDays: 30,
    });
    return { id: made.key.id, headers: asBearer(made.token) };
  }

  /** A new row of everything that a call may use up, change or delete; the people are as they were. */
  async function addRows(tenant: {
    readonly id: string;
    readonly slug: string;
    readonly ownerId: string;
    readonly memberId: string;
  }): Promise<Omit<SampleTenant, 'slug'>> {
    const { id: workspaceId, slug, ownerId, memberId } = tenant;
    const actor: Actor = { kind: 'user', userId: ownerId, isInstanceOwner: false };
    await people.users.setSuspended(memberId, null);
    await db
      .insert(schema.workspaceMembers)
      .values({ workspaceId, userId: memberId, role: 'member' })
      .onConflictDoUpdate({
        target: [schema.workspaceMembers.workspaceId, schema.workspaceMembers.userId],
        set: { role: 'member' },
      });
    const key = await createKey(workspaceId, ownerId, keyPermissions);
    const manage = await authorize(people, actor, workspaceId, 'member.manage');
    const invitation = await createInvitation({ people }, manage, { role: 'member', email: null, expiresInDays: 7 });
    const documentId = randomUUID();
    const versionId = randomUUID();
    const blobSha256 = createHash('sha256').update(slug).digest('hex');
    await db.insert(schema.documents).values({
      id: documentId,
      workspaceId,
      title: `${slug} manual`,
      fileName: 'manual.txt',
      createdBy: ownerId,
      currentVersionId: versionId,
    });
    await db.insert(schema.documentVersions).values({
      id: versionId,
      workspaceId,
      documentId,
      ordinal: 1,
      fileName: 'manual.txt',
      blobSha256,
      mediaType: 'text/plain',
      sizeBytes: 5,
      pageCount: 1,
      extractedAt: new Date(),
    });
    await db.insert(schema.documentPages).values({ workspaceId, versionId, pageNumber: 1, label: null, text: 'hello' });
    const [indexConfig] = await db
      .insert(schema.indexConfigs)
      .values({ workspaceId, embeddingModel: 'none', dimensions: 3, chunkSizeTokens: 100, chunkOverlapTokens: 0 })
      .returning();
    const chunkId = randomUUID();
    await db.insert(schema.chunks).values({
      id: chunkId,
      workspaceId,
      documentId,
      versionId,
      indexConfigId: indexConfig?.id ?? '',
      ordinal: 0,
      pageNumber: 1,
      startOffset: 0,
      endOffset: 5,
      sectionStartOffset: 0,
      sectionEndOffset: 5,
      headings: [],
      text: 'hello',
      tokenCount: 1,
      termCount: 0,
    });
    const goldenQuestionId = randomUUID();
    await db
      .insert(schema.goldenQuestions)
      .values({ id: goldenQuestionId, workspaceId, question: `Which seal, ${goldenQuestionId}?`, kind: 'answerable' });
    const runId = randomUUID();
    await db.insert(schema.runs).values({
      id: runId,
      workspaceId,
      kind: 'document.ingest',
      subjectId: versionId,
      title: 'manual.txt',
      state: 'queued',
      createdBy: ownerId,
    });
    const archiveId = randomUUID();
    await db.insert(schema.archives).values({
      id: archiveId,
      workspaceId,
      fileName: 'manuals.zip',
      blobSha256,
      sizeBytes: 5,
      unpackedAt: new Date(),
    });
    await db.insert(schema.archiveEntries).values({
      workspaceId,
      archiveId,
      ordinal: 0,
      name: 'manuals.zip/tool.exe',
      outcome: 'rejected',
      errorCode: 'document.unsupported',
      errorMessage: 'This is a program.',
    });
    await db.insert(schema.runs).values({
      workspaceId,
      kind: 'archive.unpack',
      subjectId: archiveId,
      title: 'manuals.zip',
      state: 'succeeded',
    });
    const adapterId = randomUUID();
    const adapterVersionIds = [randomUUID(), randomUUID()] as const;
    await db.insert(schema.adapters).values({ id: adapterId, workspaceId, name: `Voice ${adapterId}` });
    for (const [index, id] of adapterVersionIds.entries()) {
      await db.insert(schema.adapterVersions).values({
        id,
        workspaceId,
        adapterId,
        number: index + 1,
        sha256: createHash('sha256').update(id).digest('hex'),
        sizeBytes: 5,
        baseSha256: 'a'.repeat(64),
        baseModel: 'tiny',
        config: {
          architecture: 'llama',
          rank: { min: 1, max: 1 },
          alpha: 1,
          targetModules: ['q_proj'],
          adaptedLayers: 1,
          parameters: 1,
          storedAs: ['F32'],
        },
        origin: 'imported',
        lineage: {},
      });
    }
    const conversationId = randomUUID();
    await db.insert(schema.conversations).values({ id: conversationId, workspaceId, userId: ownerId, title: 'Secret' });
    const deletedConversationId = randomUUID();
    await db.insert(schema.conversations).values({
      id: deletedConversationId,
      workspaceId,
      userId: ownerId,
      title: 'Deleted secret',
      deletedAt: new Date(),
    });
    const questionId = randomUUID();
    await db.insert(schema.messages).values({
      id: questionId,
      workspaceId,
      conversationId,
      role: 'user',
      ordinal: 0,
      content: 'What is it?',
      state: 'complete',
    });
    const messageId = randomUUID();
    await db.insert(schema.messages).values({
      id: messageId,
      workspaceId,
      conversationId,
      role: 'assistant',
      ordinal: 1,
      content: 'A secret.',
      state: 'complete',
      answerKind: 'refusal',
    });
    const spareSessionId = randomUUID();
    await db.insert(schema.sessions).values({
      id: spareSessionId,
      userId: ownerId,
      token: randomUUID(),
      expiresAt: new Date(Date.now() + 3_600_000),
    });
    const dataSetId = randomUUID();
    await db
      .insert(schema.dataSets)
      .values({ id: dataSetId, workspaceId, name: dataSetId, language: 'en', maxRowTokens: 512, createdBy: ownerId });
    const importId = randomUUID();
    await db
      .insert(schema.dataSetImports)
      .values({ id: importId, workspaceId, dataSetId, kind: 'upload', title: 'log.jsonl', settings: {} });
    const dataSetRowId = randomUUID();
    await db.insert(schema.dataSetRows).values({
      id: dataSetRowId,
      workspaceId,
      dataSetId,
      importId,
      messages: [
        { role: 'user', content: 'What is it?' },
        { role: 'assistant', content: 'A secret.' },
      ],
      contentSha256: 'a'.repeat(64),
      state: 'accepted',
    });
    const dataSetVersionId = randomUUID();
    const emptySha256 = createHash('sha256').digest('hex');
    await db.insert(schema.dataSetVersions).values({
      id: dataSetVersionId,
      workspaceId,
      dataSetId,
      ordinal: 1,
      sha256: emptySha256,
      trainSha256: emptySha256,
      validationSha256: emptySha256,
      heldOutSha256: emptySha256,
      trainRows: 1,
      validationRows: 0,
      heldOutRows: 0,
      settings: {},
    });
    const suiteId = randomUUID();
    const revisionId = randomUUID();
    await db.insert(schema.evalSuites).values({ id: suiteId, workspaceId, name: suiteId, createdBy: ownerId });
    await db
      .insert(schema.suiteRevisions)
      .values({ id: revisionId, workspaceId, suiteId, number: 1, contentSha256: emptySha256 });
    await db.insert(schema.testCases).values({
      workspaceId,
      revisionId,
      key: 'which-seal',
      ordinal: 0,
      content: {
        key: 'which-seal',
        question: 'Which seal?',
        assertions: [{ type: 'contains', values: ['the large one'] }],
      },
      contentSha256: emptySha256,
    });
    const draftSetId = randomUUID();
    const draftId = randomUUID();
    await db.insert(schema.caseDraftSets).values({
      id: draftSetId,
      workspaceId,
      suiteId,
      suiteName: suiteId,
      settings: { documentIds: [], maxCases: 5 },
    });
    await db.insert(schema.runs).values({
      workspaceId,
      kind: 'suite.draft',
      subjectId: draftSetId,
      title: 'Cases from documents',
      state: 'cancelled',
    });
    await db.insert(schema.caseDrafts).values({
      id: draftId,
      workspaceId,
      draftSetId,
      ordinal: 1,
      content: {
        key: 'which-oil',
        question: 'Which oil?',
        assertions: [{ type: 'contains', values: ['the thin one'] }],
      },
      state: 'accepted',
    });
    const evaluationId = randomUUID();
    const evaluationRunId = randomUUID();
    await db.insert(schema.runs).values({
      id: evaluationRunId,
      workspaceId,
      kind: 'evaluation.run',
      subjectId: evaluationId,
      title: 'Voice 1 on a suite',
      state: 'queued',
    });
    const chat = await authorize(people, actor, workspaceId, 'chat.use');
    await db.insert(schema.evaluationRuns).values({
      id: evaluationId,
      workspaceId,
      runId: evaluationRunId,
      versionId: adapterVersionIds[0],
      adapterSha256: createHash('sha256').update(adapterVersionIds[0]).digest('hex'),
      answerConfigId: (await readActiveAnswerConfig(db, chat)).id,
      settings: {},
      createdBy: ownerId,
    });
    await db.insert(schema.evaluationRunSuites).values({ workspaceId, evaluationRunId: evaluationId, revisionId });
    return {
      suiteId,
      evaluationId,
      draftSetId,
      draftId,
      dataSetId,
      dataSetRowId,
      dataSetVersionId,
      userIds: { owner: ownerId, member: memberId },
      spareSessionId,
      invitationId: invitation.invitation.id,
      invitationToken: invitation.link.split('token=')[1] ?? '',
      keyId: key.id,
      documentId,
      chunkId,
      goldenQuestionId,
      versionId,
      archiveId,
      runId,
      conversationId,
      deletedConversationId,
      adapterId,
      adapterVersionIds,
      questionId,
      messageId,
    };
  }

  async function createTenant(slug: string): Promise<Tenant> {
    const workspace = await people.workspaces.create({ slug, name: slug, isDemo: false });
    const workspaceId = workspace.id;
    const persons = {
      owner: await createPerson(`${slug}-owner`),
      admin: await createPerson(`${slug}-admin`),
      evaluator: await createPerson(`${slug}-evaluator`),
      member: await createPerson(`${slug}-member`),
    };
    for (const role of roles) await people.memberships.add({ workspaceId, userId: persons[role].id, role });
    const ownerId = persons.owner.id;
    const full = await createKey(workspaceId, ownerId, keyPermissions);
    const empty = await createKey(workspaceId, ownerId, []);
    const revoked = await createKey(workspaceId, ownerId, keyPermissions);
    await db.update(schema.apiKeys).set({ revokedAt: new Date() }).where(eq(schema.apiKeys.id, revoked.id));
    const expired = await createKey(workspaceId, ownerId, keyPermissions);
    await db
      .update(schema.apiKeys)
      .set({ expiresAt: new Date(0) })
      .where(eq(schema.apiKeys.id, expired.id));
    // Made by an admin who became a plain member since.
    const demoted = await createKey(workspaceId, persons.admin.id, keyPermissions);
    await db.update(schema.apiKeys).set({ createdBy: persons.member.id }).where(eq(schema.apiKeys.id, demoted.id));

    // The product's defaults become a row with the first question; that is no trespass.
    const read = await authorize(people, { kind: 'system', reason: 'test' }, workspaceId, 'chat.use');
    await readActiveAnswerConfig(db, read);
    return {
      id: workspaceId,
      slug,
      ...(await addRows({ id: workspaceId, slug, ownerId, memberId: persons.member.id })),
      sessions: {
        owner: persons.owner.headers,
        admin: persons.admin.headers,
        evaluator: persons.evaluator.headers,
        member: persons.member.headers,
      },
      keys: {
        full: full.headers,
        empty: empty.headers,
        revoked: revoked.headers,
        expired: expired.headers,
        demoted: demoted.headers,
      },
    };
  }

  const instanceOwner = await createPerson('instance-owner', true);
  const a = await createTenant('alpha');
  const b = await createTenant('beta');
  const stranger = await createPerson('stranger');
  const suspended = await createPerson('suspended');
  await people.memberships.add({ workspaceId: a.id, userId: suspended.id, role: 'admin' });
  const suspendedKey = await createKey(a.id, suspended.id, keyPermissions);
  // Only the mark: the session and the key are still there, so the check itself has to refuse them.
  await people.users.setSuspended(suspended.id, new Date());
  // A key's first use writes the time; the forbidden calls below must find nothing left to write.
  await db.update(schema.apiKeys).set({ lastUsedAt: sql`now() + interval '1 hour'` });
  return {
    renewAlpha: async () => ({
      slug: a.slug,
      ...(await addRows({ id: a.id, slug: a.slug, ownerId: a.userIds.owner, memberId: a.userIds.member })),
    }),
    a,
    b,
    instanceOwner: instanceOwner.headers,
    stranger: stranger.headers,
    suspended: suspended.headers,
    suspendedKey: suspendedKey.headers,
  };
}

const tables = Object.values(schema).filter((value) => is(value, PgTable));

/** Changes with every value of every row; `workspaceId` narrows it to one workspace's rows and leaves tables without one out. */
async function digest({ db }: TestDatabase, workspaceId?: string): Promise<string> {
  const parts: string[] = [];
  for (const table of tables) {
    if (workspaceId !== undefined && !('workspaceId' in table)) continue;
    const rows = await db.execute<{ digest: string | null }>(
      sql`select md5(string_agg(t::text, '|' order by t::text)) as digest from ${table} t ${
        workspaceId === undefined ? sql`` : sql`where workspace_id = ${workspaceId}`
      }`,
    );
    parts.push(`${getTableName(table)}:${rows.rows[0]?.digest ?? ''}`);
  }
  return parts.join('\n');
}

function listMoves({ db }: TestDatabase, workspaceId: string) {
  const { championEvents } = schema;
  return db
    .select({ kind: championEvents.kind })
    .from(championEvents)
    .where(eq(championEvents.workspaceId, workspaceId))
    .orderBy(championEvents.sequence);
}

// --- the matrix ----------------------------------------------------------------------------------------------------------

interface Forbidden {
  readonly who: string;
  readonly headers: Headers;
  readonly status: number;
  /** Whose address and whose ids the call has; default both alpha's. */
  readonly address?: SampleTenant;
  readonly idsOf?: SampleTenant;
}

const anonymous = () => [
  { who: 'nobody', headers: new Headers(), status: 401 },
  {
    who: 'nobody, claiming that the proxy has been passed',
    headers: new Headers({ 'x-middleware-subrequest': 'proxy:proxy:proxy:proxy:proxy' }),
    status: 401,
  },
  { who: 'a made-up session', headers: new Headers({ cookie: 'lorehouse.session_token=abc.def' }), status: 401 },
  { who: 'a made-up key', headers: asBearer(`lh_aaaaaaaa_${'A'.repeat(43)}`), status: 401 },
  { who: 'a broken key', headers: asBearer('lh_'), status: 401 },
];

function hasForeignIds(sample: EndpointSample, world: World): boolean {
  return (
    sample.foreignIsAllowedBecause === undefined &&
    JSON.stringify(sample.call(world.a)) !== JSON.stringify(sample.call(world.b))
  );
}

function listForbidden(endpoint: Endpoint, sample: EndpointSample, world: World): Forbidden[] {
  const { access } = endpoint;
  const { a, b } = world;
  const isAction = !endpoint.key.includes(' ');
  const deadCredentials: Forbidden[] = [
    ...anonymous(),
    { who: 'a suspended person', headers: world.suspended, status: 401 },
    { who: 'the key of a suspended person', headers: world.suspendedKey, status: 401 },
    { who: 'a revoked key', headers: a.keys.revoked, status: 401 },
    { who: 'an expired key', headers: a.keys.expired, status: 401 },
    {
      who: 'a revoked key beside a good session',
      headers: new Headers([...a.sessions.owner, ...a.keys.revoked]),
      status: 401,
    },
  ];
  const foreignSite: Forbidden[] =
    isAction || endpoint.key.startsWith('GET ')
      ? []
      : [
          {
            who: 'a good session on a page of another site',
            headers: withHeaders(a.sessions.owner, { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }),
            status: 403,
          },
          {
            who: 'a good session with a foreign origin and no fetch metadata',
            headers: withHeaders(a.sessions.owner, { origin: 'https://evil.example', 'sec-fetch-site': null }),
            status: 403,
          },
        ];
  switch (access.kind) {
    case 'public':
      return [{ who: 'a stranger with nothing to show', headers: new Headers(), status: sample.publicStatus ?? 404 }];
    case 'person':
      return [
        ...deadCredentials,
        ...foreignSite,
        { who: 'a good key', headers: a.keys.full, status: 403 },
        ...(hasForeignIds(sample, world)
          ? [{ who: "alpha's owner with beta's ids", headers: a.sessions.owner, status: 404, idsOf: b }]
          : []),
      ];
    case 'instance-owner':
      return [
        ...deadCredentials,
        ...foreignSite.map((call) => ({ ...call, headers: withHeaders(world.instanceOwner, { ...foreign(call) }) })),
        { who: 'a good key', headers: a.keys.full, status: 403 },
        { who: 'the owner of a workspace', headers: a.sessions.owner, status: 403 },
      ];
    case 'key':
      return [
        ...deadCredentials,
        { who: 'a session', headers: a.sessions.owner, status: 401 },
        { who: 'a key without the permission', headers: a.keys.empty, status: 403 },
        ...(rolePermissions.member.includes(access.permission)
          ? []
          : [{ who: 'a key whose maker was demoted', headers: a.keys.demoted, status: 403 }]),
        ...(hasForeignIds(sample, world)
          ? [{ who: "alpha's key with beta's ids", headers: a.keys.full, status: 404, idsOf: b }]
          : []),
      ];
    case 'workspace': {
      const weak = roles.filter((role) => !rolePermissions[role].includes(access.permission));
      const keyForms: Forbidden[] = isAction
        ? [{ who: 'a good key', headers: a.keys.full, status: 403 }]
        : [
            { who: 'a key without the permission', headers: a.keys.empty, status: 403 },
            { who: "beta's key", headers: b.keys.full, status: 404 },
            ...(rolePermissions.member.includes(access.permission)
              ? []
              : [{ who: 'a key whose maker was demoted', headers: a.keys.demoted, status: 403 }]),
          ];
      return [
        ...deadCredentials,
        ...foreignSite,
        ...keyForms,
        ...weak.map((role) => ({ who: `a mere ${role}`, headers: a.sessions[role], status: 403 })),
        { who: "beta's owner", headers: b.sessions.owner, status: 404 },
        { who: 'a person of no workspace', headers: world.stranger, status: 404 },
        { who: 'the owner of the installation, who is no member', headers: world.instanceOwner, status: 404 },
        {
          who: 'the owner, of a workspace that does not exist',
          headers: a.sessions.owner,
          status: 404,
          address: { ...a, slug: 'gamma' },
        },
        ...(hasForeignIds(sample, world)
          ? [
              { who: "alpha's owner with beta's ids", headers: a.sessions.owner, status: 404, idsOf: b },
              ...(isAction || !keyPermissions.some((permission) => permission === access.permission)
                ? []
                : [{ who: "alpha's key with beta's ids", headers: a.keys.full, status: 404, idsOf: b }]),
            ]
          : []),
        ...(sample.isPersonal === true
          ? [{ who: 'an admin, at what is private to the owner', headers: a.sessions.admin, status: 404 }]
          : []),
      ];
    }
    default:
      return assertNever(access);
  }
}

function withHeaders(headers: Headers, changes: Readonly<Record<string, string | null>>): Headers {
  const changed = new Headers(headers);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) changed.delete(name);
    else changed.set(name, value);
  }
  return changed;
}

function foreign(call: Forbidden): Record<string, string | null> {
  return { origin: call.headers.get('origin'), 'sec-fetch-site': call.headers.get('sec-fetch-site') };
}

/** One for each shape of an endpoint's input. */
const trials = endpoints.flatMap((endpoint) => {
  const sample = endpointSamples[endpoint.key];
  if (sample === undefined) return [];
  return [sample.call, ...(sample.otherCalls ?? [])].map((call, index) => ({
    label: index === 0 ? endpoint.key : `${endpoint.key} (${index + 1})`,
    endpoint,
    sample: { ...sample, call } satisfies EndpointSample,
  }));
});

/** Whoever the endpoint is for. */
function findRightCaller(endpoint: Endpoint, world: World): Headers {
  if (endpoint.access.kind === 'instance-owner') return world.instanceOwner;
  return endpoint.access.kind === 'key' ? world.a.keys.full : world.a.sessions.owner;
}

it('finds every route and action declared, and a sample call for each', () => {
  expect(problems).toEqual([]);
  expect(endpoints.length).toBeGreaterThan(10);
});

it('grants no permission to a role below that a higher role lacks', () => {
  for (const permission of permissions) {
    const holders = roles.filter((role) => rolePermissions[role].includes(permission));
    expect(holders).toEqual(roles.slice(0, holders.length));
  }
});

describeDatabase('access matrix', (getDatabase) => {
  let world: World;
  let blobsDir: string;
  let before: string;

  beforeAll(async () => {
    blobsDir = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-blobs-'));
    world = await createWorld(getDatabase(), blobsDir);
  });
  afterAll(() => rm(blobsDir, { recursive: true, force: true }));
  beforeEach(async () => {
    before = await digest(getDatabase());
  });

  describe.each(trials)('$label', ({ endpoint, sample }) => {
    it('refuses everyone it is not for, and changes nothing', async () => {
      const outcomes: Record<string, number> = {};
      const expected: Record<string, number> = {};
      for (const forbidden of listForbidden(endpoint, sample, world)) {
        expected[forbidden.who] = forbidden.status;
        outcomes[forbidden.who] = await endpoint.call(
          forbidden.address ?? world.a,
          sample.call(forbidden.idsOf ?? world.a),
          forbidden.headers,
        );
      }
      expect(outcomes).toEqual(expected);
      expect(await digest(getDatabase())).toBe(before);
    });
  });

  // Last, because these calls succeed and change rows.
  describe.each(trials.filter(({ endpoint }) => endpoint.access.kind !== 'public'))(
    '$label',
    ({ endpoint, sample }) => {
      it('answers whom it is for, and fields that nobody may set do nothing in another workspace', async () => {
        const database = getDatabase();
        const alpha = await world.renewAlpha();
        const foreignBefore = await digest(database, world.b.id);
        const ownersBefore = await database.db
          .select()
          .from(schema.users)
          .where(eq(schema.users.isInstanceOwner, true));
        const call = sample.call(alpha);
        const smuggled = {
          workspaceId: world.b.id,
          workspace_id: world.b.id,
          ownerId: world.b.userIds.owner,
          createdBy: world.b.userIds.owner,
          isInstanceOwner: true,
          status: 'promoted',
          promotedAt: '2020-01-01T00:00:00Z',
          gateRunId: randomUUID(),
          championVersionId: alpha.adapterVersionIds[0],
          decisionId: randomUUID(),
          verdict: 'pass',
          permission: 'member.manage',
        };
        const movesBefore = await listMoves(database, world.a.id);
        const status = await endpoint.call(
          world.a,
          call.input === undefined ? call : { ...call, input: { ...smuggled, ...call.input } },
          findRightCaller(endpoint, world),
        );
        const isFine = (status >= 200 && status < 300) || (sample.alsoFine ?? []).includes(status);
        expect(isFine, `answered ${status}`).toBe(true);
        expect(await digest(database, world.b.id)).toBe(foreignBefore);
        // Nobody has evaluated any of these versions. Whatever moved the champion must say that it went around the gate.
        const moves = (await listMoves(database, world.a.id)).slice(movesBefore.length);
        const isAllowedTo = (kind: string) => kind !== 'promote' && endpoint.key.startsWith('champion.');
        expect(moves.filter(({ kind }) => !isAllowedTo(kind))).toEqual([]);
        expect(await database.db.select().from(schema.users).where(eq(schema.users.isInstanceOwner, true))).toEqual(
          ownersBefore,
        );
      });
    },
  );
});
