import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { composeDeps, provideDeps } from '#app/_server/deps.ts';
import type { Route } from '#app/_server/route.ts';
import { activateAnswerConfig } from '#db/repositories/answer-configs.ts';
import { createPeopleStore } from '#db/repositories/people.ts';
import { adapters as adapterRows, adapterVersions } from '#db/schema/adapters.ts';
import { users } from '#db/schema/auth.ts';
import { chunkEmbeddings, chunks, documentPages, documents, documentVersions } from '#db/schema/documents.ts';
import { indexConfigs } from '#db/schema/workspaces.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { createApiKey, type KeyPermission } from '#lib/auth/api-keys.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { createRateLimits } from '#lib/auth/rate-limits.ts';
import { groundingSchema } from '#lib/chat/openai-completions.ts';
import { answerConfigSchema } from '#lib/domain/answer-config.ts';
import { createBlobStore } from '#lib/ingestion/blob-store.ts';
import { createArtifactStore } from '#lib/registry/artifact-store.ts';
import { serveAdapters } from '#lib/registry/serve-adapters.ts';
import { createRuntimeClient } from '#lib/runtime/client.ts';
import { startFakeRuntime } from '#lib/runtime/fake.ts';
import { GET as listAdapters } from './adapters/route.ts';
import { POST as promote } from './adapters/versions/[versionId]/promote/route.ts';
import { POST as complete } from './chat/completions/route.ts';
import { GET as readDocument } from './documents/[documentId]/route.ts';
import { POST as addDocument } from './documents/route.ts';
import { POST as cancelEvaluation } from './evaluations/[evaluationId]/cancel/route.ts';
import { GET as readReport } from './evaluations/[evaluationId]/report/route.ts';
import { GET as readEvaluation } from './evaluations/[evaluationId]/route.ts';
import { POST as startEvaluation } from './evaluations/route.ts';
import { GET as listModels } from './models/route.ts';
import { GET as readOpenApi } from './openapi.json/route.ts';
import {
  adapterListSchema,
  evaluationSchema,
  importedSuiteSchema,
  startedEvaluationSchema,
  suiteListSchema,
} from './schemas.ts';
import { POST as importSuite, GET as listSuites } from './suites/route.ts';

const PASSAGE = 'Tighten the head bolts of the MX-7731 to 45 Nm.';
const ANSWER = 'Tighten the head bolts to 45 Nm.';
const QUESTION = 'Tighten the head bolts of the MX-7731 to how many Nm?';

/** The route handlers behind a plain HTTP server: what the official client meets is what Next would serve. */
function createServer(): Hono {
  const app = new Hono();
  const routes = [
    complete,
    readDocument,
    addDocument,
    listModels,
    readOpenApi,
    listAdapters,
    promote,
    listSuites,
    importSuite,
    startEvaluation,
    readEvaluation,
    readReport,
    cancelEvaluation,
  ] satisfies Route[];
  for (const route of routes) {
    const { method, path: routePath } = route.definition;
    app.on(method, routePath.replaceAll(/\[(\w+)\]/g, ':$1'), (context) =>
      route(context.req.raw, { params: Promise.resolve(context.req.param()) }),
    );
  }
  return app;
}

describeDatabase('public API', (getDatabase) => {
  const closers: (() => Promise<unknown>)[] = [];
  let baseUrl = '';
  let slug = '';
  let key = '';
  let foreignDocumentId = '';
  let voiceId = '';
  let makeKey: (permissions: readonly KeyPermission[]) => Promise<string>;

  beforeAll(async () => {
    const { db } = getDatabase();
    const fake = await startFakeRuntime({ answer: () => ({ text: ANSWER, tokenMs: 1 }) });
    const blobsDir = await mkdtemp(path.join(os.tmpdir(), 'public-api-'));
    const adapters = {
      artifacts: createArtifactStore(path.join(blobsDir, 'adapters')),
      findBase: () => Promise.reject(new Error('no base in this test')),
    };
    const client = createRuntimeClient({ socketPath: fake.socketPath });
    const runtime = serveAdapters(client, adapters);
    const queued: string[] = [];
    const deps = composeDeps({
      env: { publicUrl: 'http://localhost:3000' },
      log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
      db,
      secret: 's'.repeat(32),
      limits: createRateLimits(),
      runtime,
      queue: {
        open: async () => undefined,
        enqueue: async (_tx, kind) => {
          queued.push(kind);
        },
      },
      blobs: createBlobStore(blobsDir),
      ...adapters,
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
    const createWorkspace = async () => {
      const workspace = await people.workspaces.create({ slug: `w-${randomUUID()}`, name: 'Pumps', isDemo: false });
      const [user] = await db
        .insert(users)
        .values({ name: 'Ann', email: `${randomUUID()}@example.test` })
        .returning();
      if (user === undefined) throw new Error('no user');
      await people.memberships.add({ workspaceId: workspace.id, userId: user.id, role: 'owner' });
      const documentId = randomUUID();
      const versionId = randomUUID();
      const chunkId = randomUUID();
      const status = await runtime.readStatus();
      const [config] = await db
        .insert(indexConfigs)
        .values({
          workspaceId: workspace.id,
          embeddingModel: status.embeddingModel?.id ?? '',
          embeddingSha256: status.embeddingModel?.sha256 ?? null,
          dimensions: status.embeddingModel?.dimensions ?? 0,
          chunkSizeTokens: 200,
          chunkOverlapTokens: 0,
          isActive: true,
        })
        .returning();
      if (config === undefined) throw new Error('no index configuration');
      const tenant = { workspaceId: workspace.id, documentId };
      await db.insert(documents).values({
        id: documentId,
        workspaceId: workspace.id,
        title: 'Pump manual',
        fileName: 'pump.md',
        currentVersionId: versionId,
      });
      await db.insert(documentVersions).values({
        ...tenant,
        id: versionId,
        ordinal: 1,
        fileName: 'pump.md',
        blobSha256: 'a'.repeat(64),
        mediaType: 'text/markdown',
        sizeBytes: 60,
        pageCount: 1,
      });
      await db
        .insert(documentPages)
        .values({ workspaceId: workspace.id, versionId, pageNumber: 1, label: null, text: PASSAGE });
      await db.insert(chunks).values({
        ...tenant,
        id: chunkId,
        versionId,
        indexConfigId: config.id,
        ordinal: 0,
        pageNumber: 1,
        startOffset: 0,
        endOffset: PASSAGE.length,
        sectionStartOffset: 0,
        sectionEndOffset: PASSAGE.length,
        headings: [],
        text: PASSAGE,
        tokenCount: 20,
        termCount: 8,
      });
      const [embedding] = await runtime.embedTexts([PASSAGE]);
      if (embedding === undefined) throw new Error('no embedding');
      await db
        .insert(chunkEmbeddings)
        .values({ chunkId, workspaceId: workspace.id, indexConfigId: config.id, embedding });
      const actor = { kind: 'user' as const, userId: user.id, isInstanceOwner: false };
      const authorized = await authorize(people, actor, workspace.id, 'key.manage');
      // The passage is stored without its lexical terms: what is tested here is the contract, not the search.
      const configure = await authorize(people, actor, workspace.id, 'workspace.configure');
      await activateAnswerConfig(db, configure, answerConfigSchema.parse({ supportThreshold: 0 }));
      const created = await createApiKey(deps, authorized, {
        name: 'test',
        permissions: ['chat.use', 'document.read', 'document.write'],
        expiresInDays: null,
      });
      const makeAnotherKey = async (allowed: readonly KeyPermission[]) =>
        (await createApiKey(deps, authorized, { name: 'pipeline', permissions: allowed, expiresInDays: 1 })).token;
      return { workspace, documentId, key: created, makeAnotherKey };
    };
    const own = await createWorkspace();
    foreignDocumentId = (await createWorkspace()).documentId;
    slug = own.workspace.slug;
    key = own.key.token;
    makeKey = own.makeAnotherKey;
    const adapterId = randomUUID();
    voiceId = randomUUID();
    await db.insert(adapterRows).values({ id: adapterId, workspaceId: own.workspace.id, name: 'Service voice' });
    await db.insert(adapterVersions).values({
      id: voiceId,
      workspaceId: own.workspace.id,
      adapterId,
      number: 1,
      sha256: 'c'.repeat(64),
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

    const server = serve({ fetch: createServer().fetch, port: 0, hostname: '127.0.0.1' }) as Server;
    await once(server, 'listening');
    const address = server.address();
    baseUrl = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/api/v1`;
    closers.push(
      () => new Promise((resolve) => server.close(resolve)),
      () => client.close(),
      () => fake.close(),
      () => rm(blobsDir, { recursive: true, force: true }),
    );
  });
  afterAll(async () => {
    for (const close of closers) await close();
  });

  const createClient = (apiKey = key) => new OpenAI({ apiKey, baseURL: baseUrl, maxRetries: 0 });
  const messages = [{ role: 'user' as const, content: QUESTION }];

  test('the official client lists the assistant and gets a grounded completion', async () => {
    const client = createClient();
    const models = await client.models.list();
    expect(models.data.map(({ id }) => id)).toEqual([slug]);
    const completion = await client.chat.completions.create({ model: slug, messages });
    expect(completion.choices[0]?.message.content).toContain(ANSWER);
    expect(completion.usage?.completion_tokens).toBeGreaterThan(0);
    const grounding = groundingSchema.parse(Reflect.get(completion, 'lorehouse'));
    expect(grounding.citations[0]?.quote).toBe(PASSAGE);
    expect(grounding.sources[0]).toMatchObject({ documentTitle: 'Pump manual', pageNumber: 1 });
  });

  test('the official client streams, with usage and the grounding on the last chunk', async () => {
    const stream = await createClient().chat.completions.create({
      model: slug,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let deltas = 0;
    let usage = 0;
    let grounding: unknown;
    for await (const chunk of stream) {
      const delta = chunk.choices[0]?.delta.content ?? '';
      if (delta !== '') deltas += 1;
      text += delta;
      usage = chunk.usage?.total_tokens ?? usage;
      grounding = Reflect.get(chunk, 'lorehouse') ?? grounding;
    }
    expect(text).toBe(ANSWER);
    expect(deltas).toBeGreaterThan(1);
    expect(usage).toBeGreaterThan(0);
    expect(groundingSchema.parse(grounding).citations).toHaveLength(1);
  });

  test('refuses a foreign assistant, a bad key and a bad body in the shape that the client reads', async () => {
    await expect(createClient().chat.completions.create({ model: 'gpt-4o', messages })).rejects.toMatchObject({
      status: 404,
      code: 'assistant.not-found',
    });
    await expect(createClient('lh_nonsense').models.list()).rejects.toMatchObject({ status: 401 });
    await expect(
      createClient().chat.completions.create({ model: slug, messages: [{ role: 'assistant', content: 'Hello' }] }),
    ).rejects.toMatchObject({ status: 400, code: 'input.invalid' });
  });

  test('takes in a document and shows its state; a foreign one is 404', async () => {
    const headers = { authorization: `Bearer ${key}` };
    const form = new FormData();
    form.set('file', new File(['# Valve\n\nThe valve opens at 12 bar.\n'], 'valve.md', { type: 'text/markdown' }));
    const added = await fetch(`${baseUrl}/documents`, { method: 'POST', headers, body: form });
    expect(added.status).toBe(201);
    const { documentId } = (await added.json()) as { documentId: string };
    const read = await fetch(`${baseUrl}/documents/${documentId}`, { headers });
    expect(await read.json()).toMatchObject({ id: documentId, fileName: 'valve.md', state: 'queued' });
    expect((await fetch(`${baseUrl}/documents/${foreignDocumentId}`, { headers })).status).toBe(404);
  });

  const call = (token: string, address: string, body?: object | FormData) =>
    fetch(`${baseUrl}${address}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined || body instanceof FormData ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: body instanceof FormData ? body : JSON.stringify(body) }),
    });

  test('a pipeline evaluates with a key, and promotes nothing that has not passed', async () => {
    const ci = await makeKey([
      'adapter.read',
      'evaluation.read',
      'evaluation.run',
      'evaluation.write',
      'adapter.promote',
    ]);
    const reader = await makeKey(['evaluation.read']);
    const file = new FormData();
    const testCase = { question: 'How tight?', assertions: [{ type: 'contains', values: ['45 Nm'] }] };
    file.set('file', new File([`${JSON.stringify(testCase)}\n`], 'torque.jsonl'));
    const imported = await call(ci, '/suites', file);
    expect(imported.status).toBe(201);
    expect(importedSuiteSchema.parse(await imported.json())).toMatchObject({ name: 'torque', caseCount: 1 });
    const { suites } = suiteListSchema.parse(await (await call(reader, '/suites')).json());
    const { adapters } = adapterListSchema.parse(await (await call(ci, '/adapters')).json());
    expect(adapters).toMatchObject([{ name: 'Service voice', versions: [{ id: voiceId, isServing: false }] }]);

    const wanted = { versionId: voiceId, suiteIds: suites.map(({ id }) => id) };
    const started = await call(ci, '/evaluations', wanted);
    expect(started.status).toBe(201);
    const { evaluationId } = startedEvaluationSchema.parse(await started.json());
    const read = await call(reader, `/evaluations/${evaluationId}`);
    expect(evaluationSchema.parse(await read.json())).toMatchObject({
      state: 'queued',
      champion: { versionId: null },
      challenger: { versionId: voiceId, name: 'Service voice 1' },
      verdict: null,
      reasons: [],
    });
    expect(await (await call(reader, `/evaluations/${evaluationId}/report?format=junit`)).text()).toContain(
      '<testsuite',
    );

    const promotion = `/adapters/versions/${voiceId}/promote`;
    const reason = { reason: 'pipeline 4711: passed' };
    const notPassed = await call(ci, promotion, reason);
    expect(notPassed.status).toBe(409);
    expect(await notPassed.json()).toMatchObject({ error: { code: 'gate.not-passed' } });
    for (const [address, body] of [
      ['/evaluations', wanted],
      [`/evaluations/${evaluationId}/cancel`, {}],
      [promotion, reason],
    ] as const) {
      const refused = await call(reader, address, body);
      expect([address, refused.status]).toEqual([address, 403]);
      expect(await refused.json()).toMatchObject({ error: { code: 'permission.denied' } });
    }
    expect((await call(key, `/evaluations/${evaluationId}`)).status).toBe(403);
    expect((await call(ci, `/evaluations/${randomUUID()}`)).status).toBe(404);
    expect((await call(ci, `/evaluations/${evaluationId}/cancel`, {})).status).toBe(204);
    const after = await call(reader, `/evaluations/${evaluationId}`);
    expect(evaluationSchema.parse(await after.json()).state).toBe('cancelled');
  });

  test('serves a description in which every reference resolves and every route has its path', async () => {
    const response = await fetch(`${baseUrl}/openapi.json`);
    const text = await response.text();
    const description = JSON.parse(text) as { paths: object; components: { schemas: Record<string, object> } };
    const routes = globSync('**/route.ts', { cwd: import.meta.dirname })
      .map(
        (file) =>
          `/${path
            .dirname(file)
            .replaceAll(path.sep, '/')
            .replaceAll(/\[(\w+)\]/g, '{$1}')}`,
      )
      .filter((route) => route !== '/openapi.json');
    expect(Object.keys(description.paths).toSorted()).toEqual(routes.toSorted());
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      expect(description.components.schemas).toHaveProperty(name ?? '');
    }
    expect(text).toContain('unsupportedSpans');
  });
});
